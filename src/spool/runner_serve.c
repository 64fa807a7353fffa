/* The runner that stays: what wakes it. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "heartbeat.h"
#include "io.h"
#include "runner_private.h"
#include "state.h"

#define KICK   "kick"
#define SHARE  10    /* a scan takes at most one part in so many of the time */
#define REST   10000 /* ms, at most, for that reason */
#define SETTLE 20    /* ms: who has just made an entry lets go of it */
#define STUCK  60    /* seconds until a spool that cannot be read is tried again */

struct serve {
	struct runner r;
	int signals, files, timer;
	int queue_watch, drop_watch, kick_watch;
	bool ended;
	int64_t beat;  /* clock_ms of the next heartbeat */
	int64_t ready; /* clock_ms: not before the next scan */
	sigset_t mask, before;
};

void
runner_kick(struct spool *s)
{
	int dir = state_directory(s, NULL, NULL), fd;

	if (dir < 0)
		return;
	fd = state_open(dir, KICK, O_WRONLY | O_CREAT);
	if (fd >= 0) {
		(void)!futimens(fd, NULL);
		close(fd);
	}
	close(dir);
}

/* Watches what NAME of the spool leads to; -1 where that cannot be. */
static int
watch(int files, int dir, uint32_t mask)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", dir);
	return dir < 0 ? -1 : inotify_add_watch(files, path, mask);
}

/* The directories of configuration and secrets; one that is watched already stays so. */
static void
watch_settings(struct serve *v)
{
	char **list = v->r.cb->watched ? v->r.cb->watched(v->r.cb->ctx) : NULL;

	for (size_t i = 0; list && list[i]; i++) {
		(void)inotify_add_watch(v->files, list[i],
			IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB);
		free(list[i]);
	}
	free(list);
}

static void
watch_files(struct serve *v)
{
	const uint32_t appears = IN_CREATE | IN_MOVED_TO | IN_ONLYDIR;
	int dir = state_directory(v->r.s, NULL, NULL), kick = -1;

	v->kick_watch = -1;
	v->queue_watch = watch(v->files, v->r.s->queue, appears);
	v->drop_watch = watch(v->files, v->r.s->drop, appears);
	if (dir >= 0) {
		kick = state_open(dir, KICK, O_RDWR | O_CREAT);
		v->kick_watch = watch(v->files, kick, IN_ATTRIB);
		close(dir);
	}
	if (kick >= 0)
		close(kick);
	watch_settings(v);
}

static bool
start(struct serve *v, struct error *err)
{
	v->files = v->timer = v->signals = -1;
	sigemptyset(&v->mask);
	sigaddset(&v->mask, SIGTERM);
	sigaddset(&v->mask, SIGINT);
	sigaddset(&v->mask, SIGHUP);
	sigaddset(&v->mask, SIGCHLD);
	sigprocmask(SIG_BLOCK, &v->mask, &v->before);
	v->signals = signalfd(-1, &v->mask, SFD_CLOEXEC | SFD_NONBLOCK);
	v->files = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	v->timer = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (v->signals < 0 || v->files < 0 || v->timer < 0)
		return error_sys(err, FAULT_TEMPORARY, errno, "unable to wait for work");
	watch_files(v);
	return true;
}

static void
finish(struct serve *v)
{
	struct runner *r = &v->r;

	for (size_t i = 0; i < r->worker_count; i++)
		if (r->workers[i].pid)
			kill(r->workers[i].pid, SIGTERM);
	runner_done(r);
	if (r->settings->heartbeat)
		heartbeat_remove(r->settings->heartbeat);
	if (v->signals >= 0)
		close(v->signals);
	if (v->files >= 0)
		close(v->files);
	if (v->timer >= 0)
		close(v->timer);
	sigprocmask(SIG_SETMASK, &v->before, NULL);
}

/* What is known of accounts may have changed: the files are asked again. */
static void
forget_blocked(struct runner *r)
{
	for (size_t i = 0; i < r->account_count; i++)
		r->accounts[i].blocked = 0;
}

static void
take_signals(struct serve *v)
{
	struct signalfd_siginfo info;

	while (io_read(v->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT)
			v->ended = true;
		if (info.ssi_signo == SIGHUP) {
			v->r.force = true;
			forget_blocked(&v->r);
		}
	}
	runner_reap(&v->r, false);
}

/* An entry of queue/ that is new needs a scan only; everything else may change what is known. */
static void
take_files(struct serve *v)
{
	_Alignas(struct inotify_event) char buffer[16 << 10];
	const struct inotify_event *e;
	bool changed = false;
	ssize_t n;

	while ((n = io_read(v->files, buffer, sizeof(buffer))) > 0)
		for (char *at = buffer; at < buffer + n; at += sizeof(*e) + e->len) {
			e = (const struct inotify_event *)at;
			if (e->wd != v->queue_watch && e->wd != v->drop_watch)
				forget_blocked(&v->r);
			changed = changed || (e->wd != v->queue_watch && e->wd != v->drop_watch &&
						     e->wd != v->kick_watch);
		}
	/* a configuration that has changed may name other files */
	if (changed)
		watch_settings(v);
	if (v->ready < clock_in(SETTLE))
		v->ready = clock_in(SETTLE);
}

/* Wakes at a time of the wall clock, after a suspended machine and a clock that was set, too. */
static void
set_timer(struct serve *v, int64_t when)
{
	struct itimerspec t = { .it_value.tv_sec = when == INT64_MAX ? 0 : (time_t)when };

	timerfd_settime(v->timer, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &t, NULL);
}

/* Waits until something is to be done. */
static void
wait_for_work(struct serve *v)
{
	struct pollfd p[] = { { v->signals, POLLIN, 0 }, { v->timer, POLLIN, 0 },
		{ v->files, POLLIN, 0 } };
	uint64_t ticks;

	do {
		if (poll(p, 3, clock_left(v->beat)) < 0 && errno != EINTR)
			return;
		if (p[0].revents)
			take_signals(v);
		if (p[1].revents)
			(void)!read(v->timer, &ticks, sizeof(ticks));
		if (p[2].revents)
			take_files(v);
	} while (!v->ended && !p[0].revents && !p[1].revents && !p[2].revents &&
		 clock_ms() < v->beat);
}

/* Many events in a row make few scans. */
static void
rest(struct serve *v)
{
	struct pollfd p = { v->signals, POLLIN, 0 };

	while (!v->ended && clock_ms() < v->ready) {
		if (poll(&p, 1, clock_left(v->ready)) > 0)
			take_signals(v);
	}
}

static void
beat(struct serve *v)
{
	if (clock_ms() < v->beat)
		return;
	runner_tidy(&v->r);
	v->beat = clock_in(HEARTBEAT_REFRESH * CLOCK_SECOND);
}

bool
runner_serve(struct spool *s, const struct runner_settings *settings,
	const struct runner_callbacks *cb, struct error *err)
{
	struct error trouble = ERROR_NONE;
	struct serve v;
	int64_t start_ms, cost;
	bool good;

	memset(&v, 0, sizeof(v));
	runner_init(&v.r, s, settings, cb);
	good = start(&v, err);
	while (good && !v.ended) {
		beat(&v);
		start_ms = clock_ms();
		if (!runner_pass(&v.r, &trouble)) {
			runner_trouble(cb, &trouble);
			error_clear(&trouble);
			v.r.result.next = clock_wall() + STUCK;
		}
		cost = (clock_ms() - start_ms) * SHARE;
		v.ready = clock_in(cost < REST ? cost : REST);
		set_timer(&v, v.r.result.next);
		if (!v.r.progress)
			wait_for_work(&v);
		else
			take_signals(&v);
		rest(&v);
	}
	finish(&v);
	return good;
}
