#include "envelope.h"

#include <stdlib.h>

#include "alloc.h"
#include "strbuf.h"
#include "tap.h"

static void
parse(struct address_list *l, const char *text)
{
	ok(address_list_parse(text, strlen(text), l, NULL), "parsed %.20s", text);
}

static void
test_recipients(void)
{
	struct address_list l CLEANUP(address_list_done) = ADDRESS_LIST_NONE;
	struct address_list m CLEANUP(address_list_done) = ADDRESS_LIST_NONE;
	struct envelope e CLEANUP(envelope_done) = ENVELOPE_NONE;

	envelope_add_recipients(&e, &l);
	ok(!e.count && !envelope_needs_utf8(&e), "nobody");
	parse(&l, "a@x, B <b@x>, a@X");
	envelope_add_recipients(&e, &l);
	ok(e.count == 2 && l.n == 3 && e.recipients[1].address.local != l.v[1].local,
		"each once, copied");
	e.recipients[0].outcome = OUTCOME_ACCEPTED;
	parse(&m, "b@x, c@x, a@x, c@x");
	envelope_add_recipients(&e, &m);
	ok(e.count == 3 && !strcmp(e.recipients[2].address.local, "c") &&
			e.recipients[0].outcome == OUTCOME_ACCEPTED &&
			envelope_count(&e, OUTCOME_PENDING) == 2,
		"only those who are not there already");
	envelope_add_recipients(&e, &m);
	ok(e.count == 3, "nobody new");
}

static void
test_doubts(void)
{
	const struct error why = { .fault = FAULT_TEMPORARY, .in_doubt = true };
	struct address_list l CLEANUP(address_list_done) = ADDRESS_LIST_NONE;
	struct envelope e CLEANUP(envelope_done) = ENVELOPE_NONE;

	parse(&l, "a@x, b@x, c@x");
	envelope_add_recipients(&e, &l);
	recipient_set(&e.recipients[1], OUTCOME_TEMPORARY, 451, (struct enhanced){ 0 }, "no", NULL);
	ok(!envelope_drop_doubts(&e) && envelope_count(&e, OUTCOME_PENDING) == 2, "no doubts");
	envelope_fail_pending(&e, &why);
	ok(envelope_count(&e, OUTCOME_IN_DOUBT) == 2 && envelope_drop_doubts(&e), "two");
	ok(envelope_count(&e, OUTCOME_ACCEPTED) == 2 && !e.recipients[0].why &&
			e.recipients[1].outcome == OUTCOME_TEMPORARY,
		"are taken as accepted, the refused one is not");
}

static void
test_utf8(void)
{
	struct address_list l CLEANUP(address_list_done) = ADDRESS_LIST_NONE;
	struct envelope e CLEANUP(envelope_done) = ENVELOPE_NONE;

	parse(&l, "a@x, b@bücher.example");
	envelope_add_recipients(&e, &l);
	ok(!envelope_needs_utf8(&e), "a domain");
	parse(&l, "c@x, jörg@x");
	envelope_add_recipients(&e, &l);
	ok(envelope_needs_utf8(&e), "a local part");
	envelope_done(&e);
	e.sender.local = xstrdup("jörg");
	e.sender.domain = xstrdup("bücher.example");
	ok(envelope_needs_utf8(&e), "the sender");
}

static void
test_set(void)
{
	struct recipient r = { .outcome = OUTCOME_PENDING };
	struct error why = { .fault = FAULT_NOUSER,
		.smtp = 550,
		.code = { 5, 1, 1 },
		.text = "unable to reach bob",
		.words = "no such user" };
	struct enhanced fine = { 2, 1, 5 };

	recipient_set(&r, OUTCOME_ACCEPTED, 250, fine, NULL, NULL);
	ok(r.outcome == OUTCOME_ACCEPTED && r.code == 250 && r.enhanced.detail == 5 && !r.words &&
			!r.why,
		"no memory for who was accepted");
	recipient_set(&r, OUTCOME_ACCEPTED, 250, fine, "", NULL);
	ok(!r.words, "nor for an empty text");
	recipient_set(&r, OUTCOME_ACCEPTED, 250, fine, "queued", NULL);
	ok(r.words && !strcmp(r.words, "queued"), "words");
	recipient_set(&r, OUTCOME_ACCEPTED, 250, fine, r.words, NULL);
	ok(r.words && !strcmp(r.words, "queued"), "its own words");

	recipient_fail(&r, &why);
	ok(r.outcome == OUTCOME_PERMANENT && r.code == 550 && r.enhanced.class == 5 &&
			!strcmp(r.words, "no such user") && r.why && r.why != &why &&
			!strcmp(r.why->text, why.text),
		"refused for good");
	recipient_fail(&r, r.why);
	ok(!strcmp(r.why->text, why.text) && !strcmp(r.words, "no such user"), "its own error");
	why.fault = FAULT_TEMPORARY;
	why.words[0] = '\0';
	recipient_fail(&r, &why);
	ok(r.outcome == OUTCOME_TEMPORARY && !r.words && r.why->fault == FAULT_TEMPORARY,
		"refused for now");
	why.in_doubt = true;
	recipient_fail(&r, &why);
	ok(r.outcome == OUTCOME_IN_DOUBT, "in doubt");
	recipient_set(&r, OUTCOME_PENDING, 0, (struct enhanced){ 0 }, NULL, NULL);
	ok(!r.why && !r.words && !r.code, "all is forgotten");
}

/* Each letter is a recipient: a accepted, t temporary, d in doubt, p pending, n permanent without a
 * reason, and capitals permanent with one. */
static const struct {
	char letter;
	enum fault fault;
} letters[] = { { 'C', FAULT_CONFIG }, { 'P', FAULT_PERMISSION }, { 'S', FAULT_PROTOCOL },
	{ 'U', FAULT_UNAVAILABLE }, { 'H', FAULT_NOHOST }, { 'N', FAULT_NOUSER },
	{ 'D', FAULT_DATA }, { 'I', FAULT_IO }, { 'T', FAULT_TEMPORARY } };

static const struct {
	const char *who;
	enum fault want;
} faults[] = {
	{ "", FAULT_SOFTWARE },
	{ "a", FAULT_NONE },
	{ "aaa", FAULT_NONE },
	{ "t", FAULT_TEMPORARY },
	{ "d", FAULT_TEMPORARY },
	{ "p", FAULT_TEMPORARY },
	{ "tC", FAULT_TEMPORARY },
	{ "Nd", FAULT_TEMPORARY },
	{ "CPSUHNDIp", FAULT_TEMPORARY },
	{ "at", FAULT_UNAVAILABLE },
	{ "da", FAULT_UNAVAILABLE },
	{ "pa", FAULT_UNAVAILABLE },
	{ "aN", FAULT_NOUSER },
	{ "aNt", FAULT_NOUSER },
	{ "aDd", FAULT_DATA },
	{ "add", FAULT_UNAVAILABLE },
	{ "aPt", FAULT_PERMISSION },
	{ "aaC", FAULT_CONFIG },
	{ "n", FAULT_UNAVAILABLE },
	{ "an", FAULT_UNAVAILABLE },
	{ "C", FAULT_CONFIG },
	{ "P", FAULT_PERMISSION },
	{ "S", FAULT_PROTOCOL },
	{ "U", FAULT_UNAVAILABLE },
	{ "H", FAULT_NOHOST },
	{ "N", FAULT_NOUSER },
	{ "D", FAULT_DATA },
	{ "I", FAULT_IO },
	{ "T", FAULT_UNAVAILABLE },
	{ "DNHUSPC", FAULT_CONFIG },
	{ "DNHUSP", FAULT_PERMISSION },
	{ "DNHUS", FAULT_PROTOCOL },
	{ "DNHU", FAULT_UNAVAILABLE },
	{ "DNHI", FAULT_IO },
	{ "DNH", FAULT_NOHOST },
	{ "DN", FAULT_NOUSER },
	{ "aDNH", FAULT_NOHOST },
};

static void
make(struct recipient *r, char letter)
{
	struct error why = ERROR_NONE;

	r->outcome = letter == 'a'   ? OUTCOME_ACCEPTED
		     : letter == 't' ? OUTCOME_TEMPORARY
		     : letter == 'd' ? OUTCOME_IN_DOUBT
		     : letter == 'p' ? OUTCOME_PENDING
				     : OUTCOME_PERMANENT;
	for (size_t i = 0; i < sizeof(letters) / sizeof(*letters); i++)
		if (letters[i].letter == letter)
			why.fault = letters[i].fault;
	if (why.fault)
		recipient_set(r, OUTCOME_PERMANENT, 0, (struct enhanced){ 0 }, NULL, &why);
}

static void
test_fault(void)
{
	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
		struct envelope e CLEANUP(envelope_done) = ENVELOPE_NONE;
		enum fault got;

		e.count = strlen(faults[i].who);
		e.recipients = xcalloc(e.count, sizeof(*e.recipients));
		for (size_t k = 0; k < e.count; k++)
			make(&e.recipients[k], faults[i].who[k]);
		got = envelope_fault(&e);
		ok(got == faults[i].want, "'%s' is %s", faults[i].who, fault_name(got));
	}
}

static void
test_names(void)
{
	for (int i = 0; i < OUTCOME_COUNT; i++)
		ok(outcome_name((enum outcome)i)[0], "outcome %s", outcome_name((enum outcome)i));
}

static void
test_dsn(void)
{
	static const struct {
		const char *text;
		unsigned want; /* 0: refused */
	} t[] = {
		{ "never", DSN_NEVER },
		{ "NEVER", DSN_NEVER },
		{ "success", DSN_SUCCESS },
		{ "Success,FAILURE , delay", DSN_SUCCESS | DSN_FAILURE | DSN_DELAY },
		{ " delay ", DSN_DELAY },
		{ "delay,delay", DSN_DELAY },
		{ "", 0 },
		{ ",", 0 },
		{ "success,", 0 },
		{ ",success", 0 },
		{ "success failure", 0 },
		{ "never,delay", 0 },
		{ "delay,never", 0 },
		{ "successful", 0 },
		{ "success\r\nDATA", 0 },
	};
	enum dsn_return back = DSN_RETURN_NONE;

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct error err = ERROR_NONE;
		unsigned got = 0;
		bool good = dsn_notify_parse(t[i].text, &got, &err);

		ok(good == (t[i].want > 0) && got == t[i].want &&
				err.fault == (good ? FAULT_NONE : FAULT_USAGE),
			"notify %zu: %s", i, err.text);
	}
	ok(dsn_return_parse("FULL", &back, NULL) && back == DSN_RETURN_FULL, "full");
	ok(dsn_return_parse("hdrs", &back, NULL) && back == DSN_RETURN_HEADERS, "hdrs");
	back = DSN_RETURN_NONE;
	ok(dsn_return_parse("Headers", &back, NULL) && back == DSN_RETURN_HEADERS, "headers");
	ok(!dsn_return_parse("", &back, NULL) && !dsn_return_parse("full ", &back, NULL), "others");
}

static void
test_xtext(void)
{
	struct strbuf out CLEANUP(strbuf_done) = STRBUF_INIT(100);

	dsn_add_xtext(&out, "a b+c=d~!\r\n\x7fö");
	same(out.s, out.len, "a+20b+2Bc+3Dd~!+0D+0A+7F+C3+B6", "xtext");
}

static void
test_decoding(void)
{
	static const struct {
		const char *text, *plain, *utf8; /* what it is as either, NULL: it is none */
	} rows[] = {
		{ "", "", "" },
		{ "a@b", "a@b", "a@b" },
		{ "a+20b+2Bc+3Dd~!", "a b+c=d~!", NULL },
		{ "+7e+2b", "~+", NULL },
		{ "a b", NULL, NULL },
		{ "a=b", NULL, NULL },
		{ "+", NULL, NULL },
		{ "+2", NULL, NULL },
		{ "+2x", NULL, NULL },
		{ "+0A", NULL, NULL },
		{ "+00", NULL, NULL },
		{ "+7F", NULL, NULL },
		{ "+C3", NULL, NULL },
		{ "\xc3\xa4@b", NULL, "\xc3\xa4@b" },
		{ "\xc3", NULL, NULL },
		{ "\x1b", NULL, NULL },
		{ "\\x{E4}\\x{20AC}\\x{1F600}\\x{5c}", "\\x{E4}\\x{20AC}\\x{1F600}\\x{5c}",
			"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\\" },
		{ "\\x{10FFFF}", "\\x{10FFFF}", "\xf4\x8f\xbf\xbf" },
		{ "\\x{110000}", "\\x{110000}", NULL },
		{ "\\x{D800}", "\\x{D800}", NULL },
		{ "\\x{0}", "\\x{0}", NULL },
		{ "\\x{A}", "\\x{A}", NULL },
		{ "\\x{}", "\\x{}", NULL },
		{ "\\x{E4", "\\x{E4", NULL },
		{ "\\x{0000E4}", "\\x{0000E4}", "\xc3\xa4" },
		{ "\\x{00000E4}", "\\x{00000E4}", NULL },
		{ "\\", "\\", NULL },
	};
	struct strbuf out CLEANUP(strbuf_done) = STRBUF_INIT(100);

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		for (int utf8 = 0; utf8 < 2; utf8++) {
			const char *want = utf8 ? rows[i].utf8 : rows[i].plain;
			struct error err = ERROR_NONE;
			bool good;

			strbuf_clear(&out);
			good = (utf8 ? dsn_parse_utf8 : dsn_parse_xtext)(
				rows[i].text, strlen(rows[i].text), &out, &err);
			if (want && ok(good, "decoding %zu", i))
				same(out.s, out.len, want, rows[i].text);
			if (!want)
				ok(!good && err.fault == FAULT_DATA, "no decoding of %zu", i);
		}
}

static void
test_one_by_one(void)
{
	struct envelope e CLEANUP(envelope_done) = ENVELOPE_NONE;
	struct address a CLEANUP(address_done) = ADDRESS_NONE;

	a.local = xstrdup("a");
	ok(envelope_add_recipient(&e, &a) == 0 && envelope_add_recipient(&e, &a) == 1 &&
			e.count == 2 && e.recipients[0].address.local != a.local &&
			address_equal(&e.recipients[1].address, &a),
		"the same address twice");
	ok(envelope_count(&e, OUTCOME_PENDING) == 2 && !e.recipients[1].orcpt, "both are new");
}

static void
test_many(void)
{
	struct address_list l CLEANUP(address_list_done) = ADDRESS_LIST_NONE;
	struct envelope e CLEANUP(envelope_done) = ENVELOPE_NONE;
	struct error why = { .fault = FAULT_TEMPORARY, .text = "gone" };
	char local[32];

	for (size_t i = 0; i < ADDRESS_LIST_MAX; i++) {
		struct address a = ADDRESS_NONE;

		snprintf(local, sizeof(local), "%zu", i);
		a.local = xstrdup(local);
		address_list_take(&l, &a);
	}
	envelope_add_recipients(&e, &l);
	for (size_t round = 0; round < 2; round++)
		for (size_t i = 0; i < e.count; i++)
			if (i & 1)
				recipient_fail(&e.recipients[i], &why);
			else
				recipient_set(&e.recipients[i], OUTCOME_ACCEPTED, 250,
					(struct enhanced){ 2, 0, 0 }, "ok", NULL);
	ok(e.count == ADDRESS_LIST_MAX && envelope_count(&e, OUTCOME_ACCEPTED) == e.count / 2 &&
			envelope_fault(&e) == FAULT_UNAVAILABLE,
		"%zu recipients", e.count);
}

static void
test_refused(void)
{
	struct envelope e CLEANUP(envelope_done) = ENVELOPE_NONE;
	struct address_list l CLEANUP(address_list_done) = ADDRESS_LIST_NONE;
	struct error why = ERROR_NONE;

	error_set(&why, FAULT_UNAVAILABLE, "no");
	ok(address_list_parse("root@x", 6, &l, NULL), "parses");
	envelope_add_recipients(&e, &l);
	envelope_add_refused(&e, &l.v[0], &why);
	ok(e.count == 2 && envelope_count(&e, OUTCOME_PENDING) == 1, "beside its like");
	ok(e.recipients[1].outcome == OUTCOME_PERMANENT &&
			address_equal(&l.v[0], &e.recipients[1].address),
		"refused for good");
	ok(e.recipients[1].why && !strcmp(e.recipients[1].why->text, "no"), "and why");
	recipient_set(
		&e.recipients[0], OUTCOME_ACCEPTED, 250, (struct enhanced){ 0, 0, 0 }, NULL, NULL);
	ok(envelope_fault(&e) == FAULT_UNAVAILABLE, "which counts");
}

static void
test_copy(void)
{
	struct envelope from = ENVELOPE_NONE, to = ENVELOPE_NONE;
	struct address_list l = ADDRESS_LIST_NONE;
	struct error why = ERROR_NONE;

	error_set(&why, FAULT_TEMPORARY, "later");
	if (!address_list_parse("Bob <bob@x.example>, root", 25, &l, NULL))
		abort();
	envelope_add_recipients(&from, &l);
	envelope_add_recipients(&to, &l);
	from.sender.local = strdup("me");
	from.envid = strdup("id");
	from.dsn_notify = DSN_DELAY;
	from.recipients[1].orcpt = strdup("rfc822;root");
	recipient_set(&from.recipients[1], OUTCOME_TEMPORARY, 450, (struct enhanced){ 4, 2, 1 },
		"words", &why);
	envelope_copy(&to, &from);
	ok(to.count == 2 && !strcmp(to.sender.local, "me") && !to.sender.domain &&
			!strcmp(to.envid, "id") && to.dsn_notify == DSN_DELAY,
		"a copy");
	ok(!strcmp(to.recipients[0].address.name, "Bob") &&
			!strcmp(to.recipients[1].orcpt, "rfc822;root") &&
			to.recipients[1].outcome == OUTCOME_TEMPORARY &&
			to.recipients[1].enhanced.subject == 2 &&
			!strcmp(to.recipients[1].words, "words") &&
			!strcmp(to.recipients[1].why->text, "later"),
		"of all recipients");
	envelope_done(&from);
	ok(!strcmp(to.recipients[0].address.domain, "x.example") &&
			!strcmp(to.recipients[1].why->text, "later"),
		"that stands by itself");
	envelope_copy(&to, &from);
	ok(!to.count && !to.sender.local, "a copy of nothing");
	address_list_done(&l);
}

int
main(void)
{
	test_copy();
	test_refused();
	test_recipients();
	test_doubts();
	test_utf8();
	test_set();
	test_fault();
	test_names();
	test_dsn();
	test_xtext();
	test_decoding();
	test_one_by_one();
	test_many();
	return tap_done();
}
