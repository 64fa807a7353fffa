#include "resolve.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"

/* Shared by the thread that asks and the one that waits; the last one frees it, because a query
 * cannot be called off. */
struct query {
	atomic_int holders;
	int done; /* eventfd: wakes the one that waits */
	atomic_bool answered;
	char *host;
	char port[8];
	struct addrinfo hints, *answer;
	int result, sys;
};

static void
query_release(struct query *q)
{
	if (atomic_fetch_sub(&q->holders, 1) > 1)
		return;
	if (q->answer)
		freeaddrinfo(q->answer);
	close(q->done);
	free(q->host);
	free(q);
}

/* Runs in the thread: must not use alloc.h, whose handler is made for the main thread. */
static void *
ask(void *ctx)
{
	struct query *q = ctx;

	errno = 0;
	q->result = getaddrinfo(q->host, q->port, &q->hints, &q->answer);
	q->sys = errno;
	atomic_store(&q->answered, true);
	eventfd_write(q->done, 1);
	query_release(q);
	return NULL;
}

/* Starts the thread with all signals blocked: they are for the main thread. */
static int
query_start(struct query *q)
{
	pthread_attr_t attributes;
	sigset_t all, old;
	pthread_t thread;
	int sys;

	sigfillset(&all);
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	atomic_fetch_add(&q->holders, 1);
	sys = pthread_create(&thread, &attributes, ask, q);
	if (sys)
		atomic_fetch_sub(&q->holders, 1);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attributes);
	return sys;
}

static bool
query_wait(struct query *q, int64_t deadline)
{
	struct pollfd p = { .fd = q->done, .events = POLLIN };
	int got;

	do
		got = poll(&p, 1, clock_left(deadline));
	while (got < 0 && errno == EINTR);
	return atomic_load(&q->answered);
}

int
resolve(const char *host, uint16_t port, int family, int64_t deadline, struct addrinfo **ret)
{
	struct query *q;
	char service[8];
	int rc, sys;
	const struct addrinfo hints = {
		.ai_family = family, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV
	};
	struct addrinfo numeric = hints;

	snprintf(service, sizeof(service), "%u", port);
	numeric.ai_flags |= AI_NUMERICHOST;
	if (!getaddrinfo(host, service, &numeric, ret))
		return 0;

	q = xcalloc(1, sizeof(*q));
	q->holders = 1;
	q->hints = hints;
	q->host = xstrdup(host);
	memcpy(q->port, service, sizeof(service));
	q->done = eventfd(0, EFD_CLOEXEC);
	sys = q->done < 0 ? errno : query_start(q);
	if (sys) {
		query_release(q);
		errno = sys;
		return EAI_SYSTEM;
	}
	if (query_wait(q, deadline)) {
		rc = q->result;
		errno = q->sys;
		*ret = q->answer;
		q->answer = NULL;
	} else {
		rc = RESOLVE_LATE;
	}
	sys = errno;
	query_release(q);
	errno = sys;
	return rc;
}
