/* Reads any octets as an entry of the spool, as they are and with all checksums made right. What is
 * accepted keeps every limit, and written again it is the same entry. */
#include <sys/mman.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"
#include "entry.h"
#include "entry_private.h"
#include "error.h"
#include "fuzz.h"
#include "hash.h"
#include "text.h"

#define SUM (ENTRY_BLOCK - 8)

/* Makes the checksums right, as far as lengths allow. */
static void
repair(char *s, size_t n)
{
	size_t at = ENTRY_BLOCK, body, header, envelope, len;
	uint64_t chain;
	struct hash h;

	if (n < ENTRY_BLOCK)
		return;
	body = get64(s + 16), header = get32(s + 24), envelope = get32(s + 28);
	if (body <= n - at) {
		put64(s + 64, hash_of(0, s + at, body));
		at += body;
		if (header <= n - at) {
			put64(s + 72, hash_of(0, s + at, header));
			at += header;
		}
		if (envelope <= n - at) {
			put64(s + 80, hash_of(0, s + at, envelope));
			at += envelope;
		}
	}
	chain = hash_of(0, s, SUM);
	put64(s + SUM, chain);
	for (; n - at >= 16; at += 16 + len) {
		len = get32(s + at);
		if (len > n - at - 16)
			return;
		hash_init(&h, chain);
		hash_add(&h, s + at, 8);
		hash_add(&h, s + at + 16, len);
		chain = hash_end(&h);
		put64(s + at + 8, chain);
	}
}

static bool
read_octets(const char *s, size_t n, struct entry *ret)
{
	struct error err = ERROR_NONE;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	bool good;

	check(fd >= 0 && pwrite(fd, s, n, 0) == (ssize_t)n);
	good = entry_read(fd, ENTRY_WHOLE, ret, &err);
	check(good != (err.fault != FAULT_NONE));
	check(good || (err.fault == FAULT_DATA && *err.text));
	return good;
}

static void
check_text(const char *s, size_t max)
{
	check(!s || (strlen(s) <= max && !text_has_control(s, strlen(s))));
}

static void
check_recipient(const struct recipient *r)
{
	check_text(r->address.local, ADDRESS_LOCAL_MAX);
	check_text(r->address.domain, ADDRESS_DOMAIN_MAX);
	check(*r->address.local);
	check_text(r->orcpt, 1024);
	check_text(r->words, ENTRY_WORDS - 1);
	check(r->outcome < OUTCOME_COUNT && r->code >= 0 && r->code <= 999);
	if (!r->why)
		return;
	check_text(r->why->text, ENTRY_WORDS - 1);
	check_text(r->why->words, ENTRY_WORDS - 1);
	check(r->why->fault && r->why->fault < FAULT_COUNT && r->why->stage < STAGE_COUNT);
}

static void
check_wishes(const struct wishes *w)
{
	check(w->tls <= TLS_WISH_YES && w->late <= LATE_WISH_RETURN);
	check(w->deliver_by >= 0 && w->deliver_by <= ENTRY_TIME_MAX);
	check(w->hold_until >= 0 && w->hold_until <= ENTRY_TIME_MAX);
	check(w->priority >= PRIORITY_LEAST && w->priority <= PRIORITY_MOST);
	check_text(w->mail_auth, 512);
}

static void
check_limits(const struct entry *e, size_t n)
{
	check(e->size == n && e->begin <= e->trailer && e->trailer <= n);
	check_text(e->account, ENTRY_ACCOUNT - 1);
	check(e->lifetime >= 0 && e->lifetime <= ENTRY_TIME_MAX && e->held >= 0);
	check(e->state <= ENTRY_FAILED);
	check(e->envelope.count && e->envelope.count <= ADDRESS_LIST_MAX);
	check_text(e->envelope.sender.local, ADDRESS_LOCAL_MAX);
	check_text(e->envelope.envid, 1024);
	check_wishes(&e->envelope.wishes);
	for (size_t i = 0; i < e->envelope.count; i++)
		check_recipient(&e->envelope.recipients[i]);
	check(e->message.facts.body_size <= n && e->message.header.len <= n);
}

static bool
string_same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static void
check_same(const struct entry *a, const struct entry *b)
{
	const struct recipient *x, *y;

	check(!strcmp(a->account, b->account) && a->uid == b->uid && a->created == b->created &&
		a->not_before == b->not_before && a->lifetime == b->lifetime &&
		a->notify_error == b->notify_error && a->print == b->print);
	check(a->state == b->state && a->attempts == b->attempts && a->doubts == b->doubts &&
		a->last == b->last && a->warned == b->warned && a->bounced == b->bounced);
	check(a->state == ENTRY_HELD || a->held == b->held);
	check(!memcmp(&a->message.facts, &b->message.facts, sizeof(a->message.facts)));
	check(a->envelope.count == b->envelope.count &&
		a->envelope.dsn_return == b->envelope.dsn_return &&
		a->envelope.dsn_notify == b->envelope.dsn_notify &&
		string_same(a->envelope.envid, b->envelope.envid));
	check(a->envelope.wishes.tls == b->envelope.wishes.tls &&
		a->envelope.wishes.late == b->envelope.wishes.late &&
		a->envelope.wishes.deliver_by == b->envelope.wishes.deliver_by &&
		a->envelope.wishes.priority_set == b->envelope.wishes.priority_set &&
		a->envelope.wishes.priority == b->envelope.wishes.priority &&
		a->envelope.wishes.hold_until == b->envelope.wishes.hold_until &&
		string_same(a->envelope.wishes.mail_auth, b->envelope.wishes.mail_auth));
	for (size_t i = 0; i < a->envelope.count; i++) {
		x = &a->envelope.recipients[i], y = &b->envelope.recipients[i];
		check(string_same(x->address.name, y->address.name) &&
			string_same(x->address.local, y->address.local) &&
			string_same(x->address.domain, y->address.domain) &&
			string_same(x->orcpt, y->orcpt) && x->outcome == y->outcome);
		/* of those who are waiting nothing was written down but that */
		if (x->outcome != OUTCOME_PENDING)
			check(x->code == y->code && string_same(x->words, y->words) &&
				!x->why == !y->why &&
				(!x->why || string_same(x->why->text, y->why->text)));
	}
}

static void
write_again(struct entry *e)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct error err = ERROR_NONE;
	struct entry copy = *e, got;

	copy.since = 0;
	check(entry_write(fd, &copy, &e->envelope, &e->message, false, &err));
	check(entry_read(fd, ENTRY_WHOLE, &got, &err));
	check_same(e, &got);
	entry_done(&got);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *s = xmalloc(n + 1);
	struct entry e;

	/* held is counted by the clock */
	clock_pretend(1700000000);
	memcpy(s, data, n);
	if (read_octets(s, n, &e))
		check_limits(&e, n);
	entry_done(&e);
	repair(s, n);
	if (read_octets(s, n, &e)) {
		check_limits(&e, n);
		write_again(&e);
	}
	entry_done(&e);
	free(s);
	return 0;
}
