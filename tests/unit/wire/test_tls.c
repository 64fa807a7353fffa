#include <signal.h>

#include "peer.h"
#include "strbuf.h"

#define TLS12 "NORMAL:-VERS-ALL:+VERS-TLS1.2"

static struct testca ca, leaf;
static gnutls_certificate_credentials_t cred;
static struct tls_settings settings;

static void
test_versions(void)
{
	static const struct {
		const char *priority, *version;
		bool exporter;
	} versions[] = {
		{ NULL, "TLS1.3", true },
		{ TLS12, "TLS1.2", false },
	};

	for (int i = 0; i < 2; i++) {
		struct peer p = { .cred = cred, .priority = versions[i].priority, .act = echo };
		struct strbuf binding = STRBUF_INIT(200);
		struct tls_context *c;
		struct tls_info info;
		struct error err;
		struct stream s;
		bool exporter = !versions[i].exporter;

		ok(peer_meet(&p, &s, &settings, "good.test", &c, &err), "handshake %s", err.text);
		ok(stream_is_tls(&s), "the stream has its layer");
		tls_describe(&s, &info);
		ok(!strcmp(info.version, versions[i].version) && info.verified, "%s", info.version);
		ok(!strncmp(info.cipher, "ECDHE-", 6) && strstr(info.cipher, "/AES-256-GCM"), "%s",
			info.cipher);
		ok(!strcmp(info.issuer, "CN=Lab CA"), "issuer %s", info.issuer);
		want_line(&s, "220 hello", "greeting");
		/* in 1.2 the greeting comes with the server's Finished */
		ok(s.turns == 2, "turns so far: %u", s.turns);
		put_line(&s, "EHLO me\r\n");
		want_line(&s, "EHLO me", "echo");
		ok(s.turns == 3, "and one more: %u", s.turns);
		ok(tls_binding(&s, &binding, &exporter) && exporter == versions[i].exporter &&
				binding.len >= 12,
			"channel binding");
		peer_join(&p, &s);
		ok(binding.len == p.binding_len && !memcmp(binding.s, p.binding, binding.len),
			"is the same on both ends");
		ok(!strcmp(p.name, "good.test"), "SNI %s", p.name);
		strbuf_done(&binding);
		tls_context_free(c);
	}
}

static void
test_plain_stream(void)
{
	struct strbuf b = STRBUF_INIT(200);
	struct tls_info info;
	struct stream s;
	int fd[2];
	bool exporter;

	tcp_pair(fd);
	stream_init(&s, fd[0]);
	tls_describe(&s, &info);
	ok(!stream_is_tls(&s) && !info.verified && !*info.version &&
			!tls_binding(&s, &b, &exporter),
		"a stream without TLS");
	stream_done(&s);
	close(fd[1]);
}

static void
test_no_ems(void)
{
	struct peer p = { .cred = cred, .priority = TLS12 ":%NO_SESSION_HASH" };
	struct strbuf b = STRBUF_INIT(200);
	struct tls_context *c;
	struct error err;
	struct stream s;
	bool exporter;

	ok(peer_meet(&p, &s, &settings, "good.test", &c, &err), "TLS 1.2 of old %s", err.text);
	ok(!tls_binding(&s, &b, &exporter), "has no channel binding");
	peer_join(&p, &s);
	tls_context_free(c);
}

/* Handshakes that must not come about, and two that the user's own priority allows. */
static void
test_refused(void)
{
	static const struct {
		const char *what, *server, *ours, *min;
		bool good;
	} table[] = {
		{ "TLS 1.1 only", "NORMAL:-VERS-ALL:+VERS-TLS1.1", NULL, NULL, false },
		{ "TLS 1.0 only", "NORMAL:-VERS-ALL:+VERS-TLS1.0", NULL, NULL, false },
		{ "RSA key exchange only", "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+RSA", NULL, NULL,
			false },
		{ "TLS 1.2 where 1.3 is needed", TLS12, NULL, "1.3", false },
		{ "TLS 1.2 where 1.2 is needed", TLS12, NULL, "1.2", true },
		{ "TLS 1.3 where 1.3 is needed", NULL, NULL, "1.3", true },
		{ "TLS 1.1 by priority", "NORMAL:-VERS-ALL:+VERS-TLS1.1",
			"NORMAL:-VERS-ALL:+VERS-TLS1.1", NULL, true },
		{ "TLS 1.1 by priority, against the minimum", "NORMAL:-VERS-ALL:+VERS-TLS1.1",
			"NORMAL:-VERS-ALL:+VERS-TLS1.1", "1.2", false },
		{ "RSA key exchange by priority", "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+RSA",
			"NORMAL:-VERS-ALL:+VERS-TLS1.2", NULL, true },
	};
	struct testca rsa = testca_make(
		&ca, &(struct testca_options){
			     .dns = { "good.test" }, .rsa_bits = 2048, .key_encipherment = true });
	gnutls_certificate_credentials_t rsa_cred = testca_credentials(&rsa, NULL);

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct peer p = { .cred = rsa_cred, .priority = table[i].server };
		struct tls_settings set = settings;
		struct tls_context *c;
		struct error err;
		struct stream s;
		bool good;

		set.priority = table[i].ours;
		set.min = table[i].min;
		good = peer_meet(&p, &s, &set, "good.test", &c, &err);
		ok(good == table[i].good && (good || (err.fault == FAULT_UNAVAILABLE &&
							     err.stage == STAGE_TLS)),
			"%s: %s", table[i].what, err.text);
		peer_join(&p, &s);
		tls_context_free(c);
	}
	gnutls_certificate_free_credentials(rsa_cred);
	testca_free(&rsa);
}

/* Peers that speak no TLS. CTX is what they say first; they then wait for the end. */
static void
raw_say(struct peer *p)
{
	const char *text = p->ctx;
	char buffer[1000];

	if (text)
		send(p->fd, text, strlen(text), MSG_NOSIGNAL);
	while (read(p->fd, buffer, sizeof(buffer)) > 0)
		;
}

static void
raw_reset(struct peer *p)
{
	struct linger reset = { 1, 0 };
	char buffer[50];

	if (read(p->fd, buffer, sizeof(buffer)) > 0)
		setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
}

static void
raw_close(struct peer *p)
{
	char buffer[5000];

	if (read(p->fd, buffer, sizeof(buffer)) < 0)
		p->rc = -1;
}

/* A record that never ends, an octet at a time. */
static void
raw_dribble(struct peer *p)
{
	const char start[] = "\x16\x03\x03\x3f\xff\x02";

	for (size_t i = 0; send(p->fd, i < 6 ? start + i : "x", 1, MSG_NOSIGNAL) == 1; i++)
		usleep(10000);
}

/* Empty records without end, as fast as they go. */
static void
raw_empty(struct peer *p)
{
	char records[5000];

	for (size_t i = 0; i < sizeof(records); i++)
		records[i] = "\x16\x03\x03\0\0"[i % 5];
	while (send(p->fd, records, sizeof(records), MSG_NOSIGNAL) > 0)
		;
}

static void
test_no_tls(void)
{
	static const struct {
		const char *what, *text;
		void (*raw)(struct peer *p);
		enum fault fault;
		const char *words;
		bool starttls;
	} table[] = {
		{ "plain SMTP", "220 mx.example ESMTP\r\n", raw_say, FAULT_PROTOCOL,
			"plain text on this port: use tls = starttls or port 465" },
		{ "plain SMTP, many lines", "220-mx.example\r\n220 ESMTP\r\n", raw_say,
			FAULT_PROTOCOL, "plain text on this port" },
		{ "a refusal in plain text", "554 no\r\n", raw_say, FAULT_PROTOCOL, "plain text" },
		{ "HTTP", "HTTP/1.0 400 Bad Request\r\n\r\n", raw_say, FAULT_PROTOCOL,
			"does not speak TLS on this port" },
		{ "zeroes", "\x01\x01\x01\x01\x01\x01", raw_say, FAULT_PROTOCOL,
			"does not speak TLS" },
		{ "plain text after STARTTLS", "250 what?\r\n", raw_say, FAULT_PROTOCOL,
			"although it agreed to STARTTLS", true },
		{ "silence", NULL, raw_say, FAULT_TEMPORARY, "not finished in time" },
		{ "a dribble", NULL, raw_dribble, FAULT_TEMPORARY, "not finished in time" },
		{ "a flood of nothing", NULL, raw_empty, FAULT_NONE, "" },
		{ "a reset", NULL, raw_reset, FAULT_TEMPORARY, "closed the connection during" },
		{ "an end", NULL, raw_close, FAULT_TEMPORARY, "closed the connection during" },
		{ "an alert", "\x15\x03\x03", raw_say, FAULT_TEMPORARY, "in time" },
		{ "alert handshake_failure", "\x15\x03\x03\x01\x02\x02\x28", raw_say, FAULT_NONE,
			"" },
	};
	struct tls_context *c = tls_context_new(&settings, NULL);

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct peer p = { .raw = table[i].raw, .ctx = (void *)(uintptr_t)table[i].text };
		struct error err = ERROR_NONE;
		struct stream s;
		int64_t start = clock_ms();

		peer_start(&p, &s);
		s.sent = table[i].starttls ? 10 : 0;
		ok(!tls_start(c, &s, "good.test", clock_in(300), &err) && err.stage == STAGE_TLS &&
				(table[i].fault ? err.fault == table[i].fault
						: err.fault != FAULT_NONE) &&
				strstr(err.text, table[i].words),
			"%s: %s", table[i].what, err.text);
		ok(clock_ms() - start < 1000, "in time");
		peer_join(&p, &s);
	}
	tls_context_free(c);
}

static void
raw_alert(struct peer *p)
{
	const char *alert = p->ctx;
	char buffer[5000];

	if (read(p->fd, buffer, sizeof(buffer)) > 0)
		send(p->fd, alert, 7, MSG_NOSIGNAL);
	raw_say(&(struct peer){ .fd = p->fd });
}

static void
test_alerts(void)
{
	static const struct {
		const char alert[8];
		enum fault fault;
		const char *words;
	} table[] = {
		{ "\x15\x03\x03\0\x02\x02\x28", FAULT_UNAVAILABLE,
			"no TLS version or cipher suits" },
		{ "\x15\x03\x03\0\x02\x02\x46", FAULT_UNAVAILABLE,
			"no TLS version or cipher suits" },
		{ "\x15\x03\x03\0\x02\x02\x70", FAULT_UNAVAILABLE,
			"does not know the name good.test" },
		{ "\x15\x03\x03\0\x02\x02\x50", FAULT_TEMPORARY, "alert 80" },
		{ "\x15\x03\x03\0\x02\x02\x74", FAULT_PERMISSION, "wants a client certificate" },
		{ "\x15\x03\x03\0\x02\x02\x31", FAULT_UNAVAILABLE, "alert 49" },
		{ "\x15\x03\x03\0\x02\x02\xee", FAULT_UNAVAILABLE, "alert 238: unknown" },
	};
	struct tls_context *c = tls_context_new(&settings, NULL);

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct peer p = { .raw = raw_alert, .ctx = (void *)(uintptr_t)table[i].alert };
		struct error err = ERROR_NONE;
		struct stream s;

		peer_start(&p, &s);
		ok(!tls_start(c, &s, "good.test", clock_in(2000), &err) && err.stage == STAGE_TLS &&
				err.fault == table[i].fault && strstr(err.text, table[i].words),
			"alert: %s", err.text);
		peer_join(&p, &s);
	}
	tls_context_free(c);
}

int
main(void)
{
	alarm(120);
	signal(SIGPIPE, SIG_IGN);
	ca = testca_make(NULL, &(struct testca_options){ .ca = true, .cn = "Lab CA" });
	leaf = testca_make(&ca, &(struct testca_options){ .dns = { "good.test" } });
	cred = testca_credentials(&leaf, NULL);
	settings.trust = peer_file(testca_pem(&ca));
	test_versions();
	test_plain_stream();
	test_no_ems();
	test_refused();
	test_no_tls();
	test_alerts();
	gnutls_certificate_free_credentials(cred);
	peer_files_done();
	testca_free(&ca);
	testca_free(&leaf);
	return tap_done();
}
