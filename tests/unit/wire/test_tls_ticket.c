/* Sessions that are kept and resumed: under the same settings, and under no others. */
#include <signal.h>
#include <sys/stat.h>

#include "memo.h"
#include "peer.h"
#include "tls_private.h"

static struct testca ca, other_ca, leaf, renewed;
static gnutls_certificate_credentials_t cred;
static gnutls_datum_t ticket_key;
static struct tls_settings settings;
static char place[200];

/* One session, kept at its end; how it went. */
struct meeting {
	bool good, resumed;
	struct tls_info info;
	unsigned char key[32];
	bool has_key, misled;
	struct error err;
};

static struct meeting
meet(struct peer p, const struct tls_settings *set, const char *directory, const char *where)
{
	struct meeting m = { .err = ERROR_NONE };
	struct tls_context *c = tls_context_new(set, &m.err);
	const char *line;
	struct stream s;
	size_t n;

	if (!c) {
		printf("Bail out! settings: %s\n", m.err.text);
		exit(93);
	}
	if (!p.cred)
		p.cred = cred;
	if (!p.ticket_key)
		p.ticket_key = &ticket_key;
	tls_remember(c, directory, where);
	peer_start(&p, &s);
	m.good = tls_start(c, &s, "good.test", clock_in(10000), &m.err);
	m.misled = tls_was_misled(c);
	if (m.good) {
		tls_describe(&s, &m.info);
		m.has_key = tls_key_hash(&s, m.key);
		(void)!stream_line(&s, clock_in(5000), &line, &n, &m.err);
		tls_keep_ticket(&s);
		tls_keep_ticket(&s);
	}
	peer_join(&p, &s);
	m.resumed = p.resumed;
	tls_context_free(c);
	return m;
}

static struct meeting
meet_plain(const struct tls_settings *set)
{
	return meet((struct peer){ .limit = 0 }, set, place, "place");
}

static void
clear(void)
{
	/* nothing of these tests is 60 days old */
	clock_pretend(time(NULL) + 100 * 86400);
	memo_sweep(place);
	clock_pretend(0);
}

static void
test_resumption(void)
{
	static const char *const priorities[] = { NULL, "NORMAL:-VERS-ALL:+VERS-TLS1.2",
		"NORMAL:-GROUP-ALL:+GROUP-X25519" };

	for (size_t i = 0; i < sizeof(priorities) / sizeof(*priorities); i++) {
		struct peer p = { .priority = priorities[i] };
		struct meeting a, b, c;

		a = meet(p, &settings, place, "place");
		b = meet(p, &settings, place, "place");
		c = meet(p, &settings, place, "place");
		ok(a.good && !a.resumed && !a.info.resumed && a.info.verified, "a new session %s",
			a.err.text);
		ok(b.good && b.resumed && b.info.resumed && b.info.verified, "resumed %s",
			b.err.text);
		ok(c.good && c.resumed, "and again");
		ok(!strcmp(a.info.issuer, b.info.issuer) && a.info.expires == b.info.expires &&
				!strcmp(a.info.version, b.info.version),
			"%s by %s, the same as before", b.info.version, b.info.issuer);
		ok(i == 1 || (!strncmp(b.info.cipher, "ECDHE-", 6) &&
				     strstr(b.info.cipher, "/PSK/AES-256-GCM")),
			"described as %s", b.info.cipher);
		ok(a.has_key && b.has_key && !memcmp(a.key, b.key, 32), "with the same key");
		clear();
	}
}

/* What differs makes another session; and another after that would not be this one either. */
static void
test_settings(void)
{
	static const char *const wrong[] = {
		"sha256:0000000000000000000000000000000000000000000000000000000000000000"
	};
	char pin[80] = "sha256:";
	const char *pins[1] = { pin };
	struct tls_settings set[8];
	const char *names[8] = { "trust", "CRL", "name", "priority", "minimum", "pin",
		"fingerprint", "copy of the trust" };
	struct meeting m = meet_plain(&settings);

	for (int i = 0; i < 32; i++)
		snprintf(pin + 7 + 2 * i, 3, "%02x", m.key[i]);
	for (size_t i = 0; i < 8; i++)
		set[i] = settings;
	set[0].trust = peer_file(testca_pem(&other_ca));
	set[1].crl = peer_file(testca_crl(&ca, NULL));
	set[2].name = "elsewhere.test";
	set[3].priority = "NORMAL";
	set[4].min = "1.2";
	set[5].pins = pins;
	set[5].pin_count = 1;
	set[6].fingerprints = wrong;
	set[6].fingerprint_count = 1;
	set[7].trust = peer_file(testca_pem(&ca));
	for (size_t i = 0; i < 8; i++) {
		m = meet_plain(&set[i]);
		ok(!m.resumed && !m.info.resumed, "another %s: a new session", names[i]);
		ok(m.good == (i != 0 && i != 2 && i != 6), "checked as ever: %s", m.err.text);
		m = meet_plain(&set[i]);
		ok(m.good == m.resumed, "resumed only if it was good");
	}
	set[5].pins = wrong;
	m = meet_plain(&set[5]);
	ok(!m.good && !m.resumed && strstr(m.err.text, "tls-pin"), "a wrong pin: %s", m.err.text);
	m = meet((struct peer){ .limit = 0 }, &settings, place, "another place");
	ok(m.good && !m.resumed, "another place");
	m = meet((struct peer){ .limit = 0 }, &settings, NULL, "place");
	ok(m.good && !m.resumed && m.has_key, "no directory");
	m = meet((struct peer){ .limit = 0 }, &settings, NULL, NULL);
	ok(m.good && !m.resumed && !m.has_key, "no memory at all");
	m = meet_plain(&settings);
	ok(m.good && m.resumed, "the first one is still there");
	clear();
}

/* The same path with other content, and with the same. */
static void
test_touched(void)
{
	struct meeting m = meet_plain(&settings);
	struct timespec both[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };

	ok(m.good && !m.resumed && !utimensat(AT_FDCWD, settings.trust, both, 0), "a session");
	m = meet_plain(&settings);
	ok(m.good && !m.resumed, "the file of authorities was touched");
	m = meet_plain(&settings);
	ok(m.good && m.resumed, "and was left alone");
	clear();
}

static void
test_unverified(void)
{
	struct tls_settings set = settings;
	struct meeting m;

	set.trust = "none";
	meet_plain(&set);
	m = meet_plain(&set);
	ok(m.good && !m.resumed && !m.info.verified && !m.has_key, "nothing unverified is kept");
	clear();
}

static void
test_age(void)
{
	struct testca brief = testca_make(&ca,
		&(struct testca_options){ .dns = { "good.test" }, .from = -3600, .until = 7200 });
	gnutls_certificate_credentials_t its = testca_credentials(&brief, NULL);
	struct peer p = { .cred = its };
	time_t now = time(NULL);
	struct meeting m;

	meet(p, &settings, place, "place");
	clock_pretend(now + 7000);
	m = meet(p, &settings, place, "place");
	ok(m.good && m.resumed, "until the certificate ends");
	clock_pretend(now + 7300);
	m = meet(p, &settings, place, "place");
	ok(m.good && !m.resumed, "and not longer");
	clear();
	clock_pretend(now);
	meet(p, &settings, place, "place");
	clock_pretend(now - 1000);
	m = meet(p, &settings, place, "place");
	ok(m.good && !m.resumed, "not from the future");
	gnutls_certificate_free_credentials(its);
	testca_free(&brief);
	clear();
}

/* However often it is resumed, the certificate is verified once a day. */
static void
test_chain(void)
{
	struct testca long_lived = testca_make(
		&ca, &(struct testca_options){
			     .dns = { "good.test" }, .from = -3600, .until = 30L * 86400 });
	gnutls_certificate_credentials_t its = testca_credentials(&long_lived, NULL);
	time_t now = time(NULL);
	struct meeting m;

	for (int hour = 0; hour <= 24; hour += 8) {
		clock_pretend(now + hour * 3600 - 10);
		m = meet((struct peer){ .cred = its }, &settings, place, "place");
		ok(m.good && m.resumed == (hour > 0 && hour <= 24), "after %d hours", hour);
	}
	clock_pretend(now + 25 * 3600);
	m = meet((struct peer){ .cred = its }, &settings, place, "place");
	ok(m.good && !m.resumed, "not a day after it was verified");
	gnutls_certificate_free_credentials(its);
	testca_free(&long_lived);
	clear();
}

static void
test_server(void)
{
	gnutls_certificate_credentials_t new_cred = testca_credentials(&renewed, NULL);
	gnutls_datum_t new_key;
	struct meeting m;

	gnutls_session_ticket_key_generate(&new_key);
	meet_plain(&settings);
	m = meet((struct peer){ .ticket_key = &new_key, .cred = new_cred }, &settings, place,
		"place");
	ok(m.good && !m.resumed && m.info.verified,
		"a server that does not know it: verified anew");
	m = meet((struct peer){ .ticket_key = &new_key, .cred = new_cred }, &settings, place,
		"place");
	ok(m.good && m.resumed, "and kept anew");
	gnutls_free(new_key.data);
	gnutls_certificate_free_credentials(new_cred);
	clear();
}

/* Puts another record in the place of the only ticket that there is. */
static bool
tamper(const struct tls_settings *set, void (*change)(struct tls_ticket *ticket))
{
	struct tls_context *c = tls_context_new(set, NULL);
	struct tls t = { .context = c };
	struct strbuf record = STRBUF_INIT(MEMO_MAX), changed = STRBUF_INIT(MEMO_MAX);
	bool found;

	tls_remember(c, place, "place");
	snprintf(t.name, sizeof(t.name), "good.test");
	found = tls_ticket_find(&t, &record);
	if (found) {
		change(&t.ticket);
		tls_ticket_print(&t.ticket, &changed);
		memo_put(place, MEMO_TICKET, &t.ticket_key, &changed);
	}
	strbuf_done(&record);
	strbuf_done(&changed);
	tls_context_free(c);
	return found;
}

static void
other_certificate(struct tls_ticket *ticket)
{
	ticket->certificate[0] ^= 1;
}

static void
garbage(struct tls_ticket *ticket)
{
	ticket->session = "no session at all, but long enough to be one or so it may seem";
	ticket->session_len = strlen(ticket->session);
}

static void
nothing(struct tls_ticket *ticket)
{
	ticket->session_len = 0;
}

static void
half(struct tls_ticket *ticket)
{
	ticket->session_len /= 2;
}

static void
expired(struct tls_ticket *ticket)
{
	ticket->expires = clock_wall() - 1;
}

static void
future(struct tls_ticket *ticket)
{
	ticket->verified = clock_wall() + 1000;
}

static void
hostile_issuer(struct tls_ticket *ticket)
{
	memcpy(ticket->issuer, "CN=\033[2J", 8);
}

static void
test_tampered(void)
{
	static const struct {
		const char *name;
		void (*change)(struct tls_ticket *ticket);
		bool resumed; /* by GnuTLS; then the chain is verified as if it were new */
	} changes[] = {
		{ "of another certificate", other_certificate, true },
		{ "garbage", garbage, false },
		{ "nothing", nothing, false },
		{ "half of it", half, false },
		{ "expired", expired, false },
		{ "from the future", future, false },
		{ "with controls", hostile_issuer, false },
	};

	for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
		struct meeting m;

		meet_plain(&settings);
		ok(tamper(&settings, changes[i].change), "tampered with: %s", changes[i].name);
		m = meet_plain(&settings);
		ok(m.good && m.resumed == changes[i].resumed && m.info.verified &&
				!strcmp(m.info.issuer, "CN=Lab CA"),
			"%s: verified all the same %s", changes[i].name, m.err.text);
		clear();
	}
}

static void
raw_alert(struct peer *p)
{
	static const char alert[] = "\x15\x03\x03\0\x02\x02\x28";
	char buffer[5000];

	if (read(p->fd, buffer, sizeof(buffer)) > 0)
		send(p->fd, alert, 7, MSG_NOSIGNAL);
	while (read(p->fd, buffer, sizeof(buffer)) > 0)
		;
}

/* A server that fails when a session is offered. */
static void
test_misled(void)
{
	struct meeting m = meet((struct peer){ .raw = raw_alert }, &settings, place, "place");

	ok(!m.good && !m.misled, "a failure without anything kept");
	meet_plain(&settings);
	m = meet((struct peer){ .raw = raw_alert }, &settings, place, "place");
	ok(!m.good && m.misled, "a failure with a kept session: %s", m.err.text);
	m = meet((struct peer){ .raw = raw_alert }, &settings, place, "place");
	ok(!m.good && !m.misled, "which is forgotten");
	m = meet_plain(&settings);
	ok(m.good && !m.resumed && !m.misled, "so that a new one can be had");
	clear();
}

int
main(void)
{
	alarm(120);
	signal(SIGPIPE, SIG_IGN);
	ca = testca_make(NULL, &(struct testca_options){ .ca = true, .cn = "Lab CA" });
	other_ca = testca_make(NULL, &(struct testca_options){ .ca = true, .cn = "Other" });
	leaf = testca_make(&ca, &(struct testca_options){ .dns = { "good.test" } });
	renewed = testca_make(&ca, &(struct testca_options){ .dns = { "good.test" } });
	cred = testca_credentials(&leaf, NULL);
	gnutls_session_ticket_key_generate(&ticket_key);
	settings.trust = peer_file(testca_pem(&ca));
	snprintf(place, sizeof(place), "%s/place", peer_directory);
	if (!memo_prepare(place, true))
		return 99;
	test_resumption();
	test_settings();
	test_touched();
	test_unverified();
	test_age();
	test_chain();
	test_server();
	test_tampered();
	test_misled();
	gnutls_certificate_free_credentials(cred);
	gnutls_free(ticket_key.data);
	ok(!rmdir(place), "nothing is left");
	peer_files_done();
	testca_free(&ca);
	testca_free(&other_ca);
	testca_free(&leaf);
	testca_free(&renewed);
	return tap_done();
}
