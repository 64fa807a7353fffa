#include <poll.h>
#include <signal.h>

#include "peer.h"
#include "strbuf.h"

#define TLS12 "NORMAL:-VERS-ALL:+VERS-TLS1.2"
#define BIG   (4 << 20)

static struct testca ca, leaf, client, rogue;
static gnutls_certificate_credentials_t cred;
static struct tls_settings settings;
static const char *client_file, *client_key, *rogue_file, *rogue_key;

static void
want_line(struct stream *s, const char *want, const char *what)
{
	struct error err = ERROR_NONE;
	const char *line = NULL;
	size_t n = 0;
	bool good = stream_line(s, clock_in(5000), &line, &n, &err);

	if (!same(good ? line : NULL, n, want, what))
		printf("# %s\n", err.text);
}

static void
put_line(struct stream *s, const char *line)
{
	struct error err = ERROR_NONE;

	ok(stream_write(s, line, strlen(line), clock_in(5000), &err) &&
			stream_flush(s, clock_in(5000), &err),
		"said: %s", err.text);
}

static void
echo(struct peer *p)
{
	char buffer[1000];
	ssize_t n;

	peer_say(p, "220 hello\r\n");
	do
		n = gnutls_record_recv(p->session, buffer, sizeof(buffer));
	while (n == GNUTLS_E_AGAIN || n == GNUTLS_E_WARNING_ALERT_RECEIVED);
	if (n > 0)
		gnutls_record_send(p->session, buffer, (size_t)n);
}

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
		{ "\x15\x03\x03\0\x02\x02\x74", FAULT_UNAVAILABLE, "wants a client certificate" },
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

static int
refuse_client(gnutls_session_t session)
{
	(void)session;
	return GNUTLS_E_CERTIFICATE_ERROR;
}

static void
say_certificate(struct peer *p)
{
	unsigned n = 0;

	gnutls_certificate_get_peers(p->session, &n);
	peer_say(p, n ? "220 I know you\r\n" : "220 who are you?\r\n");
}

static void
test_client_certificate(void)
{
	static const char *const versions[] = { NULL, TLS12 };
	gnutls_certificate_credentials_t strict = testca_credentials(&leaf, NULL);
	struct tls_settings set = settings;
	struct tls_context *c;
	struct error err;
	struct stream s;

	gnutls_certificate_set_verify_function(strict, refuse_client);
	for (int i = 0; i < 2; i++) {
		struct peer p = { .cred = cred,
			.priority = versions[i],
			.act = say_certificate,
			.ask = GNUTLS_CERT_REQUEST };
		struct peer demands = {
			.cred = cred, .priority = versions[i], .ask = GNUTLS_CERT_REQUIRE
		};
		struct peer refuses = {
			.cred = strict, .priority = versions[i], .ask = GNUTLS_CERT_REQUEST
		};
		const char *line;
		size_t n;

		set.cert = client_file;
		set.key = client_key;
		ok(peer_meet(&p, &s, &set, "good.test", &c, &err), "our certificate %s", err.text);
		want_line(&s, "220 I know you", "is seen");
		peer_join(&p, &s);
		tls_context_free(c);

		set.cert = rogue_file;
		set.key = rogue_key;
		ok((!peer_meet(&refuses, &s, &set, "good.test", &c, &err) ||
			   !stream_line(&s, clock_in(5000), &line, &n, &err)) &&
				err.fault == FAULT_UNAVAILABLE && err.stage == STAGE_TLS &&
				strstr(err.text, "refused our client certificate (alert 42"),
			"refused: %s", err.text);
		peer_join(&refuses, &s);
		tls_context_free(c);

		ok((!peer_meet(&demands, &s, &settings, "good.test", &c, &err) ||
			   !stream_line(&s, clock_in(5000), &line, &n, &err)) &&
				err.fault == FAULT_UNAVAILABLE && err.stage == STAGE_TLS &&
				strstr(err.text, "wants a client certificate"),
			"none, but demanded: %s", err.text);
		error_clear(&err);
		if (stream_is_tls(&s))
			ok(!stream_line(&s, clock_in(500), &line, &n, &err) &&
					err.fault == FAULT_UNAVAILABLE,
				"and told again");
		peer_join(&demands, &s);
		tls_context_free(c);
	}
	gnutls_certificate_free_credentials(strict);
}

/* The refusal must also be found by a client that writes first and meets a closed socket. */
static void
test_refused_while_writing(void)
{
	static char big[BIG];
	struct peer p = { .cred = cred, .ask = GNUTLS_CERT_REQUIRE };
	struct tls_context *c;
	struct error err;
	struct stream s;

	ok(peer_meet(&p, &s, &settings, "good.test", &c, &err), "TLS 1.3 says yes first");
	usleep(50000);
	ok(!stream_write(&s, big, sizeof(big), clock_in(5000), &err) &&
			err.fault == FAULT_UNAVAILABLE &&
			strstr(err.text, "wants a client certificate"),
		"then no, found while writing: %s", err.text);
	peer_join(&p, &s);
	tls_context_free(c);
}

static void
renegotiate(struct peer *p)
{
	peer_say(p, "220 hello\r\n");
	gnutls_rehandshake(p->session);
	peer_say(p, "250 still here\r\n");
	/* the answer to the request is a warning; then comes the command */
	echo(p);
}

static void
pester(struct peer *p)
{
	for (int i = 0; i < 50; i++)
		gnutls_rehandshake(p->session);
	peer_say(p, "220 hello\r\n");
}

static void
update_keys(struct peer *p)
{
	peer_say(p, "220 hello\r\n");
	gnutls_session_key_update(p->session, GNUTLS_KU_PEER);
	echo(p);
	gnutls_session_key_update(p->session, GNUTLS_KU_PEER);
	peer_say(p, "221 bye\r\n");
}

static void
test_renegotiation(void)
{
	struct peer p = { .cred = cred, .priority = TLS12, .act = renegotiate };
	struct peer bad = { .cred = cred, .priority = TLS12, .act = pester };
	struct peer update = { .cred = cred, .act = update_keys };
	struct tls_context *c;
	struct error err;
	struct stream s;
	const char *line;
	size_t n;

	ok(peer_meet(&p, &s, &settings, "good.test", &c, &err), "TLS 1.2");
	want_line(&s, "220 hello", "greeting");
	want_line(&s, "250 still here", "a HelloRequest is refused politely");
	want_line(&s, "220 hello", "and the session goes on");
	put_line(&s, "NOOP\r\n");
	want_line(&s, "NOOP", "both ways");
	peer_join(&p, &s);
	tls_context_free(c);

	ok(peer_meet(&bad, &s, &settings, "good.test", &c, &err), "TLS 1.2 again");
	ok(!stream_line(&s, clock_in(2000), &line, &n, &err), "but not for ever: %s", err.text);
	peer_join(&bad, &s);
	tls_context_free(c);

	ok(peer_meet(&update, &s, &settings, "good.test", &c, &err), "TLS 1.3");
	want_line(&s, "220 hello", "greeting");
	want_line(&s, "220 hello", "after a key update");
	put_line(&s, "NOOP\r\n");
	want_line(&s, "NOOP", "both ways");
	want_line(&s, "221 bye", "and another");
	peer_join(&update, &s);
	tls_context_free(c);
}

/* Says a megabyte before it listens. */
static void
talk_first(struct peer *p)
{
	static char buffer[16384];
	size_t got = 0;
	ssize_t n;

	for (int i = 0; i < 9000; i++)
		peer_say(p, "250 this is a reply, and it is a long one, of many words and many "
			    "octets\r\n");
	while (got < BIG && (n = gnutls_record_recv(p->session, buffer, sizeof(buffer))) > 0)
		got += (size_t)n;
	peer_say(p, got == BIG ? "250 all\r\n" : "451 lost\r\n");
}

static void
dribble_lines(struct peer *p)
{
	while (p->rc >= 0 && gnutls_record_send(p->session, "x", 1) == 1)
		usleep(10000);
}

static void
test_streams(void)
{
	static char big[BIG];
	struct peer p = { .cred = cred, .act = talk_first };
	struct peer slow = { .cred = cred, .act = dribble_lines };
	struct tls_context *c;
	struct error err;
	struct stream s;
	const char *line;
	int64_t start;
	int lines = 0;
	size_t n;

	ok(peer_meet(&p, &s, &settings, "good.test", &c, &err), "handshake");
	ok(stream_write(&s, "BDAT\r\n", 6, clock_in(20000), &err) &&
			stream_write(&s, big, BIG - 6, clock_in(20000), &err) &&
			stream_flush(&s, clock_in(20000), &err),
		"both talk at once without deadlock: %s", err.text);
	ok(s.wire.alloc + s.out.alloc < 600 << 10, "in %zu octets", s.wire.alloc + s.out.alloc);
	while (lines < 9000 && stream_line(&s, clock_in(5000), &line, &n, &err) && n == 72)
		lines++;
	ok(lines == 9000, "every reply is there (%d)", lines);
	want_line(&s, "250 all", "and every octet of ours");
	peer_join(&p, &s);
	tls_context_free(c);

	ok(peer_meet(&slow, &s, &settings, "good.test", &c, &err), "handshake");
	start = clock_ms();
	ok(!stream_line(&s, clock_in(300), &line, &n, &err) && err.fault == FAULT_TEMPORARY,
		"a dribble does not extend the deadline: %s", err.text);
	ok(clock_ms() - start < 1000, "in time");
	peer_join(&slow, &s);
	tls_context_free(c);
}

/* Carries everything between two sockets one octet at a time. */
static void *
carry(void *ctx)
{
	int *fd = ctx;
	struct pollfd p[2] = { { fd[0], POLLIN, 0 }, { fd[1], POLLIN, 0 } };
	char c;

	for (;;) {
		poll(p, 2, -1);
		for (int i = 0; i < 2; i++) {
			if (!p[i].revents)
				continue;
			if (read(fd[i], &c, 1) != 1 || send(fd[1 - i], &c, 1, MSG_NOSIGNAL) != 1) {
				close(fd[0]);
				close(fd[1]);
				return NULL;
			}
		}
	}
}

static void
test_octets(void)
{
	for (int i = 0; i < 2; i++) {
		struct peer p = { .cred = cred, .priority = i ? TLS12 : NULL, .act = echo };
		struct tls_context *c = tls_context_new(&settings, NULL);
		struct error err = ERROR_NONE;
		int near[2], far[2], middle[2];
		pthread_t carrier;
		struct stream s;

		tcp_pair(near);
		tcp_pair(far);
		middle[0] = near[1];
		middle[1] = far[0];
		pthread_create(&carrier, NULL, carry, middle);
		peer_start_on(&p, &s, near[0], far[1]);
		ok(tls_start(c, &s, "good.test", clock_in(10000), &err), "octet by octet %s",
			err.text);
		want_line(&s, "220 hello", "greeting");
		put_line(&s, "EHLO\r\n");
		want_line(&s, "EHLO", "echo");
		peer_join(&p, &s);
		pthread_join(carrier, NULL);
		tls_context_free(c);
	}
}

static void
say_and_end(struct peer *p)
{
	peer_say(p, "220 hello\r\n250 half");
	if (p->ctx)
		gnutls_bye(p->session, GNUTLS_SHUT_WR);
	else
		shutdown(p->fd, SHUT_WR);
}

static void
garble(struct peer *p)
{
	peer_say(p, "220 hello\r\n");
	send(p->fd,
		"\x17\x03\x03\0\x20"
		"0123456789abcdef0123456789abcdef",
		37, MSG_NOSIGNAL);
}

static void
test_ends(void)
{
	static const struct {
		const char *what;
		void (*act)(struct peer *p);
		void *ctx;
	} table[] = {
		{ "with a closure alert", say_and_end, &ca },
		{ "without one", say_and_end, NULL },
		{ "a forged record", garble, NULL },
	};

	for (size_t i = 0; i < 3; i++) {
		struct peer p = { .cred = cred, .act = table[i].act, .ctx = table[i].ctx };
		struct tls_context *c;
		struct error err;
		struct stream s;
		const char *line;
		size_t n;

		ok(peer_meet(&p, &s, &settings, "good.test", &c, &err), "handshake");
		want_line(&s, "220 hello", "a whole line counts");
		ok(!stream_line(&s, clock_in(2000), &line, &n, &err) &&
				err.fault == FAULT_TEMPORARY,
			"the end, %s: %s", table[i].what, err.text);
		ok(!stream_has_input(&s) || table[i].act == say_and_end, "nothing behind it");
		peer_join(&p, &s);
		tls_context_free(c);
	}
}

int
main(void)
{
	alarm(120);
	signal(SIGPIPE, SIG_IGN);
	ca = testca_make(NULL, &(struct testca_options){ .ca = true, .cn = "Lab CA" });
	leaf = testca_make(&ca, &(struct testca_options){ .dns = { "good.test" } });
	client = testca_make(&ca, &(struct testca_options){ .dns = { "me.test" },
					  .purpose = GNUTLS_KP_TLS_WWW_CLIENT });
	rogue = testca_make(NULL, &(struct testca_options){ .dns = { "rogue.test" } });
	cred = testca_credentials(&leaf, NULL);
	settings.trust = peer_file(testca_pem(&ca));
	client_file = peer_file(testca_pem(&client));
	client_key = peer_file(testca_key_pem(&client));
	rogue_file = peer_file(testca_pem(&rogue));
	rogue_key = peer_file(testca_key_pem(&rogue));
	test_versions();
	test_plain_stream();
	test_no_ems();
	test_refused();
	test_no_tls();
	test_alerts();
	test_client_certificate();
	test_refused_while_writing();
	test_renegotiation();
	test_streams();
	test_octets();
	test_ends();
	gnutls_certificate_free_credentials(cred);
	peer_files_done();
	testca_free(&ca);
	testca_free(&leaf);
	testca_free(&client);
	testca_free(&rogue);
	return tap_done();
}
