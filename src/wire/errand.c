#include "errand.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "clock.h"

void
errand_release(struct errand *e)
{
	if (atomic_fetch_sub(&e->holders, 1) > 1)
		return;
	if (e->done >= 0)
		close(e->done);
	e->drop(e);
}

static void *
run(void *ctx)
{
	struct errand *e = ctx;

	e->run(e);
	atomic_store(&e->finished, true);
	eventfd_write(e->done, 1);
	errand_release(e);
	return NULL;
}

/* Starts the thread with all signals blocked: they are for the main thread. */
static int
start(struct errand *e)
{
	pthread_attr_t attributes;
	sigset_t all, old;
	pthread_t thread;
	int sys;

	sigfillset(&all);
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	atomic_fetch_add(&e->holders, 1);
	sys = pthread_create(&thread, &attributes, run, e);
	if (sys)
		atomic_fetch_sub(&e->holders, 1);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attributes);
	return sys;
}

int
errand_run(struct errand *e, int64_t deadline)
{
	struct pollfd p = { .events = POLLIN };
	int sys, got;

	e->holders = 1;
	e->done = eventfd(0, EFD_CLOEXEC);
	sys = e->done < 0 ? errno : start(e);
	if (sys)
		return sys;
	p.fd = e->done;
	do
		got = poll(&p, 1, clock_left(deadline));
	while (got < 0 && errno == EINTR);
	return atomic_load(&e->finished) ? 0 : ETIMEDOUT;
}
