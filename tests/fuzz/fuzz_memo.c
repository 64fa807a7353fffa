/* What is read back of a server is what was written, or nothing. */
#include "field.h"
#include "fuzz.h"
#include "known.h"
#include "memo.h"
#include "tls_private.h"

#define NOW 1795604709

static bool
equals(const struct strbuf *b, const char *data, size_t size)
{
	return b->len == size && !memcmp(b->s, data, size);
}

/* A whole file. */
static void
check_file(const char *data, size_t size)
{
	struct strbuf got = STRBUF_INIT(MEMO_MAX), again = STRBUF_INIT(2 * MEMO_MAX);
	struct memo_key key = { { 0 } };

	if (memo_parse(MEMO_SERVER, &key, data, size, NOW, &got)) {
		memo_print(MEMO_SERVER, &key, &got, NOW, &again);
		check(again.len == size);
	} else {
		check(!got.len || got.full);
	}
	strbuf_done(&got);
	strbuf_done(&again);
}

static void
check_round(const char *data, size_t size)
{
	struct strbuf record = STRBUF_INIT(MEMO_MAX), file = STRBUF_INIT(2 * MEMO_MAX),
		      got = STRBUF_INIT(MEMO_MAX);
	struct memo_key key;

	strbuf_add(&record, data, size);
	check(memo_hash(&key, &record) == !record.full);
	if (!record.full) {
		memo_print(MEMO_TICKET, &key, &record, NOW, &file);
		check(memo_parse(MEMO_TICKET, &key, file.s, file.len, NOW, &got));
		check(equals(&got, data, size));
	}
	strbuf_done(&record);
	strbuf_done(&file);
	strbuf_done(&got);
}

static void
check_ticket(const char *data, size_t size)
{
	struct strbuf again = STRBUF_INIT(2 * MEMO_MAX);
	struct tls_ticket ticket;

	if (tls_ticket_parse(data, size, &ticket)) {
		check(ticket.session >= data && ticket.session + ticket.session_len <= data + size);
		tls_ticket_print(&ticket, &again);
		check(again.full || equals(&again, data, size));
	}
	strbuf_done(&again);
}

static void
check_known(const char *data, size_t size)
{
	struct strbuf again = STRBUF_INIT(2 * MEMO_MAX);
	struct known k;

	if (known_parse(data, size, &k)) {
		known_print(&k, &again);
		check(equals(&again, data, size));
	}
	known_done(&k);
	strbuf_done(&again);
}

static void
check_fields(const char *data, size_t size)
{
	const char *at = data, *end = data + size, *field, *before = at;
	size_t n;

	while (field_take(&at, end, &field, &n)) {
		check(field == before + 4 && field + n == at && at <= end);
		before = at;
	}
	check(at == before);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* a copy of the exact size, so that a sanitizer sees what is read beyond it */
	char *copy = malloc(size + 1), *exact = copy ? copy + 1 : NULL;

	if (!copy)
		return 0;
	memcpy(exact, data, size);
	check_file(exact, size);
	check_round(exact, size);
	check_ticket(exact, size);
	check_known(exact, size);
	check_fields(exact, size);
	free(copy);
	return 0;
}
