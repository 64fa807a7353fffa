#include "linger.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "child.h"
#include "clock.h"
#include "linger_key.h"
#include "linger_place.h"
#include "network.h"
#include "submission.h"
#include "warm.h"

/* How often a process that waits looks whether configuration or password have changed. */
#define LOOK_MS (5 * CLOCK_SECOND)

static volatile sig_atomic_t asked_to_end;

static void
end(int signal)
{
	(void)signal;
	asked_to_end = 1;
}

void
linger_ask(struct submission *s, const struct profile *account, wire_progress *progress,
	void *progress_ctx)
{
	struct lingering *l = &s->linger;
	struct place p;

	l->seconds = s->args->command ? 0 : profile_number(account, OPT_LINGER);
	if (l->seconds && !linger_keys(account, &s->smarthost.settings, &l->name, &l->key))
		l->seconds = 0;
	if (!l->seconds || !place_reach(&l->name, &p))
		return;
	warm_ask(p.fd, &l->key, &s->smarthost.settings, &s->envelope, &s->message, progress,
		progress_ctx, &s->report);
	place_leave(&p);
}

static bool
has_changed(const struct submission *s)
{
	struct memo_key name, key;

	return !linger_keys(s->used, &s->smarthost.settings, &name, &key) ||
	       memcmp(&key, &s->linger.key, sizeof(key)) != 0;
}

/* One client. False when the connection is of no more use. */
static bool
serve(struct submission *s, const struct place *p, int64_t *used)
{
	enum warm_service service = WARM_NOTHING;
	int fd = accept4(p->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return true;
	if (place_is_ours(fd))
		service = warm_serve(
			fd, network_link(s->link), &s->smarthost.settings, &s->linger.key);
	close(fd);
	if (service == WARM_SERVED)
		*used = clock_age_ms();
	return service != WARM_OTHER_KEY;
}

/* Waits for clients as long as the connection is good. The time that the machine sleeps counts. */
static void
wait_for_clients(struct submission *s, const struct place *p)
{
	int64_t stay = (int64_t)s->linger.seconds * CLOCK_SECOND, used = clock_age_ms(), left;
	struct pollfd fds[2] = { { .fd = p->fd, .events = POLLIN }, { .events = POLLIN } };
	struct timespec pause;
	sigset_t none;
	int ready = 0;

	sigemptyset(&none);
	while (!asked_to_end && network_is_open(s->link)) {
		left = used + stay - clock_age_ms();
		if (left <= 0 || (ready > 0 && fds[0].revents && !serve(s, p, &used)))
			break;
		left = clock_sooner(left, LOOK_MS);
		pause = (struct timespec){ left / 1000, left % 1000 * 1000000 };
		fds[1].fd = network_socket(s->link);
		ready = ppoll(fds, 2, &pause, &none);
		if ((ready < 0 && errno != EINTR) || (!ready && has_changed(s)))
			break;
	}
}

/* Signals end the process between two messages, not within one. */
static void
prepare_signals(void)
{
	static const int ending[] = { SIGTERM, SIGINT, SIGHUP };
	struct sigaction action = { .sa_handler = end };
	sigset_t blocked;

	sigemptyset(&blocked);
	for (size_t i = 0; i < sizeof(ending) / sizeof(*ending); i++) {
		sigaddset(&blocked, ending[i]);
		sigaction(ending[i], &action, NULL);
	}
	sigprocmask(SIG_SETMASK, &blocked, NULL);
}

static void
vanish(void)
{
	_exit(0);
}

static void __attribute__((noreturn)) become_keeper(struct submission *s, struct place *p)
{
	alloc_on_failure(vanish);
	prepare_signals();
	prctl(PR_SET_NAME, "sendoff-linger");
	umask(S_IRWXG | S_IRWXO);
	s->smarthost.settings.trace = NULL;
	s->smarthost.settings.deadline = CLOCK_NEVER;
	s->smarthost.settings.budget = 0;
	message_done(&s->message);
	envelope_done(&s->envelope);
	wire_link_prove(network_link(s->link));
	wait_for_clients(s, p);
	place_remove(p);
	submission_disconnect(s);
	_exit(0);
}

bool
linger_may(struct submission *s, int status)
{
	return status == 0 && s->linger.seconds && profile_choice(s->used, OPT_SUBMIT) <= 0 &&
	       network_link(s->link) && network_is_open(s->link);
}

void
linger_stay(struct submission *s)
{
	struct place p;
	int keep[2];
	pid_t pid;

	if (!place_claim(&s->linger.name, &p))
		return;
	/* what the process does not need it does not inherit */
	wire_link_forget(network_link(s->link));
	smarthost_forget(&s->smarthost);
	keep[0] = p.fd;
	keep[1] = network_socket(s->link);
	pid = child_detach(keep, 2);
	if (!pid)
		become_keeper(s, &p);
	if (pid < 0) {
		place_remove(&p);
		return;
	}
	place_leave(&p);
	network_abandon(s->link);
}
