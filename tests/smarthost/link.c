/* The octets of one connection. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "smarthost.h"

void
link_init(struct link *l, int fd, const struct config *c)
{
	memset(l, 0, sizeof(*l));
	l->fd = fd;
	l->delay_ms = c->delay_ms;
	l->idle = c->idle;
	l->verbose = c->verbose;
	strbuf_init(&l->out, 1 << 20);
}

static const char *
priority(const char *version)
{
	if (strcmp(version, "1.2") == 0)
		return "NORMAL:-VERS-ALL:+VERS-TLS1.2";
	if (strcmp(version, "1.3") == 0)
		return "NORMAL:-VERS-ALL:+VERS-TLS1.3";
	return "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";
}

bool
link_start_tls(struct link *l, const struct config *c)
{
	int rc;

	/* what came in the clear behind STARTTLS is dropped, RFC 3207 section 4.2 */
	l->at = l->end = 0;
	if (gnutls_init(&l->tls, GNUTLS_SERVER) < 0)
		return false;
	gnutls_priority_set_direct(l->tls, priority(c->tls_version), NULL);
	gnutls_credentials_set(l->tls, GNUTLS_CRD_CERTIFICATE, c->credentials);
	gnutls_certificate_server_set_request(
		l->tls, c->request_certificate ? GNUTLS_CERT_REQUEST : GNUTLS_CERT_IGNORE);
	gnutls_session_ticket_enable_server(l->tls, &c->ticket_key);
	gnutls_transport_set_int(l->tls, l->fd);
	alarm(l->idle);
	do
		rc = gnutls_handshake(l->tls);
	while (rc < 0 && !gnutls_error_is_fatal(rc));
	if (rc < 0 && l->verbose)
		fprintf(stderr, "smarthost: handshake: %s\n", gnutls_strerror(rc));
	return rc >= 0;
}

void
link_done(struct link *l)
{
	if (l->tls) {
		gnutls_bye(l->tls, GNUTLS_SHUT_WR);
		gnutls_deinit(l->tls);
	}
	strbuf_done(&l->out);
	close(l->fd);
}

static ssize_t
send_some(struct link *l, const char *data, size_t n)
{
	ssize_t done;

	do {
		if (l->tls)
			done = gnutls_record_send(l->tls, data, n);
		else
			done = send(l->fd, data, n, MSG_NOSIGNAL);
	} while (l->tls ? done == GNUTLS_E_AGAIN || done == GNUTLS_E_INTERRUPTED
			: done < 0 && errno == EINTR);
	return done;
}

bool
link_flush(struct link *l)
{
	struct timespec pause = { l->delay_ms / 1000, (long)(l->delay_ms % 1000) * 1000000 };
	size_t at = 0;
	ssize_t done;

	if (!l->out.len)
		return true;
	if (l->delay_ms)
		nanosleep(&pause, NULL);
	alarm(l->idle);
	while (at < l->out.len) {
		done = send_some(l, l->out.s + at, l->out.len - at);
		if (done <= 0)
			return false;
		at += (size_t)done;
	}
	strbuf_clear(&l->out);
	return true;
}

bool
link_has_input(struct link *l)
{
	struct pollfd p = { .fd = l->fd, .events = POLLIN };

	return l->at < l->end || (l->tls && gnutls_record_check_pending(l->tls)) ||
	       poll(&p, 1, 0) > 0;
}

bool
link_fill(struct link *l)
{
	bool answered = l->out.len != 0;
	ssize_t got;

	if (l->at < l->end)
		return true;
	if (answered && !link_has_input(l)) {
		if (!link_flush(l))
			return false;
		l->flights++;
	}
	alarm(l->idle);
	do {
		if (l->tls)
			got = gnutls_record_recv(l->tls, l->in, sizeof(l->in));
		else
			got = recv(l->fd, l->in, sizeof(l->in), 0);
	} while (l->tls ? got < 0 && !gnutls_error_is_fatal((int)got) : got < 0 && errno == EINTR);
	if (got <= 0)
		return false;
	l->at = 0;
	l->end = (size_t)got;
	return true;
}

bool
link_line(struct link *l, struct strbuf *line, bool *ret_bare)
{
	const char *from, *lf;
	size_t n;

	strbuf_clear(line);
	do {
		if (!link_fill(l))
			return false;
		from = l->in + l->at;
		lf = memchr(from, '\n', l->end - l->at);
		n = lf ? (size_t)(lf - from) : l->end - l->at;
		strbuf_add(line, from, n);
		l->at += n + (lf != NULL);
	} while (!lf);
	*ret_bare = !line->len || line->s[line->len - 1] != '\r';
	if (!*ret_bare)
		strbuf_truncate(line, line->len - 1);
	if (l->verbose)
		fprintf(stderr, "C: %s\n", line->s);
	return true;
}
