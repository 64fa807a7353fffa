#include "linger.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"
#include "kept.h"
#include "linger_key.h"
#include "linger_place.h"
#include "session.h"
#include "status.h"
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
linger_ask(struct submission *s)
{
	struct kept *k = s->kept;
	struct place p;

	k->seconds = profile_number(&s->account, OPT_LINGER);
	if (!k->seconds || !linger_keys(&s->account, &k->smarthost.settings, &k->name, &k->key)) {
		k->seconds = 0;
		return;
	}
	if (!place_reach(&k->name, &p))
		return;
	warm_ask(p.fd, &k->key, &k->smarthost.settings, &s->envelope, &s->message, status_progress,
		NULL, &s->report);
	place_leave(&p);
}

static bool
has_changed(const struct submission *s)
{
	const struct kept *k = s->kept;
	struct memory_key name, key;

	return !linger_keys(&s->account, &k->smarthost.settings, &name, &key) ||
	       memcmp(&key, &k->key, sizeof(key)) != 0;
}

/* One client. False when the connection is of no more use. */
static bool
serve(struct submission *s, const struct place *p, int64_t *used)
{
	struct kept *k = s->kept;
	enum warm_service service = WARM_NOTHING;
	int fd = accept4(p->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return true;
	if (place_is_ours(fd))
		service = warm_serve(fd, k->link, &k->smarthost.settings, &k->key);
	close(fd);
	if (service == WARM_SERVED)
		*used = clock_age_ms();
	return service != WARM_OTHER_KEY;
}

/* Waits for clients as long as the connection is good. The time that the machine sleeps counts. */
static void
wait_for_clients(struct submission *s, const struct place *p)
{
	struct kept *k = s->kept;
	int64_t stay = (int64_t)k->seconds * CLOCK_SECOND, used = clock_age_ms(), left;
	struct pollfd fds[2] = { { .fd = p->fd, .events = POLLIN }, { .events = POLLIN } };
	struct timespec pause;
	sigset_t none;
	int ready = 0;

	sigemptyset(&none);
	while (!asked_to_end && wire_link_is_open(k->link)) {
		left = used + stay - clock_age_ms();
		if (left <= 0 || (ready > 0 && fds[0].revents && !serve(s, p, &used)))
			break;
		left = clock_sooner(left, LOOK_MS);
		pause = (struct timespec){ left / 1000, left % 1000 * 1000000 };
		fds[1].fd = wire_link_fd(k->link);
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

/* Nothing of the caller's is kept open: it may wait for the end of a pipe. */
static bool
leave_caller(int a, int b)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), low = a < b ? a : b, high = a < b ? b : a;

	for (int fd = 0; fd < 3; fd++)
		if (null < 0 || dup2(null, fd) < 0)
			return false;
	return (low <= 3 || close_range(3, (unsigned)low - 1, 0) == 0) &&
	       (low + 1 == high || close_range((unsigned)low + 1, (unsigned)high - 1, 0) == 0) &&
	       close_range((unsigned)high + 1, ~0U, 0) == 0 && chdir("/") == 0;
}

static void
vanish(void)
{
	_exit(0);
}

static void __attribute__((noreturn)) become_keeper(struct submission *s, struct place *p)
{
	static const struct rlimit no_core = { 0, 0 };

	alloc_on_failure(vanish);
	if (!leave_caller(p->fd, wire_link_fd(s->kept->link)) || setsid() < 0 || fork() != 0)
		_exit(0);
	prepare_signals();
	setrlimit(RLIMIT_CORE, &no_core);
	prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_NAME, "sendoff-linger");
	umask(S_IRWXG | S_IRWXO);
	s->kept->smarthost.settings.trace = NULL;
	s->kept->smarthost.settings.deadline = CLOCK_NEVER;
	message_done(&s->message);
	envelope_done(&s->envelope);
	wire_link_prove(s->kept->link);
	wait_for_clients(s, p);
	place_remove(p);
	kept_free(s->kept);
	_exit(0);
}

static bool
may_stay(const struct submission *s, int status)
{
	const struct kept *k = s->kept;

	return status == 0 && k->seconds && profile_choice(&s->account, OPT_SUBMIT) <= 0 &&
	       wire_link_is_open(k->link);
}

void
linger_stay(struct submission *s, int status)
{
	struct kept *k = s->kept;
	struct place p;
	pid_t pid = -1;

	if (!k)
		return;
	if (k->link && may_stay(s, status) && place_claim(&k->name, &p)) {
		/* what the process does not need it does not inherit */
		wire_link_forget(k->link);
		smarthost_forget(&k->smarthost);
		pid = fork();
		if (!pid)
			become_keeper(s, &p);
		if (pid < 0) {
			place_remove(&p);
		} else {
			waitpid(pid, NULL, 0);
			place_leave(&p);
			wire_link_abandon(k->link);
			k->link = NULL;
		}
	}
	kept_free(k);
	s->kept = NULL;
}
