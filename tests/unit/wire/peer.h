/* A TLS server in a thread, for the tests of the client's side. */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "stream.h"
#include "tap.h"
#include "testca.h"
#include "tls.h"

struct peer {
	/* set before peer_start */
	gnutls_certificate_credentials_t cred;
	const char *priority;             /* NULL: GnuTLS's default */
	gnutls_certificate_request_t ask; /* for a client certificate */
	void (*act)(struct peer *p);      /* after the handshake; NULL: says "220 hello" */
	void (*raw)(struct peer *p);      /* instead of TLS */
	void *ctx;
	unsigned limit;                   /* largest record it takes; 0: any */
	const gnutls_datum_t *ticket_key; /* NULL: no session can be resumed */
	/* facts, after peer_join */
	int fd, rc;
	bool resumed;
	gnutls_session_t session;
	gnutls_alert_description_t alert;
	char name[256]; /* SNI */
	char binding[128];
	size_t binding_len;
	pthread_t thread;
};

static void
peer_say(struct peer *p, const char *line)
{
	size_t n = strlen(line);

	p->rc = (int)gnutls_record_send(p->session, line, n);
}

/* Reads until the client closes. */
static void
peer_drain(struct peer *p)
{
	char buffer[4096];
	ssize_t n;

	do
		n = gnutls_record_recv(p->session, buffer, sizeof(buffer));
	while (n > 0 || n == GNUTLS_E_WARNING_ALERT_RECEIVED || n == GNUTLS_E_AGAIN ||
		n == GNUTLS_E_INTERRUPTED);
	if (n == GNUTLS_E_FATAL_ALERT_RECEIVED)
		p->alert = gnutls_alert_get(p->session);
}

static void
peer_talk(struct peer *p)
{
	size_t len = sizeof(p->name) - 1;
	gnutls_datum_t binding;
	unsigned type;
	int rc;

	do
		rc = gnutls_handshake(p->session);
	while (rc < 0 && !gnutls_error_is_fatal(rc));
	p->rc = rc;
	if (rc < 0) {
		if (rc == GNUTLS_E_FATAL_ALERT_RECEIVED)
			p->alert = gnutls_alert_get(p->session);
		gnutls_alert_send_appropriate(p->session, rc);
		return;
	}
	p->resumed = gnutls_session_is_resumed(p->session);
	gnutls_server_name_get(p->session, p->name, &len, &type, 0);
	if (gnutls_session_channel_binding(p->session,
		    gnutls_protocol_get_version(p->session) == GNUTLS_TLS1_3
			    ? GNUTLS_CB_TLS_EXPORTER
			    : GNUTLS_CB_TLS_UNIQUE,
		    &binding) >= 0) {
		p->binding_len = binding.size;
		memcpy(p->binding, binding.data, binding.size);
		gnutls_free(binding.data);
	}
	if (p->act)
		p->act(p);
	else
		peer_say(p, "220 hello\r\n");
	peer_drain(p);
}

static void *
peer_main(void *ctx)
{
	struct peer *p = ctx;

	if (p->raw) {
		p->raw(p);
	} else {
		gnutls_init(&p->session, GNUTLS_SERVER | GNUTLS_NO_SIGNAL);
		if (p->priority ? gnutls_priority_set_direct(p->session, p->priority, NULL)
				: gnutls_set_default_priority(p->session)) {
			printf("Bail out! priority %s\n", p->priority);
			exit(95);
		}
		gnutls_credentials_set(p->session, GNUTLS_CRD_CERTIFICATE, p->cred);
		gnutls_certificate_server_set_request(p->session, p->ask);
		if (p->ticket_key)
			gnutls_session_ticket_enable_server(p->session, p->ticket_key);
		if (p->limit)
			gnutls_record_set_max_recv_size(p->session, p->limit);
		gnutls_transport_set_int(p->session, p->fd);
		peer_talk(p);
		gnutls_deinit(p->session);
	}
	close(p->fd);
	return NULL;
}

/* Two ends of a TCP connection. */
static void __attribute__((unused)) tcp_pair(int fd[2])
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(a);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	fd[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(listener, (struct sockaddr *)&a, len) || listen(listener, 1) ||
		getsockname(listener, (struct sockaddr *)&a, &len) ||
		connect(fd[0], (struct sockaddr *)&a, len) ||
		(fd[1] = accept(listener, NULL, NULL)) < 0)
		exit(94);
	close(listener);
}

/* Starts the server on THEIRS, and makes a stream of OURS. */
static void
peer_start_on(struct peer *p, struct stream *s, int ours, int theirs)
{
	p->fd = theirs;
	p->alert = (gnutls_alert_description_t)-1;
	fcntl(ours, F_SETFL, fcntl(ours, F_GETFL) | O_NONBLOCK);
	stream_init(s, ours);
	pthread_create(&p->thread, NULL, peer_main, p);
}

static void __attribute__((unused)) peer_start(struct peer *p, struct stream *s)
{
	int fd[2];

	tcp_pair(fd);
	peer_start_on(p, s, fd[0], fd[1]);
}

/* Ends the connection and waits for the server. */
static void __attribute__((unused)) peer_join(struct peer *p, struct stream *s)
{
	stream_done(s);
	pthread_join(p->thread, NULL);
}

/* Handshakes as a client with SETTINGS towards HOST. */
static bool __attribute__((unused))
peer_meet(struct peer *p, struct stream *s, const struct tls_settings *settings, const char *host,
	struct tls_context **ret, struct error *err)
{
	error_clear(err);
	if (!(*ret = tls_context_new(settings, err))) {
		printf("Bail out! settings: %s\n", err->text);
		exit(93);
	}
	peer_start(p, s);
	return tls_start(*ret, s, host, clock_in(10000), err);
}

/* The next line is WANT. */
static void __attribute__((unused)) want_line(struct stream *s, const char *want, const char *what)
{
	struct error err = ERROR_NONE;
	const char *line = NULL;
	size_t n = 0;
	bool good = stream_line(s, clock_in(5000), &line, &n, &err);

	if (!same(good ? line : NULL, n, want, what))
		printf("# %s\n", err.text);
}

static void __attribute__((unused)) put_line(struct stream *s, const char *line)
{
	struct error err = ERROR_NONE;

	ok(stream_write(s, line, strlen(line), clock_in(5000), &err) &&
			stream_flush(s, clock_in(5000), &err),
		"said: %s", err.text);
}

/* Greets, then says back what comes. */
static void __attribute__((unused)) echo(struct peer *p)
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

/* Files in a directory of their own. */
static char peer_directory[] = "/tmp/tls-test-XXXXXX";
static char peer_paths[32][64];
static unsigned peer_path_count;

/* Writes CONTENT (freed) to a new file; the path stays valid. */
static const char *__attribute__((unused)) peer_file(gnutls_datum_t content)
{
	char *path = peer_paths[peer_path_count++];

	if (peer_path_count == 1 && !mkdtemp(peer_directory))
		exit(92);
	snprintf(path, sizeof(peer_paths[0]), "%s/%u", peer_directory, peer_path_count);
	testca_write(path, content.data, content.size);
	gnutls_free(content.data);
	return path;
}

static void __attribute__((unused)) peer_files_done(void)
{
	while (peer_path_count)
		unlink(peer_paths[--peer_path_count]);
	rmdir(peer_directory);
}
