/* A grant by the authorization code: in a browser here, whose answer comes to a loopback port (RFC
 * 8252), or in one anywhere, whose last address is pasted. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "clock.h"
#include "error.h"
#include "io.h"
#include "login_flow.h"
#include "oauth_loopback.h"
#include "profile.h"
#include "token_settings.h"

#define PASTE_MAX 16384
#define ASK_MS    (60 * CLOCK_SECOND)

struct waiting {
	const struct token_settings *settings;
	struct oauth_request request;
	struct strbuf code, pasted; /* secret */
	struct error why;
};

/* The loopback's judge: somebody else's query changes nothing. */
static bool
judge(void *ctx, const char *query, size_t n, bool *ret_good)
{
	struct waiting *w = ctx;
	struct error why = ERROR_NONE;
	bool ours;

	*ret_good = oauth_request_take(
		&w->request, &w->settings->server, query, n, &ours, &w->code, &why);
	if (ours && !*ret_good)
		w->why = why;
	return ours;
}

/* Opens ADDRESS in a browser that outlives us. It holds no secret but the state, and whoever reads
 * that from the arguments is another user, to whom the loopback does not listen. */
static void
open_browser(const char *address)
{
	const char *named = secure_getenv("BROWSER");
	const char *program = named && *named && !strpbrk(named, ": %") ? named : "xdg-open";

	fflush(NULL);
	if (child_detach(NULL, 0) != 0)
		return;
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	execlp(program, program, address, (char *)NULL);
	_exit(127);
}

/* What stands behind the question mark of an address, or the text as it is. */
static bool
take_line(struct waiting *w)
{
	char *end = memchr(w->pasted.s, '\n', w->pasted.len);
	const char *query;
	size_t n;
	bool good, over;

	if (!end)
		return false;
	n = (size_t)(end - w->pasted.s);
	query = memchr(w->pasted.s, '?', n);
	query = query ? query + 1 : w->pasted.s;
	n = (size_t)(end - query);
	n = strcspn(query, "#\r\n \t") < n ? strcspn(query, "#\r\n \t") : n;
	over = judge(w, query, n, &good);
	strbuf_consume(&w->pasted, (size_t)(end + 1 - w->pasted.s));
	if (!over)
		fprintf(stderr,
			"This is not the address that the browser ended at, or it is of an "
			"earlier login. It begins with http:// and holds code= and state=\n");
	return over;
}

/* True when the wait is over. */
static bool
read_pasted(struct waiting *w)
{
	char octets[4096];
	ssize_t n = io_read(STDIN_FILENO, octets, sizeof(octets));

	if (n <= 0) {
		error_set(&w->why, FAULT_PERMISSION, "no address was pasted");
		return true;
	}
	strbuf_add(&w->pasted, octets, (size_t)n);
	explicit_bzero(octets, sizeof(octets));
	if (w->pasted.full)
		return !error_set(&w->why, FAULT_DATA, "what was pasted is too long");
	while (memchr(w->pasted.s, '\n', w->pasted.len))
		if (take_line(w))
			return true;
	return false;
}

static void
wait_for_answer(struct waiting *w, struct loopback *l, unsigned hearing)
{
	int64_t until = clock_in(LOGIN_SECONDS * CLOCK_SECOND), next;
	struct pollfd v[LOOPBACK_POLLS + 1];
	bool over = false;
	size_t n;

	while (!over) {
		next = until;
		n = hearing & LOGIN_LISTEN ? loopback_polls(l, v, &next) : 0;
		v[n] = (struct pollfd){ .fd = hearing & LOGIN_READ ? STDIN_FILENO : -1,
			.events = POLLIN };
		if (poll(v, n + 1, clock_left(next)) < 0 && errno != EINTR)
			break;
		if (hearing & LOGIN_LISTEN)
			over = loopback_serve(l, judge, w);
		if (!over && v[n].revents)
			over = read_pasted(w);
		if (!over && clock_left(until) == 0) {
			error_set(&w->why, FAULT_PERMISSION,
				"nobody has granted access within %d minutes", LOGIN_SECONDS / 60);
			over = true;
		}
	}
}

static void
tell(const char *address, bool opened, unsigned hearing)
{
	if (opened)
		fprintf(stderr,
			"A browser opens for granting access. If it does not, open this "
			"address:\n\n%s\n\n",
			address);
	else if (hearing & LOGIN_LISTEN)
		fprintf(stderr, "Open this address in a browser on this machine:\n\n%s\n\n",
			address);
	else
		fprintf(stderr, "Open this address in a browser, on any machine:\n\n%s\n\n",
			address);
	if (hearing & LOGIN_READ)
		fprintf(stderr,
			"%sIt ends at an address that begins with http:// and %s: copy it from the "
			"browser's address bar, and paste it here:\n",
			hearing & LOGIN_LISTEN ? "Or open it on another machine. " : "",
			"cannot be shown there");
}

bool
login_by_browser(const struct token_settings *t, bool opened, unsigned hearing,
	struct oauth_grant *ret, struct error *err)
{
	struct waiting w = { .settings = t,
		.code = STRBUF_INIT_SECRET(OAUTH_CODE),
		.pasted = STRBUF_INIT_SECRET(PASTE_MAX) };
	struct strbuf address = STRBUF_INIT(4 * HTTP_URL);
	struct loopback l;
	bool good;

	if (!t->server.authorize)
		return error_set(err, FAULT_CONFIG,
			"account %s: it is not known where access is granted: set "
			"oauth-authorize-url",
			t->profile->name);
	if (!oauth_request_init(&w.request, err) ||
		!loopback_open(&l, t->redirect_host, hearing & LOGIN_LISTEN, err))
		return false;
	oauth_request_add_url(
		&address, &w.request, &t->server, t->client.id, t->scope, l.redirect, t->user);
	good = !address.full || error_set(&w.why, FAULT_CONFIG, "the address is too long");
	if (good) {
		tell(address.s, opened, hearing);
		if (opened)
			open_browser(address.s);
		wait_for_answer(&w, &l, hearing);
		good = !w.why.fault;
	}
	if (l.strangers)
		fprintf(stderr, "note: %u connections of other users were turned away\n",
			l.strangers);
	good = good && oauth_by_code(&t->server, &t->client, w.code.s, w.request.verifier,
			       l.redirect, clock_in(ASK_MS), ret, &w.why);
	loopback_close(&l);
	explicit_bzero(&w.request, sizeof(w.request));
	strbuf_done(&w.code);
	strbuf_done(&w.pasted);
	strbuf_done(&address);
	return good || token_settings_explain(t, ret->refusal, &w.why, err);
}
