/* The file of an entry: what is written is read again, and what was damaged is not. */
#include "entry.h"

#include <sys/mman.h>

#include "entry_private.h"
#include "hash.h"
#include "room.h"

#define SUM (ENTRY_BLOCK - 8) /* where the block's checksum is */

static void
try_ids(void)
{
	char a[ENTRY_ID + 1], b[ENTRY_ID + 1], c[ENTRY_ID + 1];

	entry_new_id(a, 1700000000);
	entry_new_id(b, 1700000001);
	ok(entry_is_id(a) && entry_is_id(b) && strcmp(a, b) < 0, "ids sort by time: %s %s", a, b);
	entry_new_id(b, 1700000000);
	ok(strcmp(a, b) != 0 && !entry_is_derived(a), "and are made by chance");
	entry_new_id(b, -5);
	ok(entry_is_id(b), "before 1970 too: %s", b);
	entry_derive_id(b, a, "failure");
	entry_derive_id(c, a, "failure");
	ok(entry_is_id(b) && !strcmp(b, c), "derived ids are the same each time: %s", b);
	entry_derive_id(c, a, "delay");
	ok(strcmp(b, c) != 0 && entry_is_derived(b), "and differ by purpose");
	entry_derive_id(c, "a key with / and .. in it", "key");
	ok(entry_is_id(c) && entry_is_derived(c), "a key has one as well: %s", c);
	ok(!entry_is_id("") && !entry_is_id("../../etc/passwd") &&
			!entry_is_id("ABCDEFGHIJKLMNOP") && !entry_is_id("0123456789abcdefg") &&
			!entry_is_id("0123456789abcde") && !entry_is_id("0123456789abcde."),
		"what is no id");
}

static struct address
address(const char *name, const char *local, const char *domain)
{
	return (struct address){ name ? xstrdup(name) : NULL, xstrdup(local),
		domain ? xstrdup(domain) : NULL };
}

static void
add(struct envelope *v, const char *name, const char *local, const char *domain, const char *orcpt)
{
	struct address a = address(name, local, domain);
	size_t i = envelope_add_recipient(v, &a);

	v->recipients[i].orcpt = orcpt ? xstrdup(orcpt) : NULL;
	address_done(&a);
}

/* Everything that an entry can carry. */
static void
make_full(struct entry *e, struct envelope *v, struct message *m)
{
	struct error why = ERROR_NONE;

	*e = (struct entry)ENTRY_NONE;
	snprintf(e->account, sizeof(e->account), "w\xc3\xb6rk and home");
	e->uid = 4000000000u;
	e->created = 1700000000;
	e->not_before = 5000000000;
	e->lifetime = 432000;
	e->notify_error = true;
	e->state = ENTRY_UNCERTAIN;
	e->attempts = 3;
	e->doubts = 1;
	e->last = 1700000100;
	e->held = 77;
	e->warned = e->bounced = true;

	*v = (struct envelope)ENVELOPE_NONE;
	v->sender = address("S\xe4nder, A.", "al ice%\"", "example.org");
	v->dsn_return = DSN_RETURN_HEADERS;
	v->dsn_notify = DSN_SUCCESS | DSN_DELAY;
	v->envid = xstrdup("id 1+2=3%");
	v->wishes = (struct wishes){ .tls = TLS_WISH_YES,
		.late = LATE_WISH_RETURN,
		.deliver_by = 1700007200,
		.priority_set = true,
		.priority = PRIORITY_LEAST,
		.hold_until = ENTRY_TIME_MAX,
		.mail_auth = xstrdup("\"car ol\"@example.org") };
	add(v, NULL, "bob", NULL, NULL);
	add(v, "", "j\xc3\xb6rg", "m\xc3\xbcller.example", "utf-8;j\xc3\xb6rg@x");
	add(v, "a\\b", "carol", "[192.0.2.1]", "rfc822;old carol");
	add(v, NULL, "dave", "example.net", NULL);
	add(v, NULL, "erin", "example.net", NULL);
	why = (struct error){ .fault = FAULT_NOUSER,
		.stage = STAGE_RCPT,
		.sys = 5,
		.smtp = 550,
		.code = { 5, 1, 1 } };
	snprintf(why.text, sizeof(why.text), "refused, it says");
	snprintf(why.words, sizeof(why.words), "no such user");
	recipient_fail(&v->recipients[1], &why);
	why.in_doubt = true;
	why.fault = FAULT_TEMPORARY;
	snprintf(why.words, sizeof(why.words), "%0511d", 7);
	snprintf(why.text, sizeof(why.text), "%0511d", 8);
	recipient_fail(&v->recipients[2], &why);
	recipient_set(&v->recipients[3], OUTCOME_ACCEPTED, 250, (struct enhanced){ 2, 0, 0 },
		"queued \\x0a as \xc3\xa4", NULL);
	recipient_set(&v->recipients[4], OUTCOME_ACCEPTED, 250, (struct enhanced){ 2, 0, 0 },
		"queued \\x0a as \xc3\xa4", NULL);

	message_make(m, NULL, 300);
	m->facts.nul_removed = 2;
	m->facts.cr_changed = 1ull << 40;
	m->facts.headerless = true;
	m->facts.body_8bit = true;
}

static bool
string_same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static bool
address_same(const struct address *a, const struct address *b)
{
	return string_same(a->name, b->name) && string_same(a->local, b->local) &&
	       string_same(a->domain, b->domain);
}

static bool
recipient_same(const struct recipient *a, const struct recipient *b)
{
	if (!address_same(&a->address, &b->address) || !string_same(a->orcpt, b->orcpt) ||
		a->outcome != b->outcome || a->code != b->code ||
		memcmp(&a->enhanced, &b->enhanced, sizeof(a->enhanced)) != 0 ||
		!string_same(a->words, b->words) || !a->why != !b->why)
		return false;
	return !a->why || (a->why->fault == b->why->fault && a->why->stage == b->why->stage &&
				  a->why->sys == b->why->sys && a->why->smtp == b->why->smtp &&
				  !memcmp(&a->why->code, &b->why->code, sizeof(a->why->code)) &&
				  a->why->in_doubt == b->why->in_doubt &&
				  !strcmp(a->why->text, b->why->text) &&
				  !strcmp(a->why->words, b->why->words));
}

static bool
wishes_same(const struct wishes *a, const struct wishes *b)
{
	return a->tls == b->tls && a->late == b->late && a->deliver_by == b->deliver_by &&
	       a->priority_set == b->priority_set && a->priority == b->priority &&
	       a->hold_until == b->hold_until && string_same(a->mail_auth, b->mail_auth);
}

static bool
envelope_same(const struct envelope *a, const struct envelope *b)
{
	if (!address_same(&a->sender, &b->sender) || a->dsn_return != b->dsn_return ||
		a->dsn_notify != b->dsn_notify || !string_same(a->envid, b->envid) ||
		!wishes_same(&a->wishes, &b->wishes) || a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!recipient_same(&a->recipients[i], &b->recipients[i]))
			return false;
	return true;
}

static int
new_file(void)
{
	int fd = memfd_create("entry", MFD_CLOEXEC);

	if (fd < 0)
		abort();
	return fd;
}

/* A file with the full entry. */
static int
full_file(struct entry *e)
{
	struct error err = ERROR_NONE;
	struct envelope v;
	struct message m;
	int fd = new_file();

	make_full(e, &v, &m);
	if (!entry_write(fd, e, &v, &m, false, &err))
		printf("# %s\n", err.text);
	envelope_done(&v);
	message_done(&m);
	return fd;
}

/* Reads a file with DATA. */
static bool
read_octets(const char *data, size_t n, struct entry *ret, struct error *err)
{
	int fd = new_file();

	if (pwrite(fd, data, n, 0) != (ssize_t)n)
		abort();
	error_clear(err);
	return entry_read(fd, ENTRY_WHOLE, ret, err);
}

static void
try_full(void)
{
	struct error err = ERROR_NONE;
	struct entry e, got;
	struct envelope v;
	struct message m;
	int fd = new_file();

	make_full(&e, &v, &m);
	ok(entry_write(fd, &e, &v, &m, false, &err), "write %s", err.text);
	ok(entry_read(fd, ENTRY_WHOLE, &got, &err), "read %s", err.text);
	ok(!strcmp(got.account, e.account) && got.uid == e.uid && got.created == e.created &&
			got.not_before == e.not_before && got.lifetime == e.lifetime &&
			got.notify_error,
		"what was submitted");
	ok(got.state == ENTRY_UNCERTAIN && got.attempts == 3 && got.doubts == 1 &&
			got.last == 1700000100 && got.held == 77 && got.warned && got.bounced,
		"what became of it");
	ok(got.size == e.size && got.trailer == e.trailer && got.chain == e.chain &&
			got.print == e.print && got.begin == e.begin && got.begin < got.trailer,
		"where it ends");
	ok(got.octets == message_size(&m) && got.octets == e.octets && got.octets < got.size,
		"the size of the message, not of the file");
	ok(envelope_same(&v, &got.envelope), "the envelope");
	ok(message_same(&m, &got.message) && got.message.facts.cr_changed == m.facts.cr_changed &&
			got.message.facts.nul_removed == 2 && got.message.facts.headerless &&
			got.message.facts.body_8bit &&
			got.message.facts.longest_line == m.facts.longest_line &&
			got.message.facts.longest_header == m.facts.longest_header,
		"the message and its facts");
	entry_done(&got);
	envelope_done(&v);
	message_done(&m);
}

static void
refuse(const char *what, struct entry *e, struct envelope *v, struct message *m)
{
	struct error err = ERROR_NONE;
	int fd = new_file();

	ok(!entry_write(fd, e, v, m, false, &err) && err.fault == FAULT_DATA, "not written: %s: %s",
		what, err.text);
	close(fd);
	envelope_done(v);
	message_done(m);
}

static void
try_refused(void)
{
	struct envelope v;
	struct message m;
	struct entry e;

	make_full(&e, &v, &m);
	envelope_done(&v);
	refuse("no recipients", &e, &v, &m);
	make_full(&e, &v, &m);
	v.recipients[0].orcpt = xstrdup("a\nb");
	refuse("a line end in an original recipient", &e, &v, &m);
	make_full(&e, &v, &m);
	v.wishes.priority = PRIORITY_MOST + 1;
	refuse("a priority that is none", &e, &v, &m);
	make_full(&e, &v, &m);
	v.wishes.deliver_by = 0;
	refuse("a time of delivery that is none", &e, &v, &m);
	make_full(&e, &v, &m);
	v.wishes.mail_auth[1] = '\n';
	refuse("a line end in mail-auth", &e, &v, &m);
	make_full(&e, &v, &m);
	add(&v, NULL, "x\ny", "example.org", NULL);
	refuse("a line end in an address", &e, &v, &m);
	make_full(&e, &v, &m);
	add(&v, NULL, "", "example.org", NULL);
	refuse("an empty recipient", &e, &v, &m);
	make_full(&e, &v, &m);
	add(&v, NULL, "x", "exa mple", NULL);
	refuse("a domain that is none", &e, &v, &m);
	make_full(&e, &v, &m);
	snprintf(e.account, sizeof(e.account), "a\nb");
	refuse("a line end in the account", &e, &v, &m);
	make_full(&e, &v, &m);
	memset(e.account, 'a', sizeof(e.account));
	refuse("an account without an end", &e, &v, &m);
	make_full(&e, &v, &m);
	e.lifetime = -1;
	refuse("a negative lifetime", &e, &v, &m);
	make_full(&e, &v, &m);
	e.created = INT64_MIN;
	refuse("a time that is none", &e, &v, &m);
	make_full(&e, &v, &m);
	char long_one[1001];
	memset(long_one, 'x', 1000);
	long_one[1000] = '\0';
	for (int i = 0; i < 8400; i++)
		add(&v, NULL, "bob", "example.org", long_one);
	refuse("an envelope of more than 8 MiB", &e, &v, &m);
}

/* Cut anywhere, and every octet changed. */
static void
try_damaged(void)
{
	struct entry e, got;
	struct error err = ERROR_NONE;
	int fd = full_file(&e);
	size_t n = (size_t)e.size;
	char *data = xmalloc(n);
	bool cut = true, flipped = true, late = true;

	if (pread(fd, data, n, 0) != (ssize_t)n)
		abort();
	close(fd);
	for (size_t i = 0; i < n; i++) {
		bool good = read_octets(data, i, &got, &err);

		cut = cut && good == (i >= e.begin) && (good || err.fault == FAULT_DATA);
		late = late && (!good || (got.trailer <= i && got.attempts == 0));
		entry_done(&got);
	}
	ok(cut, "cut anywhere in front of the trailer it is damaged");
	ok(late, "cut in the trailer only what is whole counts");
	for (size_t i = 0; i < n; i++) {
		data[i] ^= (char)(1 << i % 8);
		bool good = read_octets(data, n, &got, &err);

		flipped = flipped && good == (i >= e.begin) && (good || err.fault == FAULT_DATA);
		late = late && (!good || got.trailer <= i);
		entry_done(&got);
		data[i] ^= (char)(1 << i % 8);
	}
	ok(flipped, "with any octet changed in front of the trailer it is damaged");
	ok(late, "with one changed in the trailer nothing behind it counts");
	data = xreallocarray(data, n + 100000, 1);
	memset(data + n, 'x', 100000);
	ok(read_octets(data, n + 100000, &got, &err) && got.trailer == n,
		"garbage behind it is ignored");
	entry_done(&got);
	memset(data + n, 0, 100000);
	ok(read_octets(data, n + 100000, &got, &err) && got.trailer == n && got.attempts == 3,
		"zeros behind it are ignored");
	entry_done(&got);
	free(data);
	ok(!read_octets("", 0, &got, &err), "an empty file: %s", err.text);
	entry_done(&got);
}

/* Blocks with right checksums that say what cannot be. */
static void
try_forged_blocks(void)
{
	static const struct {
		const char *what;
		int at, size;
		uint64_t value;
	} cases[] = {
		{ "another version", 8, 4, 3 },
		{ "a version that knows no wishes", 8, 4, 1 },
		{ "unknown flags", 12, 4, 1 << 7 },
		{ "a huge body", 16, 8, UINT64_MAX },
		{ "a body that wraps", 16, 8, UINT64_MAX - 600 },
		{ "a body of 2^62 octets", 16, 8, 1ull << 62 },
		{ "a longer body", 16, 8, 5000 },
		{ "no body", 16, 8, 0 },
		{ "a huge header", 24, 4, UINT32_MAX },
		{ "a longer header", 24, 4, 5000 },
		{ "a huge envelope", 28, 4, UINT32_MAX },
		{ "an envelope of 8 MiB", 28, 4, 8 << 20 },
		{ "no envelope", 28, 4, 0 },
		{ "created never", 32, 8, 1ull << 63 },
		{ "not before never", 40, 8, INT64_MAX },
		{ "a negative lifetime", 48, 8, UINT64_MAX },
		{ "a uid of 64 bits", 60, 4, 1 },
		{ "a longest line longer than the body", 88, 8, 1 << 20 },
		{ "something unknown", 112, 8, 1 },
		{ "a control in the account", 128, 1, '\n' },
		{ "an account without end", 128 + 127, 1, 'x' },
		{ "something behind the account", 300, 1, 'x' },
		{ "another magic", 0, 1, 'S' },
	};
	struct entry e, got;
	struct error err = ERROR_NONE;
	int fd = full_file(&e);
	size_t n = (size_t)e.size;
	char *data = xmalloc(n), block[ENTRY_BLOCK];

	if (pread(fd, data, n, 0) != (ssize_t)n)
		abort();
	close(fd);
	memcpy(block, data, sizeof(block));
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint64_t value = htole64(cases[i].value);

		memcpy(data + cases[i].at, &value, (size_t)cases[i].size);
		put64(data + SUM, hash_of(0, data, SUM));
		ok(!read_octets(data, n, &got, &err) && err.fault == FAULT_DATA, "%s: %s",
			cases[i].what, err.text);
		entry_done(&got);
		memcpy(data, block, sizeof(block));
	}
	free(data);
}

#define WISHING(lines) "from =a =b.example -\ndsn 0 0 -\n" lines "to =c =d.example - -\n"

static void
try_forged_envelopes(void)
{
	static const char *const texts[] = { "", "\n", "from", "from = - -\ndsn 0 0 -\n",
		"from =a =b.example -\ndsn 0 0 -\nto =c =d.example - -",
		"from =a =b.example -\ndsn 3 0 -\nto =c =d.example - -\n",
		"from =a =b.example -\ndsn 0 16 -\nto =c =d.example - -\n",
		"from =a =b.example -\ndsn 00 0 -\nto =c =d.example - -\n",
		"from =a =b.example -\ndsn 0 0 -\nto = = - -\n",
		"from =a =b.example -\ndsn 0 0 -\nto =c%0A =d.example - -\n",
		"from =a =b.example -\ndsn 0 0 -\nto =c%00 =d.example - -\n",
		"from =a =b.example -\ndsn 0 0 -\nto =c%41 =d.example - -\n",
		"from =a =b.example -\ndsn 0 0 -\nto =c%2 =d.example - -\n",
		"from =a =b.example -\ndsn 0 0 -\nto =c =d..example - -\n",
		"from =a =b.example -\ndsn 0 0 -\nto =c =d.example - -\n\n",
		"from =a =b.example -\ndsn 0 0 -\nto =c =d.example - =x%0Ay\n",
		"from =a =b.example -\ndsn 0 0 =\x01\nto =c =d.example - -\n",
		"from =a =b.example -\ndsn 0 0 -\nto =c =d.example - -\nfrom =x =y.example -\n",
		"from = =b.example -\ndsn 0 0 -\nto =c =d.example - -\n",
		"from =a =b.example -\ndsn 0 0 -\nto - =d.example - -\n", WISHING("tls 0\n"),
		WISHING("tls 4\n"), WISHING("tls 03\n"), WISHING("tls 3"),
		WISHING("tls 3\ntls 3\n"), WISHING("priority 1\ntls 3\n"), WISHING("tls -\n"),
		WISHING("by 1700000000\n"), WISHING("by 0 1\n"), WISHING("by 1700000000 0\n"),
		WISHING("by 1700000000 3\n"), WISHING("by 1099511627777 1\n"), WISHING("by -5 1\n"),
		WISHING("by 18446744073709551617 1\n"), WISHING("priority 19\n"),
		WISHING("priority -1\n"), WISHING("priority\n"), WISHING("hold 0\n"),
		WISHING("hold 1099511627777\n"), WISHING("auth -\n"), WISHING("auth =\n"),
		WISHING("auth =a@b.example%0D%0ARSET\n"), WISHING("auth =carol\n"),
		WISHING("auth =j\xc3\xb6rg@b.example\n"), WISHING("auth =a@b.example =c\n"),
		WISHING("wish 1\n") };
	static const char all[] = WISHING("tls 2\nby 1099511627776 1\npriority 18\nhold 1\nauth "
					  "=<>\n");
	static const char null_sender[] = "from = - -\ndsn 0 0 -\nto =c =d.example - -\n";
	struct error err;
	struct envelope v;
	char long_text[5000] = "from =a =b.example -\ndsn 0 0 -\nto =";

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		error_clear(&err);
		v = (struct envelope)ENVELOPE_NONE;
		ok(!entry_envelope_read(texts[i], strlen(texts[i]), &v, &err) &&
				err.fault == FAULT_DATA,
			"envelope %zu: %s", i, err.text);
		envelope_done(&v);
	}
	v = (struct envelope)ENVELOPE_NONE;
	memset(long_text + strlen(long_text), 'x', 4000);
	error_clear(&err);
	ok(!entry_envelope_read(long_text, strlen(long_text), &v, &err), "a long local part");
	envelope_done(&v);
	error_clear(&err);
	ok(entry_envelope_read(all, strlen(all), &v, &err) && v.wishes.tls == TLS_WISH_IF_OFFERED &&
			v.wishes.priority == PRIORITY_MOST && v.wishes.late == LATE_WISH_NOTIFY &&
			v.wishes.deliver_by == ENTRY_TIME_MAX && v.wishes.hold_until == 1 &&
			string_same(v.wishes.mail_auth, "<>"),
		"the limits of wishes %s", err.text);
	envelope_done(&v);
	error_clear(&err);
	ok(entry_envelope_read(null_sender, strlen(null_sender), &v, &err) &&
			address_is_null(&v.sender),
		"the null sender");
	envelope_done(&v);
}

int
main(void)
{
	try_ids();
	try_full();
	try_refused();
	try_damaged();
	try_forged_blocks();
	try_forged_envelopes();
	return tap_done();
}
