/* Records: what was torn never counts, what was forged is damage, and there is an end to it. */
#include <errno.h>
#include <sys/mman.h>

#include "clock.h"
#include "entry_private.h"
#include "hash.h"
#include "room.h"

enum { STATUS = 0x53, RECIPIENTS = 0x52 };

/* A new entry with COUNT recipients, read. */
static void
make_entry(struct entry *e, size_t count)
{
	struct entry fresh = ENTRY_NONE;
	struct error err = ERROR_NONE;
	struct envelope v = ENVELOPE_NONE;
	struct message m;
	struct address a = ADDRESS_NONE;
	char local[32];
	int fd = memfd_create("entry", MFD_CLOEXEC);

	v.sender.local = xstrdup("");
	for (size_t i = 0; i < count; i++) {
		snprintf(local, sizeof(local), "r%zu", i);
		a.local = local;
		a.domain = (char[]){ "example.org" };
		envelope_add_recipient(&v, &a);
	}
	message_make(&m, NULL, 10);
	fresh.created = 1700000000;
	if (!entry_write(fd, &fresh, &v, &m, false, &err) ||
		!entry_read(fd, ENTRY_WHOLE, e, &err)) {
		printf("# %s\n", err.text);
		abort();
	}
	envelope_done(&v);
	message_done(&m);
}

/* Reads the file of E anew. */
static bool
again(struct entry *e, struct error *err)
{
	int fd = dup(e->fd);

	entry_done(e);
	error_clear(err);
	return entry_read(fd, ENTRY_WHOLE, e, err);
}

static void
try_torn(void)
{
	enum outcome noted[3] = { OUTCOME_PENDING, OUTCOME_PENDING, OUTCOME_PENDING };
	struct error err = ERROR_NONE;
	struct entry e;
	uint64_t start, end;
	char *tail, zeros[4096] = { 0 };
	bool good = true, grows = true;
	unsigned last = 0, served;

	make_entry(&e, 3);
	start = e.trailer;
	for (size_t i = 0; i < 3; i++) {
		recipient_set(&e.envelope.recipients[i], OUTCOME_ACCEPTED, 250,
			(struct enhanced){ 2, 0, 0 }, i == 1 ? NULL : "other", NULL);
	}
	e.attempts = 1;
	ok(entry_append(&e, noted, 1700000001, &err), "append %s", err.text);
	end = e.trailer;
	tail = xmalloc(end - start);
	if (pread(e.fd, tail, end - start, (off_t)start) != (ssize_t)(end - start))
		abort();
	for (uint64_t cut = start; cut <= end; cut++) {
		if (ftruncate(e.fd, (off_t)cut) != 0 || !again(&e, &err))
			good = false;
		served = (unsigned)envelope_count(&e.envelope, OUTCOME_ACCEPTED);
		grows = grows && served >= last && e.trailer <= cut;
		last = served;
		if (pwrite(e.fd, tail, end - start, (off_t)start) != (ssize_t)(end - start))
			abort();
	}
	ok(good && grows && last == 3, "torn at any octet it says less, and never another thing");

	/* records of the same lengths over the first two: the third is of no chain any more */
	if (ftruncate(e.fd, (off_t)start) != 0 || !again(&e, &err))
		abort();
	if (pwrite(e.fd, tail, end - start, (off_t)start) != (ssize_t)(end - start))
		abort();
	recipient_set(&e.envelope.recipients[0], OUTCOME_TEMPORARY, 450,
		(struct enhanced){ 4, 0, 0 }, "other", NULL);
	ok(entry_append(&e, noted, 1700000002, &err) && again(&e, &err) &&
			e.envelope.recipients[0].outcome == OUTCOME_TEMPORARY &&
			e.envelope.recipients[2].outcome == OUTCOME_PENDING,
		"what lay behind an older record does not come back");

	/* and zeros where a page was lost */
	if (pwrite(e.fd, zeros, sizeof(zeros), (off_t)start) != (ssize_t)sizeof(zeros))
		abort();
	ok(again(&e, &err) && e.trailer == start && !e.last, "zeros are the end");
	free(tail);
	entry_done(&e);
}

/* Appends a record of KIND with CONTENT that claims to have LEN octets. */
static void
forge(struct entry *e, uint32_t kind, const void *content, size_t n, uint32_t len)
{
	char frame[16];
	struct hash h;

	put32(frame, len);
	put32(frame + 4, kind);
	hash_init(&h, e->chain);
	hash_add(&h, frame, 8);
	hash_add(&h, content, n);
	put64(frame + 8, hash_end(&h));
	if (pwrite(e->fd, frame, 16, (off_t)e->trailer) != 16 ||
		pwrite(e->fd, content, n, (off_t)e->trailer + 16) != (ssize_t)n)
		abort();
}

static void
try_forged(void)
{
	static const struct {
		const char *what;
		uint32_t kind;
		int at, size;
		uint64_t value;
		bool good;
	} cases[] = {
		{ "a status that can be", STATUS, 4, 4, 7, true },
		{ "a state that is none", STATUS, 0, 1, 4, false },
		{ "unknown flags of a status", STATUS, 1, 1, 4, false },
		{ "a last time that is none", STATUS, 16, 8, 1ull << 62, false },
		{ "negative time held", STATUS, 24, 8, UINT64_MAX, false },
		{ "a time that is none", STATUS, 32, 8, 1ull << 63, false },
		{ "recipients that can be", RECIPIENTS, 8, 1, OUTCOME_ACCEPTED, true },
		{ "recipients that are not there", RECIPIENTS, 0, 4, 2, false },
		{ "too many recipients", RECIPIENTS, 4, 4, 3, false },
		{ "a number of recipients that wraps", RECIPIENTS, 0, 8, 0xffffffff00000001,
			false },
		{ "no recipients", RECIPIENTS, 4, 4, 0, false },
		{ "an outcome that is none", RECIPIENTS, 8, 1, OUTCOME_COUNT, false },
		{ "an outcome of 200", RECIPIENTS, 8, 1, 200, false },
		{ "a fault that is none", RECIPIENTS, 9, 1, FAULT_COUNT, false },
		{ "a fault without an error", RECIPIENTS, 9, 1, FAULT_DATA, false },
		{ "a stage that is none", RECIPIENTS, 10, 1, STAGE_COUNT, false },
		{ "unknown flags of recipients", RECIPIENTS, 11, 1, 8, false },
		{ "an error without a fault", RECIPIENTS, 11, 1, 1, false },
		{ "a code of four digits", RECIPIENTS, 12, 2, 1000, false },
		{ "an enhanced code that is none", RECIPIENTS, 16, 2, 6, false },
		{ "words longer than the record", RECIPIENTS, 32, 2, 1, false },
		{ "words longer than any", RECIPIENTS, 32, 2, 0xffff, false },
		{ "a kind of later versions", 99, 0, 1, 1, true },
	};
	struct error err = ERROR_NONE;
	struct entry e;
	char content[40];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint64_t value = htole64(cases[i].value);

		make_entry(&e, 2);
		memset(content, 0, sizeof(content));
		if (cases[i].kind == RECIPIENTS)
			put32(content + 4, 2);
		memcpy(content + cases[i].at, &value, (size_t)cases[i].size);
		forge(&e, cases[i].kind, content, sizeof(content), sizeof(content));
		ok(again(&e, &err) == cases[i].good && (cases[i].good || err.fault == FAULT_DATA),
			"%s: %s", cases[i].what, err.text);
		entry_done(&e);
	}
	make_entry(&e, 2);
	forge(&e, STATUS, content, 39, 39);
	ok(!again(&e, &err) && err.fault == FAULT_DATA, "a short status");
	entry_done(&e);
	for (uint32_t len = 0; len < 5; len++) {
		static const uint32_t lens[] = { 41, 4097, 1u << 31, UINT32_MAX, UINT32_MAX - 15 };
		uint64_t was;

		make_entry(&e, 2);
		was = e.trailer;
		forge(&e, STATUS, content, sizeof(content), lens[len]);
		ok(again(&e, &err) && e.trailer == was, "a length of %u is the end", lens[len]);
		entry_done(&e);
	}
}

/* Words that are no words of a server as we keep them. */
static void
try_forged_words(void)
{
	static const char *const words[] = { "a\nb", "\x1b[2J", "\xff", "\xe2\x80\xae", "" };
	char content[40 + 8] = { 0 };
	struct error err = ERROR_NONE;
	struct entry e;

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		size_t n = i == 4 ? 1 : strlen(words[i]); /* a NUL */

		make_entry(&e, 2);
		put32(content + 4, 2);
		put16(content + 32, (unsigned)n);
		memcpy(content + 40, words[i], n);
		forge(&e, RECIPIENTS, content, 40 + n, (uint32_t)(40 + n));
		ok(!again(&e, &err) && err.fault == FAULT_DATA, "words %zu: %s", i, err.text);
		entry_done(&e);
	}
}

/* The trailer fills up: words are left out first, and then it is said that there is no room. */
static void
try_full(void)
{
	enum { COUNT = 4000, ROUNDS = 8 };
	enum outcome *noted = xcalloc(COUNT, sizeof(*noted));
	struct error err = ERROR_NONE, why = { .fault = FAULT_TEMPORARY, .stage = STAGE_RCPT };
	struct entry e;
	unsigned rounds = 0, with_words = 0;
	char words[600];

	make_entry(&e, COUNT);
	for (;;) {
		for (size_t i = 0; i < COUNT; i++) {
			snprintf(why.words, sizeof(why.words), "%0400zu %u", i, rounds);
			snprintf(why.text, sizeof(why.text), "refused");
			recipient_fail(&e.envelope.recipients[i], &why);
		}
		e.attempts++;
		if (!entry_append(&e, noted, 1700000000 + rounds, &err))
			break;
		if (!again(&e, &err)) {
			ok(false, "read again: %s", err.text);
			break;
		}
		with_words += e.envelope.recipients[COUNT - 1].words != NULL;
		if (e.envelope.recipients[0].outcome != OUTCOME_TEMPORARY || e.attempts != ++rounds)
			ok(false, "round %u is not there", rounds);
		if (rounds == ROUNDS)
			break;
	}
	ok(with_words >= 5 && rounds == ROUNDS, "%u attempts, %u with words, and there is room",
		rounds, with_words);
	for (rounds = 0; entry_append(&e, NULL, 1700000000, &err); rounds++)
		if (e.trailer - e.begin > ENTRY_TRAILER)
			break;
		else if (e.trailer - e.begin < ENTRY_TRAILER - 200)
			/* much faster than filling it */
			forge(&e, 99, words, 0, 0), e.trailer = e.begin + ENTRY_TRAILER - 100;
	ok(err.fault == FAULT_TEMPORARY && rounds < 10 && e.trailer - e.begin <= ENTRY_TRAILER,
		"a full one: %s", err.text);
	entry_done(&e);
	free(noted);
}

/* 16 MiB and more of records that each repeat all recipients must not take long. */
static void
try_huge(void)
{
	enum { COUNT = 5000, RECORDS = 310000 };
	struct strbuf out = STRBUF_INIT(64 << 20);
	struct error err = ERROR_NONE;
	char frame[16], content[40] = { 0 };
	int64_t start = clock_ms();
	struct entry e;
	struct hash h;

	make_entry(&e, COUNT);
	put32(content + 4, COUNT);
	content[8] = OUTCOME_ACCEPTED;
	for (int i = 0; i < RECORDS; i++) {
		put32(frame, sizeof(content));
		put32(frame + 4, RECIPIENTS);
		hash_init(&h, e.chain);
		hash_add(&h, frame, 8);
		hash_add(&h, content, sizeof(content));
		e.chain = hash_end(&h);
		put64(frame + 8, e.chain);
		strbuf_add(&out, frame, sizeof(frame));
		strbuf_add(&out, content, sizeof(content));
	}
	if (pwrite(e.fd, out.s, out.len, (off_t)e.trailer) != (ssize_t)out.len)
		abort();
	ok(again(&e, &err) && envelope_count(&e.envelope, OUTCOME_ACCEPTED) == COUNT &&
			e.trailer - e.begin <= ENTRY_TRAILER &&
			e.trailer - e.begin > ENTRY_TRAILER - 100,
		"%zu octets of records: what is behind 16 MiB is not read %s", out.len, err.text);
	ok(clock_ms() - start < 20000, "and that takes no time");
	entry_done(&e);
	strbuf_done(&out);
}

static void
try_hold(void)
{
	struct error err = ERROR_NONE;
	struct entry e;

	make_entry(&e, 1);
	clock_pretend(1700000000);
	e.state = ENTRY_HELD;
	ok(entry_append(&e, NULL, 1700000000, &err), "hold");
	clock_pretend(1700000100);
	ok(again(&e, &err) && e.state == ENTRY_HELD && e.held == 100, "held for 100 s");
	e.warned = true;
	ok(entry_append(&e, NULL, 1700000100, &err), "a record meanwhile");
	clock_pretend(1700000150);
	ok(again(&e, &err) && e.held == 150 && e.warned, "held for 150 s");
	e.state = ENTRY_QUEUED;
	ok(entry_append(&e, NULL, 1700000150, &err), "release");
	clock_pretend(1700009999);
	ok(again(&e, &err) && e.state == ENTRY_QUEUED && e.held == 150, "the time held stays");
	e.state = ENTRY_HELD;
	ok(entry_append(&e, NULL, 1700009999, &err), "hold again");
	clock_pretend(1600000000);
	ok(again(&e, &err) && e.held == 150, "a clock that is set back takes nothing away");
	clock_pretend(0);
	entry_done(&e);
}

static void
try_errors(void)
{
	struct error err = ERROR_NONE;
	struct entry e;
	int file;

	make_entry(&e, 1);
	file = e.fd;
	e.fd = open("/dev/full", O_RDWR | O_CLOEXEC);
	ok(!entry_append(&e, NULL, 1, &err), "a file that takes nothing: %s", err.text);
	close(e.fd);
	e.fd = file;
	error_clear(&err);
	ok(entry_append(&e, NULL, 1, &err), "and when it does again");
	entry_done(&e);
}

int
main(void)
{
	try_torn();
	try_forged();
	try_forged_words();
	try_full();
	try_huge();
	try_hold();
	try_errors();
	return tap_done();
}
