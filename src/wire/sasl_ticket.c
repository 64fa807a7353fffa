#include "sasl_ticket.h"

#include <errno.h>
#include <fcntl.h>
#include <gsasl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"
#include "error.h"
#include "sasl.h"
#include "strbuf.h"
#include "text.h"

#define STEP_MS (60 * CLOCK_SECOND) /* for the KDC to answer */

enum word { MORE = 'M', DONE = 'D', NO_TICKET = 'T', NO_BASE64 = 'B', FAILED = 'F' };

/* One answer: a word, and text behind it. */
static bool
answer(int fd, enum word word, const char *text)
{
	struct strbuf message = STRBUF_INIT_SECRET(SASL_MESSAGE + 1);
	bool good;

	strbuf_addc(&message, (char)word);
	strbuf_adds(&message, text);
	if (message.full) {
		strbuf_clear(&message);
		strbuf_adds(&message, "Fthe ticket is too large for it");
	}
	good = send(fd, message.s, message.len, MSG_NOSIGNAL) == (ssize_t)message.len;
	strbuf_done(&message);
	return good;
}

static Gsasl_session *
open_session(const struct sasl_credentials *with, int *ret)
{
	Gsasl_session *session;
	Gsasl *library;

	if ((*ret = gsasl_init(&library)) != GSASL_OK ||
		(*ret = gsasl_client_start(library, "GSSAPI", &session)) != GSASL_OK ||
		(*ret = gsasl_property_set(session, GSASL_AUTHID, with->user ?: "")) != GSASL_OK ||
		(*ret = gsasl_property_set(session, GSASL_HOSTNAME, with->host)) != GSASL_OK ||
		(*ret = gsasl_property_set(session, GSASL_SERVICE, "smtp")) != GSASL_OK)
		return NULL;
	return session;
}

static bool
step(int fd, Gsasl_session *session, const char *challenge)
{
	char *out = NULL;
	int rc = gsasl_step64(session, challenge, &out);

	if (rc == GSASL_OK || rc == GSASL_NEEDS_MORE)
		return answer(fd, rc == GSASL_OK ? DONE : MORE, out ?: "");
	return answer(fd,
		rc == GSASL_GSSAPI_INIT_SEC_CONTEXT_ERROR ? NO_TICKET
		: rc == GSASL_BASE64_ERROR                ? NO_BASE64
							  : FAILED,
		gsasl_strerror(rc) ?: "");
}

/* The child's life: a challenge, an answer. */
static void
serve(int fd, const struct sasl_credentials *with)
{
	Gsasl_session *session;
	char *challenge;
	ssize_t n;
	int rc;

	session = open_session(with, &rc);
	challenge = malloc(SASL_MESSAGE + 1);
	if (!session)
		(void)answer(fd, FAILED, gsasl_strerror(rc) ?: "");
	while (session && challenge && (n = recv(fd, challenge, SASL_MESSAGE, 0)) > 0) {
		/* the first octet only makes the message one */
		challenge[n] = '\0';
		if (!step(fd, session, challenge + 1))
			break;
	}
	_exit(0);
}

/* Standard input is the socket, and nothing else is open. */
static void
become_child(int fd, const struct sasl_credentials *with)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE, SIGHUP, SIGINT,
		SIGTERM };
	int null;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_DUMPABLE, 0);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		signal(signals[i], SIG_DFL);
	if (dup2(fd, STDIN_FILENO) < 0 || (null = open("/dev/null", O_WRONLY)) < 0 ||
		dup2(null, STDOUT_FILENO) < 0 || dup2(null, STDERR_FILENO) < 0 ||
		close_range(3, ~0U, 0) < 0)
		_exit(1);
	serve(STDIN_FILENO, with);
}

bool
sasl_ticket_start(struct sasl_ticket *t, const struct sasl_credentials *with, struct error *err)
{
	int fds[2];

	*t = (struct sasl_ticket){ .deadline = with->deadline };
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0) {
		error_sys(err, FAULT_TEMPORARY, errno, "GSSAPI cannot be used");
	} else if ((t->pid = fork()) == 0) {
		become_child(fds[1], with);
	} else if (t->pid < 0) {
		error_sys(err, FAULT_TEMPORARY, errno, "GSSAPI cannot be used");
		close(fds[0]);
		close(fds[1]);
		t->pid = 0;
	} else {
		close(fds[1]);
		t->fd = fds[0];
		return true;
	}
	if (err && err->stage == STAGE_NONE)
		err->stage = STAGE_AUTH;
	return false;
}

/* What the child says, whose libraries may have gone astray: it is checked like a server's. */
static bool
take(struct sasl_ticket *t, char *message, size_t size, struct error *err)
{
	int64_t deadline = clock_sooner(clock_in(STEP_MS), t->deadline);
	struct pollfd p = { .fd = t->fd, .events = POLLIN };
	ssize_t n;
	int ready;

	do
		ready = poll(&p, 1, clock_left(deadline));
	while (ready < 0 && errno == EINTR);
	if (!ready)
		return error_at(err, STAGE_AUTH, FAULT_TEMPORARY,
			"GSSAPI cannot be used: Kerberos did not answer in time");
	n = recv(t->fd, message, size - 1, 0);
	if (n <= 0)
		return error_at(err, STAGE_AUTH, FAULT_UNAVAILABLE,
			"GSSAPI cannot be used: the libraries of Kerberos failed");
	message[n] = '\0';
	return true;
}

static bool
is_base64(const char *s)
{
	return s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")] ==
	       '\0';
}

static bool
judge(const char *message, struct strbuf *out, bool *ret_done, struct error *err)
{
	char text[200];

	*ret_done = message[0] == DONE;
	if ((message[0] == DONE || message[0] == MORE) && is_base64(message + 1)) {
		strbuf_adds(out, message + 1);
		return true;
	}
	if (message[0] == NO_TICKET)
		return error_at(err, STAGE_AUTH, FAULT_PERMISSION,
			"GSSAPI cannot be used: there is no valid Kerberos ticket, or none can be "
			"had for this server");
	if (message[0] == NO_BASE64)
		return error_at(
			err, STAGE_AUTH, FAULT_PROTOCOL, "the server's challenge is no base64");
	text_printable(text, sizeof(text), message + 1, strlen(message + 1));
	return error_at(err, STAGE_AUTH, FAULT_UNAVAILABLE, "GSSAPI cannot be used: %s", text);
}

bool
sasl_ticket_step(struct sasl_ticket *t, const char *challenge, size_t n, struct strbuf *out,
	bool *ret_done, struct error *err)
{
	char *message = xcalloc(1, SASL_MESSAGE + 2);
	bool good;

	if (n >= SASL_MESSAGE) {
		free(message);
		return error_at(err, STAGE_AUTH, FAULT_PROTOCOL,
			"the server's challenge is too long for GSSAPI");
	}
	message[0] = 'C';
	memcpy(message + 1, challenge ?: "", n);
	if (send(t->fd, message, n + 1, MSG_NOSIGNAL) < 0)
		memset(message, 0, n + 1);
	good = take(t, message, SASL_MESSAGE + 2, err) && judge(message, out, ret_done, err);
	explicit_bzero(message, SASL_MESSAGE + 2);
	free(message);
	return good;
}

void
sasl_ticket_done(struct sasl_ticket *t)
{
	if (!t->pid)
		return;
	close(t->fd);
	kill(t->pid, SIGKILL);
	while (waitpid(t->pid, NULL, 0) < 0 && errno == EINTR)
		;
	*t = (struct sasl_ticket){ 0 };
}
