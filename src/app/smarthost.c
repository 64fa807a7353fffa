#include "smarthost.h"

#include <string.h>
#include <strings.h>
#include <sys/prctl.h>

#include "clock.h"
#include "dial.h"
#include "identity.h"
#include "submission.h"
#include "trusted.h"

#define CONNECT_MS (30 * CLOCK_SECOND)

static bool
get_secret(void *ctx, int64_t deadline, struct strbuf *ret, struct error *err)
{
	struct smarthost *h = ctx;

	if (!h->got && !secret_get(&h->secret, deadline, &h->password, err))
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

	hosts = profile_list_of(p, OPT_HOST, &n);
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
fill_settings(struct wire_settings *w, const struct profile *p, struct error *err)
{
	const char *auth = profile_text(p, OPT_AUTH);

	*w = (struct wire_settings){
		.port = (uint16_t)profile_number(p, OPT_PORT),
		.ip = (enum wire_ip)profile_choice(p, OPT_IP_VERSION),
		.pipelining = (enum wire_pipelining)profile_choice(p, OPT_PIPELINING),
		.ehlo_name = profile_text(p, OPT_EHLO_NAME),
		.mechanism = strcmp(auth, "auto") == 0 ? NULL : auth,
		.cleartext_auth = profile_yes(p, OPT_ALLOW_CLEARTEXT_AUTH),
		.user = profile_text(p, OPT_USER),
		.partial_abort = profile_choice(p, OPT_PARTIAL) == 1,
		.strict_body = profile_yes(p, OPT_STRICT_BODY),
		.deadline = smarthost_deadline(p),
		.connect_ms = CONNECT_MS,
	};
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
	return w->user && (!w->mechanism || (strcasecmp(w->mechanism, "none") != 0 &&
						    strcasecmp(w->mechanism, "EXTERNAL") != 0));
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
		if (!path || strcmp(path, "system") == 0 || strcmp(path, "none") == 0)
			continue;
		if (!trusted_check(path, files[i].kind, err))
			return error_prefix(err, "%s", options[files[i].id].name);
	}
	return true;
}

bool
smarthost_open(struct smarthost *h, const struct submission *s, const struct profile *account,
	struct error *err)
{
	*h = (struct smarthost)SMARTHOST_NONE;
	if (!fill_settings(&h->settings, account, err) || !check_files(account, err))
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
	h->asked = wants_secret(&h->settings);
	if (h->asked &&
		!secret_start(&h->secret, account, h->settings.hosts[0], h->settings.user, err))
		return false;
	/* what we hold from now on must not end in a core file; only now, since a process that
	 * cannot be dumped cannot open its own /dev/fd either */
	prctl(PR_SET_DUMPABLE, 0);
	return true;
}

void
smarthost_close(struct smarthost *h)
{
	if (h->asked)
		secret_done(&h->secret);
	strbuf_done(&h->password);
	*h = (struct smarthost)SMARTHOST_NONE;
}
