#include "tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "clock.h"
#include "strbuf.h"
#include "stream.h"
#include "text.h"
#include "tls_private.h"

#define ODD_MAX   8    /* renegotiation requests and warnings that are put up with */
#define SPINS_MAX 5000 /* records without data in one buffer; 17 KiB cannot hold more */

static const struct stream_layer layer;

/* GnuTLS's way to the socket: one recv(2) per call from above, so that every loop comes back to a
 * deadline, however much the peer sends. */
static ssize_t
pull(gnutls_transport_ptr_t ptr, void *buffer, size_t n)
{
	struct tls *t = ptr;
	ssize_t got;

	if (t->raw_at == t->raw_len) {
		got = t->asked ? STREAM_AGAIN : stream_receive(t->stream, t->raw, sizeof(t->raw));
		t->asked = true;
		if (got == STREAM_AGAIN) {
			t->starved = true;
			gnutls_transport_set_errno(t->session, EAGAIN);
			return -1;
		}
		if (got <= 0) {
			gnutls_transport_set_errno(t->session, errno);
			return got ? -1 : 0;
		}
		t->raw_at = 0;
		t->raw_len = (size_t)got;
		for (size_t i = 0; i < (size_t)got && t->head_len < sizeof(t->head); i++)
			t->head[t->head_len++] = t->raw[i];
	}
	if (n > t->raw_len - t->raw_at)
		n = t->raw_len - t->raw_at;
	memcpy(buffer, t->raw + t->raw_at, n);
	t->raw_at += n;
	return (ssize_t)n;
}

static int
pull_timeout(gnutls_transport_ptr_t ptr, unsigned ms)
{
	struct tls *t = ptr;

	(void)ms; /* waiting is the stream's business */
	return t->raw_at < t->raw_len;
}

/* Collects records, so that many go out in one send(2). */
static ssize_t
push(gnutls_transport_ptr_t ptr, const giovec_t *vec, int count)
{
	struct tls *t = ptr;
	struct strbuf *wire = &t->stream->wire;
	size_t n = 0, before = wire->len;

	for (int i = 0; i < count; i++) {
		strbuf_add(wire, vec[i].iov_base, vec[i].iov_len);
		n += vec[i].iov_len;
	}
	if (wire->len - before == n)
		return (ssize_t)n;
	strbuf_truncate(wire, before);
	gnutls_transport_set_errno(t->session, ENOBUFS);
	return -1;
}

/* Called by GnuTLS as soon as the certificate is there: nothing of ours is told to a wrong peer. */
static int
on_certificate(gnutls_session_t session)
{
	struct tls *t = gnutls_session_get_ptr(session);

	return tls_check_peer(t, &t->failed) ? 0 : GNUTLS_E_CERTIFICATE_ERROR;
}

/* A change_cipher_spec alone, which TLS 1.3 sends for the sake of middleboxes only (RFC 8446
 * appendix D.4), waits for what follows it: nobody answers it. */
static bool
is_worth_sending(const struct strbuf *wire)
{
	return wire->len && (wire->len != 6 || wire->s[0] != 20);
}

static bool
handshake(struct tls *t, int64_t deadline, struct error *err)
{
	struct stream *s = t->stream;
	bool starttls = s->sent > 0;
	int rc, what, pushed;

	for (;;) {
		t->asked = t->starved = false;
		rc = gnutls_handshake(t->session);
		if (rc < 0 && gnutls_error_is_fatal(rc))
			gnutls_alert_send_appropriate(t->session, rc);
		if (rc == GNUTLS_E_SUCCESS)
			return true; /* the last octets go with what is sent next, or before a wait
				      */
		pushed = is_worth_sending(&s->wire) ? stream_push(s) : 0;
		if (gnutls_error_is_fatal(rc))
			return tls_handshake_failed(t, rc, starttls, err);
		if (rc == GNUTLS_E_WARNING_ALERT_RECEIVED && ++t->odd > ODD_MAX)
			return tls_handshake_failed(t, GNUTLS_E_UNEXPECTED_PACKET, starttls, err);
		if (pushed == STREAM_FAILED)
			/* the reason may wait to be read: an alert, a plain reply */
			s->readable = true;
		if (!clock_left(deadline))
			return error_at(err, STAGE_TLS, FAULT_TEMPORARY,
				"the TLS handshake was not finished in time");
		what = STREAM_READ | (pushed == STREAM_AGAIN ? STREAM_WRITE : 0);
		if (t->starved && !s->readable && t->raw_at == t->raw_len)
			stream_wait(s, what, deadline);
	}
}

/* What was agreed must be what the settings demand, whatever priorities and policies said. */
static bool
check_session(const struct tls *t, struct error *err)
{
	gnutls_protocol_t version = gnutls_protocol_get_version(t->session), min = t->context->min;

	if (min == GNUTLS_VERSION_UNKNOWN && !t->context->own_priority)
		min = GNUTLS_TLS1_2;
	if (min != GNUTLS_VERSION_UNKNOWN && version < min)
		return error_at(err, STAGE_TLS, FAULT_UNAVAILABLE,
			"the server speaks %s only, %s is needed",
			gnutls_protocol_get_name(version), gnutls_protocol_get_name(min));
	if (!t->context->own_priority && version < GNUTLS_TLS1_3 &&
		gnutls_kx_get(t->session) == GNUTLS_KX_RSA)
		return error_at(err, STAGE_TLS, FAULT_UNAVAILABLE,
			"the server offers no forward secrecy (RSA key exchange)");
	return true;
}

/* What the certificate must be for. A dot at the end and a scope are not part of it. */
static void
set_name(struct tls *t, const char *host)
{
	const char *name = t->context->name ? t->context->name : host;
	unsigned char address[16];
	size_t n = strlen(name);
	char *scope;

	if (n && name[n - 1] == '.')
		n--;
	if (n >= sizeof(t->name))
		n = sizeof(t->name) - 1;
	memcpy(t->name, name, n);
	if ((scope = strchr(t->name, '%')))
		*scope = '\0';
	t->address = inet_pton(AF_INET6, t->name, address) == 1 ||
		     (!scope && inet_pton(AF_INET, t->name, address) == 1);
	if (scope && !t->address)
		*scope = '%';
}

static void
begin(struct tls *t, unsigned flags)
{
	struct tls_context *c = t->context;

	flags |= GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL;
	/* who has set a certificate wants it shown, whatever authorities the server names */
	if (c->has_certificate)
		flags |= GNUTLS_FORCE_CLIENT_CERT;
	if (gnutls_init(&t->session, flags) < 0 ||
		gnutls_priority_set(t->session, c->priority) < 0 ||
		gnutls_credentials_set(t->session, GNUTLS_CRD_CERTIFICATE, c->cred) < 0)
		alloc_failed();
	gnutls_session_set_ptr(t->session, t);
	gnutls_certificate_set_verify_function(c->cred, on_certificate);
	gnutls_transport_set_ptr(t->session, t);
	gnutls_transport_set_pull_function(t->session, pull);
	gnutls_transport_set_pull_timeout_function(t->session, pull_timeout);
	gnutls_transport_set_vec_push_function(t->session, push);
}

static struct tls *
tls_new(struct tls_context *c, struct stream *s, const char *host)
{
	struct strbuf record = STRBUF_INIT_SECRET(MEMO_MAX);
	struct tls *t = xcalloc(1, sizeof(*t));
	bool found;

	t->context = c;
	t->stream = s;
	set_name(t, host);
	found = tls_ticket_find(t, &record);
	/* where it is known which group the server takes, one key pair is enough */
	begin(t, found && t->ticket.first_share ? GNUTLS_KEY_SHARE_TOP : 0);
	if (found && !tls_ticket_offer(t)) {
		/* GnuTLS 3.7.9 crashes in the handshake of a session that it refused the data for
		 */
		gnutls_deinit(t->session);
		begin(t, 0);
	}
	strbuf_done(&record);
	return t;
}

static void
tls_free(struct tls *t)
{
	gnutls_deinit(t->session);
	free(t);
}

bool
tls_start(struct tls_context *c, struct stream *s, const char *host, int64_t deadline,
	struct error *err)
{
	struct tls *t = tls_new(c, s, host);
	bool good = true;

	/* RFC 6066 section 3: no addresses */
	if (!t->address &&
		gnutls_server_name_set(t->session, GNUTLS_NAME_DNS, t->name, strlen(t->name)) < 0)
		good = error_at(
			err, STAGE_TLS, FAULT_CONFIG, "\"%.100s\" is no host name", t->name);
	good = good && handshake(t, deadline, err);
	/* without a certificate message there was no call back */
	if (good && !t->checked && !tls_ticket_holds(t))
		good = tls_check_peer(t, err);
	c->misled = false;
	if (!good && clock_left(deadline))
		tls_ticket_doubt(t);
	if (!good || !check_session(t, err)) {
		strbuf_truncate(&s->wire, 0);
		s->gone = 0;
		tls_free(t);
		return false;
	}
	t->head_len = sizeof(t->head);
	s->layer = &layer;
	s->layer_data = t;
	return true;
}

static ssize_t
read_failed(struct tls *t, int rc, struct error *err)
{
	if (rc == GNUTLS_E_MEMORY_ERROR)
		alloc_failed();
	if (rc == GNUTLS_E_FATAL_ALERT_RECEIVED && !t->opened)
		tls_alerted(t, &t->failed);
	else if (rc == GNUTLS_E_FATAL_ALERT_RECEIVED)
		error_at(&t->failed, STAGE_TLS, FAULT_TEMPORARY,
			"the server broke off TLS (alert %d: %s)",
			(int)gnutls_alert_get(t->session),
			tls_alert_name((int)gnutls_alert_get(t->session)));
	else if (rc == GNUTLS_E_PULL_ERROR || rc == GNUTLS_E_PUSH_ERROR)
		error_set(&t->failed, FAULT_TEMPORARY, "the connection to the server is lost");
	else
		error_at(&t->failed, STAGE_TLS, FAULT_TEMPORARY, "TLS broke off: %s",
			gnutls_strerror(rc));
	if (err && !err->fault)
		*err = t->failed;
	return STREAM_FAILED;
}

static ssize_t
layer_read(struct stream *s, void *buffer, size_t n, struct error *err)
{
	struct tls *t = s->layer_data;
	unsigned spins = 0;
	ssize_t rc;

	if (t->failed.fault) {
		if (err && !err->fault)
			*err = t->failed;
		return STREAM_FAILED;
	}
	t->asked = false;
	do {
		t->starved = false;
		rc = gnutls_record_recv(t->session, buffer, n);
		if (rc > 0)
			t->opened = true;
		if (rc >= 0)
			return rc;
		/* a lost closure alert matters not: a reply counts only when it is whole */
		if (rc == GNUTLS_E_PREMATURE_TERMINATION)
			return 0;
		if (rc == GNUTLS_E_REHANDSHAKE)
			gnutls_alert_send(t->session, GNUTLS_AL_WARNING, GNUTLS_A_NO_RENEGOTIATION);
		if (rc == GNUTLS_E_REHANDSHAKE || rc == GNUTLS_E_WARNING_ALERT_RECEIVED)
			t->odd++;
		else if (rc != GNUTLS_E_AGAIN && rc != GNUTLS_E_INTERRUPTED)
			return read_failed(t, (int)rc, err);
		if (t->odd > ODD_MAX || ++spins > SPINS_MAX)
			return read_failed(t, GNUTLS_E_UNEXPECTED_PACKET, err);
	} while (!t->starved);
	return STREAM_AGAIN;
}

static bool
layer_write(struct stream *s, const void *data, size_t n, struct error *err)
{
	struct tls *t = s->layer_data;
	const char *at = data;
	ssize_t done;

	while (n) {
		done = gnutls_record_send(t->session, at, n);
		if (done == GNUTLS_E_MEMORY_ERROR)
			alloc_failed();
		if (done < 0 && t->failed.fault) {
			if (err && !err->fault)
				*err = t->failed;
			return false;
		}
		if (done <= 0)
			return error_at(err, STAGE_TLS, FAULT_TEMPORARY, "TLS broke off: %s",
				gnutls_strerror((int)done));
		at += done;
		n -= (size_t)done;
	}
	return true;
}

static void
layer_done(struct stream *s)
{
	tls_free(s->layer_data);
}

static const struct stream_layer layer = { layer_read, layer_write, layer_done };

bool
stream_is_tls(const struct stream *s)
{
	return s->layer == &layer;
}

/* "(TLS1.3)-(A)-(B)" becomes "A/B". */
static void
print_cipher(char *out, size_t size, const char *description)
{
	struct strbuf b = STRBUF_INIT(256);
	const char *at = strstr(description, ")-(");

	for (at = at ? at + 3 : description; *at; at++) {
		if (strncmp(at, ")-(", 3) == 0) {
			strbuf_addc(&b, '/');
			at += 2;
		} else if (*at != '(' && *at != ')') {
			strbuf_addc(&b, *at);
		}
	}
	text_printable(out, size, b.s, b.len);
	strbuf_done(&b);
}

/* GnuTLS describes a resumed session of TLS 1.3 without the key exchange, which there is all the
 * same (RFC 8446 section 4.2.9, psk_dhe_ke). */
static void
print_resumed(const struct tls *t, char *out, size_t size)
{
	const char *group = gnutls_group_get_name(gnutls_group_get(t->session)),
		   *cipher = gnutls_cipher_get_name(gnutls_cipher_get(t->session));

	snprintf(out, size, "%s-%s/PSK/%s",
		strncmp(group ? group : "", "FFDHE", 5) ? "ECDHE" : "DHE", group ? group : "?",
		cipher ? cipher : "?");
}

void
tls_describe(const struct stream *s, struct tls_info *ret)
{
	const struct tls *t = s->layer_data;
	const char *version;
	char *description;

	*ret = (struct tls_info){ .verified = false };
	if (!stream_is_tls(s))
		return;
	version = gnutls_protocol_get_name(gnutls_protocol_get_version(t->session));
	text_printable(ret->version, sizeof(ret->version), version ? version : "TLS",
		strlen(version ? version : "TLS"));
	if (t->resumed && gnutls_protocol_get_version(t->session) == GNUTLS_TLS1_3) {
		print_resumed(t, ret->cipher, sizeof(ret->cipher));
	} else if ((description = gnutls_session_get_desc(t->session))) {
		print_cipher(ret->cipher, sizeof(ret->cipher), description);
		gnutls_free(description);
	}
	memcpy(ret->issuer, t->issuer, sizeof(ret->issuer));
	ret->expires = t->expires;
	ret->resumed = t->resumed;
	ret->verified = t->verified;
	memcpy(ret->dane, t->dane, sizeof(ret->dane));
}

bool
tls_binding(const struct stream *s, struct strbuf *ret, bool *ret_exporter)
{
	const struct tls *t = s->layer_data;
	gnutls_datum_t data = { NULL, 0 };
	bool exporter, good;

	if (!stream_is_tls(s))
		return false;
	exporter = gnutls_protocol_get_version(t->session) == GNUTLS_TLS1_3;
	/* without the extended master secret another session may have the same (RFC 7627) */
	if (!exporter && !gnutls_session_ext_master_secret_status(t->session))
		return false;
	good = gnutls_session_channel_binding(t->session,
		       exporter ? GNUTLS_CB_TLS_EXPORTER : GNUTLS_CB_TLS_UNIQUE, &data) >= 0;
	if (good)
		strbuf_add(ret, data.data, data.size);
	gnutls_free(data.data);
	*ret_exporter = exporter;
	return good;
}
