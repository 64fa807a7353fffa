#include "smarthost.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "dial.h"
#include "identity.h"
#include "keeper.h"
#include "remember.h"
#include "salted.h"
#include "submission.h"
#include "token.h"
#include "trusted.h"
#include "value.h"
#include "wishes.h"

#define CONNECT_MS (30 * CLOCK_SECOND)
#define STALE_MS   (60 * CLOCK_SECOND)

/* A token that was new when we got it need not be so any more: a link may live for hours. */
static bool
is_stale(const struct smarthost *h)
{
	return clock_ms() - h->token_at > STALE_MS;
}

/* From the kernel's keyring, the store or the provider. */
static bool
get_token(struct smarthost *h, bool forced, int64_t deadline, struct error *err)
{
	h->got = token_get(h->account, forced, deadline, &h->password, err);
	h->renewed = token_was_renewed();
	h->token_at = clock_ms();
	return h->got;
}

static bool
start_secret(struct smarthost *h, struct error *err)
{
	h->started = h->asked = true;
	return secret_start(&h->secret, h->account,
		h->settings.socket ? "localhost" : h->settings.hosts[0], h->settings.user, err);
}

static bool
get_secret(void *ctx, int64_t deadline, struct strbuf *ret, struct error *err)
{
	struct smarthost *h = ctx;

	if (h->keeper)
		return keeper_secret(*h->keeper, h->account->name, ret, err);
	if (h->account && token_is_used(h->account)) {
		/* for the first connection it was got before */
		if ((!h->got || is_stale(h)) && !get_token(h, false, deadline, err))
			return false;
	} else if (!h->started && !start_secret(h, err)) {
		return false;
	} else if (!h->got && !secret_get(&h->secret, deadline, &h->password, err))
		return false;
	h->got = true;
	strbuf_add(ret, h->password.s, h->password.len);
	return true;
}

/* TLS as it is set, else by the port: that of the first host if it names one. */
static bool
tls_mode(const struct profile *p, enum wire_tls *ret, struct error *err)
{
	int choice = profile_choice(p, OPT_TLS);
	uint16_t port = (uint16_t)profile_number(p, OPT_PORT), first = 0;
	const char *const *hosts;
	char host[256];
	size_t n;

	if (profile_is_clear(p)) {
		*ret = WIRE_TLS_NONE;
		return true;
	}
	hosts = profile_list_of(p, OPT_HOST, &n);
	if (profile_choice(p, OPT_PROTOCOL) == PROTOCOL_LMTP && !port)
		port = 24;
	for (size_t i = 0; i < n; i++) {
		uint16_t this;

		if (!dial_split(hosts[i], port ? port : 465, host, &this, err))
			return error_prefix(err, "host");
		if (!i)
			first = this;
		if (choice < 0 && (this == 465) != (first == 465))
			return error_set(err, FAULT_CONFIG,
				"host names ports with and without TLS from the start: set tls "
				"(implicit or starttls)");
	}
	/* the table's order is that of the enumeration */
	*ret = choice >= 0    ? (enum wire_tls)choice
	       : first == 465 ? WIRE_TLS_IMPLICIT
			      : WIRE_TLS_STARTTLS;
	return true;
}

static void
fill_tls(struct tls_settings *t, const struct profile *p)
{
	*t = (struct tls_settings){
		.trust = profile_text(p, OPT_TLS_TRUST),
		.crl = profile_text(p, OPT_TLS_CRL),
		.cert = profile_text(p, OPT_TLS_CERT),
		.key = profile_text(p, OPT_TLS_KEY),
		.name = profile_text(p, OPT_TLS_NAME),
		.priority = profile_text(p, OPT_TLS_PRIORITY),
		.min = profile_text(p, OPT_TLS_MIN),
	};
	t->pins = profile_list_of(p, OPT_TLS_PIN, &t->pin_count);
	t->fingerprints = profile_list_of(p, OPT_TLS_FINGERPRINT, &t->fingerprint_count);
}

int64_t
smarthost_deadline(const struct profile *p)
{
	uint64_t timeout = profile_number(p, OPT_TIMEOUT);

	return timeout ? clock_in((int64_t)timeout * CLOCK_SECOND) : CLOCK_NEVER;
}

static bool
is_there(const char *path)
{
	return access(path, R_OK) == 0;
}

/* Whether Kerberos has a ticket for us, as far as that can be told without its libraries: the
 * credentials cache of the environment, a client keytab, or the file that is usual. */
static bool
ticket_is_likely(void)
{
	const char *cache = secure_getenv("KRB5CCNAME");
	struct stat st;
	char usual[64];

	if (cache && *cache == '/')
		return is_there(cache);
	if (cache && strncmp(cache, "FILE:", 5) == 0)
		return is_there(cache + 5);
	if (cache && *cache)
		return true;
	/* anybody could make a file of that name */
	snprintf(usual, sizeof(usual), "/tmp/krb5cc_%lu", (unsigned long)geteuid());
	return (lstat(usual, &st) == 0 && st.st_uid == geteuid() && is_there(usual)) ||
	       secure_getenv("KRB5_CLIENT_KTNAME") != NULL;
}

static bool
fill_settings(struct wire_settings *w, const struct profile *p, struct error *err)
{
	const char *auth = profile_text(p, OPT_AUTH);

	*w = (struct wire_settings){
		.port = (uint16_t)profile_number(p, OPT_PORT),
		.ip = (enum wire_ip)profile_choice(p, OPT_IP_VERSION),
		.socket = profile_text(p, OPT_SOCKET),
		.lmtp = profile_choice(p, OPT_PROTOCOL) == PROTOCOL_LMTP,
		.srv = profile_yes(p, OPT_SRV),
		.srv_any = profile_choice(p, OPT_TLS) < 0,
		.dane = (enum wire_dane)profile_choice(p, OPT_DANE),
		.source = profile_unless_none(p, OPT_SOURCE_ADDRESS),
		.pipelining = (enum wire_pipelining)profile_choice(p, OPT_PIPELINING),
		.ehlo_name = profile_text(p, OPT_EHLO_NAME),
		.mechanism = strcmp(auth, "auto") == 0 ? NULL : auth,
		.cleartext_auth = profile_yes(p, OPT_ALLOW_CLEARTEXT_AUTH),
		.user = profile_text(p, OPT_USER),
		.token = token_is_used(p),
		.token_first = token_is_used(p) ? token_mechanism(p) : NULL,
		.memory = profile_yes(p, OPT_REMEMBER) ? remember_directory() : NULL,
		.pipeconnect = profile_yes(p, OPT_PIPECONNECT),
		.partial_abort = profile_choice(p, OPT_PARTIAL) == 1,
		.strict_body = profile_yes(p, OPT_STRICT_BODY),
		.deadline = smarthost_deadline(p),
		.connect_ms = CONNECT_MS,
	};
	w->ticket = w->user && !w->token && ticket_is_likely();
	w->ticket_first = w->ticket && profile_source(p) == OPT_COUNT;
	w->hosts = profile_list_of(p, OPT_HOST, &w->host_count);
	if (!w->ehlo_name)
		w->ehlo_name = identity_host();
	fill_tls(&w->tls_settings, p);
	return tls_mode(p, &w->tls, err);
}

/* Whether a password will be needed, so that its source can be started before connecting. */
static bool
wants_secret(const struct wire_settings *w)
{
	static const char *const without[] = { "none", "EXTERNAL", "GSSAPI" };

	for (size_t i = 0; w->mechanism && i < sizeof(without) / sizeof(*without); i++)
		if (strcasecmp(w->mechanism, without[i]) == 0)
			return false;
	return w->user != NULL;
}

/* Asked by wire/ where a token wants it. */
static bool
get_pin(void *ctx, const char *label, struct strbuf *ret, struct error *err)
{
	struct smarthost *h = ctx;

	if (!h->pin.len && !secret_pin(h->account, label, h->settings.deadline, &h->pin, err)) {
		strbuf_clear(&h->pin);
		return false;
	}
	strbuf_add(ret, h->pin.s, h->pin.len);
	return !ret->full || error_set(err, FAULT_CONFIG, "the PIN is too long");
}

/* What names an object on a token instead of a file. */
static bool
is_token(const char *path)
{
	return path && strncmp(path, "pkcs11:", 7) == 0;
}

/* Takes the PIN out of URIs: it is given once only, by get_pin. */
static void
fill_token(struct smarthost *h, const struct profile *account)
{
	struct tls_settings *t = &h->settings.tls_settings;

	h->account = account;
	t->pin = get_pin;
	t->pin_ctx = h;
	if (is_token(t->cert)) {
		secret_pin_strip(t->cert, &h->cert);
		t->cert = h->cert.s;
	}
	if (is_token(t->key)) {
		secret_pin_strip(t->key, &h->key);
		t->key = h->key.s;
	}
}

/* Files that decide whom we trust, or that are secret, must be nobody else's. GnuTLS opens them
 * itself. */
static bool
check_files(const struct profile *p, struct error *err)
{
	static const struct {
		enum option_id id;
		enum trusted_kind kind;
	} files[] = { { OPT_TLS_TRUST, TRUSTED_PUBLIC }, { OPT_TLS_CRL, TRUSTED_PUBLIC },
		{ OPT_TLS_CERT, TRUSTED_PUBLIC }, { OPT_TLS_KEY, TRUSTED_SECRET } };
	const char *path;

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		path = profile_text(p, files[i].id);
		if (!path || strcmp(path, "system") == 0 || strcmp(path, "none") == 0 ||
			is_token(path))
			continue;
		if (!trusted_check(path, files[i].kind, err))
			return error_prefix(err, "%s", options[files[i].id].name);
	}
	return true;
}

bool
smarthost_set_proxy(struct smarthost *h, const struct profile *p, struct error *err)
{
	const char *text = profile_unless_none(p, OPT_PROXY);
	const char *file = profile_text(p, OPT_PROXY_PASSWORD_FILE);
	struct wire_proxy *proxy = &h->settings.proxy;
	size_t n;

	if (!text)
		return true;
	if (!value_proxy(text, h->proxy_user, &proxy->host))
		return error_set(err, FAULT_CONFIG, "proxy: \"%.100s\" is no proxy", text);
	if (!*h->proxy_user)
		return true;
	proxy->user = h->proxy_user;
	proxy->password = &h->proxy_password;
	if (!trusted_read(file, TRUSTED_SECRET, &h->proxy_password, NULL, err))
		return error_prefix(err, "proxy-password-file");
	n = strcspn(h->proxy_password.s, "\r\n");
	strbuf_truncate(&h->proxy_password, n);
	if (n && n <= 255)
		return true;
	return error_set(err, FAULT_CONFIG,
		"proxy-password-file: the first line of %s must have 1 to 255 octets", file);
}

bool
smarthost_wish(struct smarthost *h, const struct profile *account, const struct wishes *own,
	struct error *err)
{
	if (!wishes_fill(&h->settings.wishes, &h->mail_auth, account, clock_wall(), err))
		return false;
	wishes_override(&h->settings.wishes, own);
	return true;
}

bool
smarthost_prepare(struct smarthost *h, const struct submission *s, const struct profile *account,
	struct error *err)
{
	*h = (struct smarthost)SMARTHOST_NONE;
	h->keeper = s->keeper;
	if (!fill_settings(&h->settings, account, err) ||
		!smarthost_wish(h, account, &s->envelope.wishes, err) || !check_files(account, err))
		return false;
	h->settings.secret = get_secret;
	h->settings.secret_ctx = h;
	trace_init(&h->trace, s);
	if (s->trace) {
		h->settings.trace = s->trace;
		h->settings.trace_ctx = s->trace_ctx;
	} else if (h->trace.wanted) {
		h->settings.trace = trace_line;
		h->settings.trace_ctx = &h->trace;
	}
	return true;
}

bool
smarthost_renew(struct smarthost *h, const struct error *why, struct error *err)
{
	const char *name = h->account ? h->account->name : "";

	if (!h->account || !token_is_used(h->account) || why->stage != STAGE_AUTH ||
		why->fault != FAULT_PERMISSION || !why->smtp)
		return false;
	if (h->keeper)
		return keeper_renew(*h->keeper, name, why, err);
	if (!h->got)
		return false;
	if (!h->renewed || is_stale(h))
		return get_token(h, true, wire_deadline(&h->settings), err);
	h->got = false;
	*err = *why;
	strbuf_clear(&h->password);
	snprintf(err->text, sizeof(err->text),
		"%.300s, and a new access token did not help: run sendoff login %.100s", why->text,
		name);
	return false;
}

bool
smarthost_ask(struct smarthost *h, const struct profile *account, struct error *err)
{
	if (!smarthost_set_proxy(h, account, err))
		return false;
	fill_token(h, account);
	if (h->keeper)
		return true;
	if (token_is_used(account)) {
		/* nobody has parsed yet what the server of mail says */
		if (wants_secret(&h->settings) &&
			!get_token(h, false, wire_deadline(&h->settings), err))
			return false;
		prctl(PR_SET_DUMPABLE, 0);
		return true;
	}
	if (wants_secret(&h->settings)) {
		salted_fill(h, account);
		/* nobody is to be asked to unlock anything where that is likely not needed */
		if (!salted_is_there(h) && !start_secret(h, err))
			return false;
	}
	/* what we hold from now on must not end in a core file; only now, since a process that
	 * cannot be dumped cannot open its own /dev/fd either */
	prctl(PR_SET_DUMPABLE, 0);
	return true;
}

bool
smarthost_open(struct smarthost *h, const struct submission *s, const struct profile *account,
	struct error *err)
{
	return smarthost_prepare(h, s, account, err) && smarthost_ask(h, account, err);
}

void
smarthost_forget(struct smarthost *h)
{
	if (h->asked)
		secret_done(&h->secret);
	h->asked = h->got = false;
	h->started = true; /* it is not begun anew */
	strbuf_done(&h->password);
	strbuf_done(&h->proxy_password);
	strbuf_done(&h->pin);
}

void
smarthost_close(struct smarthost *h)
{
	smarthost_forget(h);
	strbuf_done(&h->mail_auth);
	strbuf_done(&h->cert);
	strbuf_done(&h->key);
	*h = (struct smarthost)SMARTHOST_NONE;
}
