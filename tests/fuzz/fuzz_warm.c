/* What processes that hand messages over say to each other: what is taken can be said again and is
 * taken as the same, is fit to be printed and sent, and what is refused changes nothing. The first
 * octet: 0 a request, else a result for so many recipients. */
#include "clock.h"
#include "fuzz.h"
#include "text.h"
#include "warm.h"

static void
say_again(struct strbuf *out, const struct warm_request *r)
{
	const struct wire_settings settings = { .partial_abort = r->partial_abort,
		.strict_body = r->strict_body,
		.wishes = r->wishes,
		.deadline = CLOCK_NEVER };

	warm_add_request(out, &r->key, &settings, &r->envelope, &r->message);
}

static void
take_request(const char *s, size_t n)
{
	struct strbuf once = STRBUF_INIT(WARM_MAX), twice = STRBUF_INIT(WARM_MAX),
		      address = STRBUF_INIT(4096);
	struct warm_request r, again;

	if (warm_take_request(s, n, &r)) {
		check(r.envelope.count > 0 && r.envelope.count <= WARM_RECIPIENTS);
		check(r.patience >= -1 && r.budget >= -1 && r.message.fd == -1);
		check(r.message.facts.body_size == r.in_file + r.message.memory.len);
		for (size_t i = 0; i < r.envelope.count; i++) {
			strbuf_clear(&address);
			check(address_add_smtp(
				      &address, &r.envelope.recipients[i].address, false, NULL) &&
				!text_has_control(address.s, address.len));
		}
		say_again(&once, &r);
		if (!once.full) {
			check(warm_take_request(once.s, once.len, &again));
			say_again(&twice, &again);
			check(once.len == twice.len && memcmp(once.s, twice.s, once.len) == 0);
			warm_request_done(&again);
		}
	}
	warm_request_done(&r);
	strbuf_done(&once);
	strbuf_done(&twice);
	strbuf_done(&address);
}

static void
take_result(const char *s, size_t n, size_t count)
{
	struct strbuf again = STRBUF_INIT(WARM_MAX);
	struct envelope e = ENVELOPE_NONE;
	struct address a = ADDRESS_NONE;
	struct wire_report report;

	check(address_parse_sender("bob@example.net", 15, &a, NULL));
	for (size_t i = 0; i < count; i++)
		envelope_add_recipient(&e, &a);
	wire_report_init(&report);
	if (warm_take_result(s, n, &report, &e)) {
		warm_add_result(&again, &report, &e);
		check(again.len == n && memcmp(again.s, s, n) == 0);
		check(!text_has_control(report.words, strlen(report.words)));
		for (size_t i = 0; i < count; i++)
			check(e.recipients[i].why || e.recipients[i].outcome < OUTCOME_TEMPORARY);
	} else {
		check(envelope_count(&e, OUTCOME_PENDING) == count);
	}
	wire_report_done(&report);
	envelope_done(&e);
	address_done(&a);
	strbuf_done(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_report report;

	if (!size)
		return 0;
	wire_report_init(&report);
	(void)!warm_take_report((const char *)data + 1, size - 1, &report);
	wire_report_done(&report);
	if (*data)
		take_result((const char *)data + 1, size - 1, *data);
	else
		take_request((const char *)data + 1, size - 1);
	return 0;
}
