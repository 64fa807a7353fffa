/* What the probe says of certificates, those that are refused too; and that a server which shows
 * one that does not fit hears nothing. */
#include <arpa/inet.h>

#include "peer.h"
#include "probe.h"
#include "settings.h"

static struct testca ca, leaf, wrong, old, weak, self;
static gnutls_datum_t ticket_key;
static const char *ca_file;

static int listener;
static uint16_t port;

static void
answer_plainly(struct peer *p)
{
	char in[1000], *heard = p->ctx;
	ssize_t n;

	peer_say(p, "220 x\r\n");
	while ((n = gnutls_record_recv(p->session, in, sizeof(in) - 1)) > 0 ||
		n == GNUTLS_E_AGAIN) {
		if (n == GNUTLS_E_AGAIN)
			continue;
		in[n] = '\0';
		if (strlen(heard) + (size_t)n < 900)
			strcat(heard, in);
		if (strncmp(in, "QUIT", 4) == 0)
			return;
		peer_say(p, strncmp(in, "EHLO", 4) ? "235 ok\r\n" : "250-x\r\n250 AUTH PLAIN\r\n");
	}
}

/* Serves COUNT connections one after another. */
static void *
serve(void *ctx)
{
	struct peer *p = ctx;

	for (unsigned i = 0; i < p->limit; i++) {
		struct peer one = *p;

		one.limit = 0;
		one.fd = accept(listener, NULL, NULL);
		peer_main(&one);
		p->resumed = one.resumed;
	}
	return NULL;
}

static bool
password(void *ctx, int64_t deadline, struct strbuf *ret, struct error *err)
{
	(void)ctx, (void)deadline, (void)err;
	strbuf_adds(ret, "secret");
	return true;
}

/* One probe of a server that shows C; HEARD is what it was told. */
static void
visit(const struct testca *c, const char *trust, const char *pin, const char *priority,
	unsigned connections, struct probe *ret, char heard[1000])
{
	const char *pins[] = { pin };
	char host[32];
	const char *names[] = { host };
	struct peer p = { .act = answer_plainly,
		.cred = testca_credentials(c, NULL),
		.priority = priority,
		.ctx = heard,
		.ticket_key = &ticket_key,
		.limit = connections };
	struct wire_settings settings = { .hosts = names,
		.host_count = 1,
		.tls = WIRE_TLS_IMPLICIT,
		.tls_settings = { .trust = trust,
			.pins = pins,
			.pin_count = pin != NULL,
			.name = "good.test" },
		.ehlo_name = "me.example",
		.user = "ann",
		.secret = password,
		.deadline = clock_in(10000),
		.connect_ms = 3000 };
	struct probe_plan plan = { .log_in = true, .resume = connections == 2 };

	*heard = '\0';
	snprintf(host, sizeof(host), "127.0.0.1:%u", port);
	pthread_create(&p.thread, NULL, serve, &p);
	probe_run(&settings, &plan, ret);
	pthread_join(p.thread, NULL);
	ok(p.resumed == ret->resumed, "the server thinks so too");
	gnutls_certificate_free_credentials(p.cred);
}

static void
test_good(void)
{
	char heard[1000];
	struct probe p;

	visit(&leaf, ca_file, NULL, NULL, 2, &p, heard);
	ok(!p.error.fault && p.reached == STAGE_AUTH && !strcmp(p.mechanism, "PLAIN"),
		"logged in %s", p.error.text);
	ok(p.chain_checked && p.chain_good && p.name_good && !*p.verdict, "all good: %s",
		p.verdict);
	ok(p.chain_length == 1 && p.resume_tried && p.resumed, "one certificate; resumed");
	ok(p.tls.verified && !strcmp(p.tls.version, "TLS1.3"), "%s", p.tls.cipher);
	same(p.chain[0].names, strlen(p.chain[0].names), "good.test also.test", "names");
	same(p.chain[0].key, strlen(p.chain[0].key), "EC/ECDSA 256", "key");
	same(p.chain[0].signature, strlen(p.chain[0].signature), "ECDSA-SHA256", "signature");
	ok(strlen(p.chain[0].pin) == 71 && strlen(p.chain[0].fingerprint) == 64, "pin %s",
		p.chain[0].pin);
	ok(p.chain[0].begins < time(NULL) && p.chain[0].expires > time(NULL), "dates");
	ok(strstr(p.chain[0].issuer, "test authority"), "issuer %s", p.chain[0].issuer);
	probe_done(&p);
	visit(&leaf, ca_file, NULL, "NORMAL:-VERS-ALL:+VERS-TLS1.2", 2, &p, heard);
	ok(!p.error.fault && p.resumed && !strcmp(p.tls.version, "TLS1.2"), "TLS 1.2 too");
	probe_done(&p);
}

static void
test_refused(void)
{
	static const struct {
		const char *what;
		const struct testca *shown;
		bool chain_good, name_good;
		const char *verdict;
	} cases[] = {
		{ "another name", &wrong, true, false, "" },
		{ "expired", &old, false, true, "expired" },
		{ "self-signed", &self, false, true, "NOT trusted" },
		{ "a weak key", &weak, false, true, "insecure" },
	};
	char heard[1000];
	struct probe p;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		visit(cases[i].shown, ca_file, NULL, NULL, 1, &p, heard);
		ok(p.error.stage == STAGE_TLS && p.error.fault == FAULT_UNAVAILABLE &&
				p.reached == STAGE_CONNECT,
			"%s: %s", cases[i].what, p.error.text);
		ok(p.chain_good == cases[i].chain_good && p.name_good == cases[i].name_good &&
				strstr(p.verdict, cases[i].verdict),
			"%s: chain and name one by one: %s", cases[i].what, p.verdict);
		ok(p.chain_length == 1 && *p.chain[0].pin, "%s: described", cases[i].what);
		same(heard, strlen(heard), "", cases[i].what);
		probe_done(&p);
	}
}

/* A pin instead of the chain: what the refused certificate was described by is what serves as pin.
 */
static void
test_pin(void)
{
	char heard[1000], pin[72];
	struct probe p;

	visit(&self, ca_file, NULL, NULL, 1, &p, heard);
	memcpy(pin, p.chain[0].pin, sizeof(pin));
	probe_done(&p);
	visit(&self, "none", pin, NULL, 1, &p, heard);
	ok(!p.error.fault && p.tls.verified && !p.chain_checked, "the pin fits %s", p.error.text);
	probe_done(&p);
	pin[10] = pin[10] == '0' ? '1' : '0';
	visit(&self, "none", pin, NULL, 1, &p, heard);
	ok(p.error.stage == STAGE_TLS, "another does not: %s", p.error.text);
	same(heard, strlen(heard), "", "nothing is said");
	probe_done(&p);
	visit(&self, "none", NULL, NULL, 1, &p, heard);
	ok(p.error.stage == STAGE_AUTH && p.error.fault == FAULT_CONFIG && !strstr(heard, "AUTH"),
		"no password without one: %s", p.error.text);
	probe_done(&p);
}

int
main(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct testca_options good = { .dns = { "good.test", "also.test" } };
	struct testca_options gone = { .dns = { "good.test" }, .from = -9000, .until = -60 };
	struct testca *all[] = { &ca, &leaf, &wrong, &old, &weak, &self };
	struct testca_options small = { .dns = { "good.test" }, .rsa_bits = 1024 };
	socklen_t n = sizeof(a);

	ca = testca_make(NULL, &(struct testca_options){ .cn = "test authority", .ca = true });
	leaf = testca_make(&ca, &good);
	wrong = testca_make(&ca, &(struct testca_options){ .dns = { "bad.test" } });
	old = testca_make(&ca, &gone);
	weak = testca_make(&ca, &small);
	self = testca_make(NULL, &good);
	ca_file = peer_file(testca_pem(&ca));
	gnutls_session_ticket_key_generate(&ticket_key);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(listener, (struct sockaddr *)&a, n) || listen(listener, 4) ||
		getsockname(listener, (struct sockaddr *)&a, &n))
		return 94;
	port = ntohs(a.sin_port);
	test_good();
	test_refused();
	test_pin();
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		testca_free(all[i]);
	gnutls_free(ticket_key.data);
	close(listener);
	peer_files_done();
	return tap_done();
}
