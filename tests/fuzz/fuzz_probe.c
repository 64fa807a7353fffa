/* What a process that looked at a server says of it: what is taken is printable, and the same when
 * it is written down and read again. */
#include "error.h"
#include "fuzz.h"
#include "probe.h"
#include "strbuf.h"

#define SIZE (1 << 20)

static void
check_texts(const struct probe *p)
{
	const char *const texts[] = { p->host, p->address, p->proxy, p->error.text, p->verdict,
		p->resolver, p->greeting, p->clear_mechanisms, p->choice, p->mechanism,
		p->capability.mechanisms, p->choice_error.text, p->sender_error.text,
		p->recipient_error.text, p->tls.version };

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		check_printable(texts[i]);
	check(p->chain_length <= PROBE_CERTIFICATES);
	for (size_t i = 0; i < p->chain_length; i++) {
		check_printable(p->chain[i].subject);
		check_printable(p->chain[i].names);
	}
}

static void
check_probe(const char *data, size_t size)
{
	struct strbuf once = STRBUF_INIT(SIZE), twice = STRBUF_INIT(SIZE);
	const char *at = data;
	struct probe p, q;

	probe_none(&p);
	probe_none(&q);
	if (probe_take(&at, data + size, &p)) {
		check(at > data && at <= data + size);
		check_texts(&p);
		probe_add(&once, &p);
		at = once.s;
		check(!once.full && probe_take(&at, once.s + once.len, &q) &&
			at == once.s + once.len);
		probe_add(&twice, &q);
		check(once.len == twice.len && memcmp(once.s, twice.s, once.len) == 0);
	}
	probe_done(&p);
	probe_done(&q);
	strbuf_done(&once);
	strbuf_done(&twice);
}

static void
check_place(const char *data, size_t size)
{
	struct strbuf once = STRBUF_INIT(SIZE);
	const char *at = data;
	struct target t, u;

	if (!probe_take_place(&at, data + size, &t))
		return;
	check(at > data && at <= data + size);
	probe_add_place(&once, &t);
	at = once.s;
	check(probe_take_place(&at, once.s + once.len, &u) && strcmp(t.host, u.host) == 0);
	strbuf_done(&once);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* a copy of the exact size, so that a sanitizer sees what is read beyond it */
	char *copy = malloc(size + 1), *exact = copy ? copy + 1 : NULL;

	if (!copy)
		return 0;
	memcpy(exact, data, size);
	check_probe(exact, size);
	check_place(exact, size);
	free(copy);
	return 0;
}
