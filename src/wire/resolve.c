#include "resolve.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "errand.h"

struct query {
	struct errand errand;
	char *host;
	char port[8];
	struct addrinfo hints, *answer;
	int result, sys;
};

static void
query_drop(struct errand *e)
{
	struct query *q = (struct query *)e;

	if (q->answer)
		freeaddrinfo(q->answer);
	free(q->host);
	free(q);
}

static void
query_run(struct errand *e)
{
	struct query *q = (struct query *)e;

	errno = 0;
	q->result = getaddrinfo(q->host, q->port, &q->hints, &q->answer);
	q->sys = errno;
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
	q->errand.run = query_run;
	q->errand.drop = query_drop;
	q->hints = hints;
	q->host = xstrdup(host);
	memcpy(q->port, service, sizeof(service));
	sys = errand_run(&q->errand, deadline);
	rc = EAI_SYSTEM;
	if (sys == ETIMEDOUT) {
		rc = RESOLVE_LATE;
	} else if (!sys) {
		rc = q->result;
		sys = q->sys;
		*ret = q->answer;
		q->answer = NULL;
	}
	errand_release(&q->errand);
	errno = sys;
	return rc;
}
