#include "keeper.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "box.h"
#include "channel.h"
#include "child.h"
#include "clock.h"
#include "field.h"
#include "network_box.h"
#include "peer.h"
#include "profile.h"
#include "smarthost.h"
#include "submission.h"

#define SEND_MS      (60 * CLOCK_SECOND)
#define QUESTION_MAX 8192
#define ANSWER_MAX   (SECRET_MAX + 4096)
#define RELAYS       16 /* processes at a time, more than a dialogue has use for */

enum kind { KEEPER_SECRET = 1, KEEPER_RENEW, KEEPER_RELAY, KEEPER_ANSWER };

/* What belongs to an account, once it was asked for. */
struct kept {
	struct smarthost smarthost;
	bool open;
};

struct keeper {
	struct submission s;
	const struct peer *peer;
	struct kept *kept; /* one for each account */
	pid_t relays[RELAYS];
	int fd;
};

static bool
exchange(int fd, enum kind kind, const struct strbuf *question, struct channel_parcel *answer,
	struct error *err)
{
	return (channel_send(fd, kind, question, NULL, 0, clock_in(SEND_MS), NULL) &&
		       channel_receive(fd, answer, CLOCK_NEVER) == CHANNEL_PARCEL &&
		       answer->kind == KEEPER_ANSWER) ||
	       error_set(err, FAULT_TEMPORARY, "the process that has the passwords is lost");
}

/* Sends NAME, and WHY if it is not NULL; takes whether it was good, the error, and a value, or a
 * descriptor. */
static bool
ask(int fd, enum kind kind, const char *name, const struct error *why, struct strbuf *ret,
	int *ret_fd, struct error *err)
{
	struct strbuf question = STRBUF_INIT(QUESTION_MAX);
	struct error said = ERROR_NONE;
	struct channel_parcel answer;
	const char *at, *end, *value;
	bool good = false;
	size_t n;

	field_add_text(&question, name);
	if (why)
		field_add_error(&question, why);
	channel_parcel_init(&answer, ANSWER_MAX);
	answer.body.secret = true;
	if (exchange(fd, kind, &question, &answer, err)) {
		at = answer.body.s;
		end = at + answer.body.len;
		good = field_take_bool(&at, end, &good) && good;
		if (!field_take_error(&at, end, &said) || !field_take(&at, end, &value, &n))
			good = error_set(err, FAULT_SOFTWARE,
				"the process that has the passwords cannot be understood");
		else if (good && ret)
			strbuf_add(ret, value, n);
		else if (good && ret_fd && answer.fd_count == 1)
			*ret_fd = answer.fds[0], answer.fd_count = 0;
		else if (good && ret_fd)
			good = error_set(err, FAULT_TEMPORARY, "no process was started");
		else if (said.fault && err && !err->fault)
			*err = said;
	}
	channel_parcel_done(&answer);
	strbuf_done(&question);
	return good;
}

bool
keeper_secret(int fd, const char *name, struct strbuf *ret, struct error *err)
{
	return ask(fd, KEEPER_SECRET, name, NULL, ret, NULL, err);
}

bool
keeper_renew(int fd, const char *name, const struct error *why, struct error *err)
{
	return ask(fd, KEEPER_RENEW, name, why, NULL, NULL, err);
}

bool
keeper_relay(int fd, const char *name, int *ret_fd, struct error *err)
{
	return ask(fd, KEEPER_RELAY, name, NULL, NULL, ret_fd, err);
}

/* The settings of account NAME; NULL where there is none, or it is not for the client. */
static struct smarthost *
find(struct keeper *k, const char *name, struct error *err)
{
	const struct profile *account = NULL;
	struct kept *kept;
	size_t i = 0;

	for (; i < k->s.accounts.n && !account; i++)
		if (strcmp(k->s.accounts.v[i].name, name) == 0)
			account = &k->s.accounts.v[i];
	if (!account) {
		error_set(err, FAULT_PERMISSION, "there is no such account");
		return NULL;
	}
	if (k->peer && !peer_may_use(k->peer, account, err))
		return NULL;
	kept = &k->kept[i - 1];
	if (!kept->open && !smarthost_open(&kept->smarthost, &k->s, account, err)) {
		smarthost_close(&kept->smarthost);
		return NULL;
	}
	kept->open = true;
	kept->smarthost.settings.deadline = smarthost_deadline(account);
	return &kept->smarthost;
}

/* Where the next one is noted; NULL: there are enough. */
static pid_t *
free_place(struct keeper *k)
{
	pid_t *place = NULL;

	for (size_t i = 0; i < RELAYS; i++) {
		if (k->relays[i] && waitpid(k->relays[i], NULL, WNOHANG))
			k->relays[i] = 0;
		if (!k->relays[i])
			place = &k->relays[i];
	}
	return place;
}

/* Its password it asks for like any other: what was renewed here it would not know. */
static bool
start_relay(struct keeper *k, const struct smarthost *h, int *ret_fd, struct error *err)
{
	static const struct box_rules rules = { .open = true };
	pid_t *place = free_place(k), parent = getpid();
	int pair[2];

	if (!place)
		return error_set(err, FAULT_TEMPORARY, "too many processes talk to smarthosts");
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return error_sys(err, FAULT_TEMPORARY, errno, "unable to make a socket");
	*place = child_detach(&pair[1], 1);
	if (!*place) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		network_relay_serve(pair[1], &h->settings, &rules);
	}
	close(pair[1]);
	*ret_fd = pair[0];
	if (*place > 0)
		return true;
	*place = 0;
	close(pair[0]);
	*ret_fd = -1;
	return error_sys(err, FAULT_TEMPORARY, errno, "unable to start a process");
}

/* The answer to P into BODY, and *RET_FD. */
static bool
answer(struct keeper *k, const struct channel_parcel *p, struct strbuf *body, int *ret_fd)
{
	const char *at = p->body.s, *end = at + p->body.len;
	struct strbuf value = STRBUF_INIT_SECRET(SECRET_MAX);
	struct error why = ERROR_NONE, err = ERROR_NONE;
	struct smarthost *h;
	char name[256];
	bool good;

	if (!field_take_text(&at, end, name, sizeof(name)) ||
		(p->kind == KEEPER_RENEW && !field_take_error(&at, end, &why)) || at != end)
		return false;
	h = find(k, name, &err);
	good = h != NULL;
	if (good && p->kind == KEEPER_RENEW)
		good = smarthost_renew(h, &why, &err);
	else if (good && p->kind == KEEPER_RELAY)
		good = start_relay(k, h, ret_fd, &err);
	else if (good)
		good = h->settings.secret(
			h->settings.secret_ctx, wire_deadline(&h->settings), &value, &err);
	field_add_number(body, good);
	field_add_error(body, &err);
	field_add(body, value.s, value.len);
	strbuf_done(&value);
	return !body->full;
}

static void __attribute__((noreturn)) keep(struct keeper *k)
{
	struct strbuf body = STRBUF_INIT_SECRET(ANSWER_MAX);
	struct channel_parcel p;
	bool good = true;
	int fd;

	k->kept = xcalloc(k->s.accounts.n + 1, sizeof(*k->kept));
	channel_parcel_init(&p, QUESTION_MAX);
	while (good && channel_receive(k->fd, &p, CLOCK_NEVER) == CHANNEL_PARCEL) {
		strbuf_clear(&body);
		fd = -1;
		good = p.kind >= KEEPER_SECRET && p.kind < KEEPER_ANSWER &&
		       answer(k, &p, &body, &fd) &&
		       channel_send(
			       k->fd, KEEPER_ANSWER, &body, &fd, fd >= 0, clock_in(SEND_MS), NULL);
		if (fd >= 0)
			close(fd);
		channel_parcel_clear(&p);
	}
	_exit(0);
}

bool
keeper_start(const struct submission *s, const struct peer *peer, int *ret_fd, struct error *err)
{
	struct keeper k = { .s = *s, .peer = peer };
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return error_sys(err, FAULT_TEMPORARY, errno, "unable to make a socket");
	/* the client must see the end of the one that talks to it */
	pid = child_detach(&pair[1], 1);
	if (!pid) {
		k.fd = pair[1];
		k.s.keeper = NULL;
		keep(&k);
	}
	close(pair[1]);
	*ret_fd = pair[0];
	if (pid > 0)
		return true;
	close(pair[0]);
	return error_sys(err, FAULT_TEMPORARY, errno, "unable to start a process");
}
