/* What comes through the service's socket: a request that is understood is the same when it is
 * written down again; an answer changes nothing but what it may, its texts are printable, and it is
 * the same when it is written down and read again. The first octet chooses. */
#include "alloc.h"
#include "answer.h"
#include "entry.h"
#include "envelope.h"
#include "error.h"
#include "fuzz.h"
#include "queueing.h"
#include "service.h"
#include "session.h"
#include "strbuf.h"
#include "text.h"

static void
check_request(const char *s, size_t n)
{
	struct service_request r;
	struct error err = ERROR_NONE;
	bool good = service_take_request(s, n, &r, &err);

	check(good == !err.fault);
	check_printable(err.text);
	if (good) {
		check(r.count <= SERVICE_WORDS && (!r.count || !r.words[r.count]));
		for (size_t i = 0; i < r.count; i++)
			check_printable(r.words[i]);
		check_printable(r.command);
		for (size_t id = 0; id < OPT_COUNT; id++)
			check(!profile_is_set(&r.given, (enum option_id)id) ||
				service_takes((enum option_id)id));
	}
	service_request_done(&r);
}

/* Somewhere to put an answer: COUNT recipients. */
struct place {
	struct envelope envelope;
	struct wire_report report;
	struct error error;
	struct queueing queue;
	bool kept[8];
	struct answer answer;
};

static void
place_init(struct place *p, size_t count)
{
	struct address a = { NULL, (char *)"u", (char *)"example.org" };

	memset(p, 0, sizeof(*p));
	p->queue = (struct queueing)QUEUEING_NONE;
	wire_report_init(&p->report);
	for (size_t i = 0; i < count; i++)
		envelope_add_recipient(&p->envelope, &a);
	p->answer = (struct answer){ .envelope = &p->envelope,
		.report = &p->report,
		.error = &p->error,
		.queue = &p->queue,
		.kept = p->kept };
}

static void
place_done(struct place *p)
{
	envelope_done(&p->envelope);
	wire_report_done(&p->report);
}

static void
check_place(const struct place *p)
{
	const char *at = p->report.notes.s, *end;

	check_printable(p->report.host);
	check_printable(p->report.words);
	check_printable(p->report.tls.issuer);
	check_printable(p->error.text);
	check_printable(p->error.words);
	check_printable(p->queue.reason.text);
	check_printable(p->answer.account);
	check(!*p->queue.id || entry_is_id(p->queue.id));
	check(p->queue.state < QUEUE_STATE_COUNT && p->error.fault < FAULT_COUNT);
	for (; (end = strchr(at, '\n')); at = end + 1)
		check(!text_has_control(at, (size_t)(end - at)));
	for (size_t i = 0; i < p->envelope.count; i++) {
		const struct recipient *r = &p->envelope.recipients[i];

		check(r->outcome < OUTCOME_COUNT && (r->outcome <= OUTCOME_ACCEPTED || r->why));
		check(!r->words || !text_has_control(r->words, strlen(r->words)));
	}
}

static void
check_answer(const char *s, size_t n, size_t count)
{
	struct strbuf text = STRBUF_INIT(ANSWER_MAX), again = STRBUF_INIT(ANSWER_MAX);
	struct place *p = xcalloc(1, sizeof(*p)), *q = xcalloc(1, sizeof(*q));
	struct error err = ERROR_NONE;

	place_init(p, count);
	place_init(q, count);
	if (answer_take(s, n, &p->answer, &err)) {
		check_place(p);
		answer_add(&text, &p->answer);
		if (!text.full) {
			check(answer_take(text.s, text.len, &q->answer, &err));
			answer_add(&again, &q->answer);
			check(again.len == text.len && memcmp(again.s, text.s, text.len) == 0);
		}
	} else {
		check(err.fault == FAULT_PROTOCOL);
	}
	place_done(p);
	place_done(q);
	free(p);
	free(q);
	strbuf_done(&text);
	strbuf_done(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *s = (const char *)data;

	if (!size)
		return 0;
	if (*data == 'R')
		check_request(s + 1, size - 1);
	else if (*data >= '0' && *data <= '8')
		check_answer(s + 1, size - 1, (size_t)(*data - '0'));
	return 0;
}
