#include <poll.h>
#include <signal.h>

#include "peer.h"

#define TLS12 "NORMAL:-VERS-ALL:+VERS-TLS1.2"
#define BIG   (4 << 20)

static struct testca ca, leaf, client, rogue;
static gnutls_certificate_credentials_t cred;
static struct tls_settings settings;
static const char *client_file, *client_key, *rogue_file, *rogue_key;

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
				err.fault == FAULT_PERMISSION && err.stage == STAGE_TLS &&
				strstr(err.text, "refused our client certificate (alert 42"),
			"refused: %s", err.text);
		peer_join(&refuses, &s);
		tls_context_free(c);

		ok((!peer_meet(&demands, &s, &settings, "good.test", &c, &err) ||
			   !stream_line(&s, clock_in(5000), &line, &n, &err)) &&
				err.fault == FAULT_PERMISSION && err.stage == STAGE_TLS &&
				strstr(err.text, "wants a client certificate"),
			"none, but demanded: %s", err.text);
		error_clear(&err);
		if (stream_is_tls(&s))
			ok(!stream_line(&s, clock_in(500), &line, &n, &err) &&
					err.fault == FAULT_PERMISSION,
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
			err.fault == FAULT_PERMISSION &&
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

/* A server that wants records of the smallest size (RFC 8449). */
static void
test_small_records(void)
{
	static char big[1 << 20];
	struct peer p = { .cred = cred, .limit = 512 };
	struct tls_context *c;
	struct error err;
	struct stream s;

	ok(peer_meet(&p, &s, &settings, "good.test", &c, &err), "handshake %s", err.text);
	ok(stream_write(&s, big, sizeof(big), clock_in(20000), &err) &&
			stream_flush(&s, clock_in(20000), &err),
		"many small records %s", err.text);
	ok(s.sent > sizeof(big) + (sizeof(big) / 512) * 20, "%zu octets", (size_t)s.sent);
	peer_join(&p, &s);
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
	test_client_certificate();
	test_refused_while_writing();
	test_renegotiation();
	test_streams();
	test_small_records();
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
