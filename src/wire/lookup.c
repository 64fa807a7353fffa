#include "lookup.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <netinet/in.h>
#include <resolv.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "clock.h"
#include "errand.h"
#include "error.h"

#define QUESTION_MAX 512

struct question {
	struct errand errand;
	char name[DNS_NAME];
	enum dns_type type;
	bool trusted;
	char server[LOOKUP_SERVER];
	int n, sys; /* octets of the answer, -1 */
	uint8_t octets[DNS_MESSAGE];
};

static bool
is_loopback(const struct sockaddr *a)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)a;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)a;

	if (a->sa_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
	return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
}

static void
print_server(const struct sockaddr *a, char server[LOOKUP_SERVER])
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)a;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)a;

	if (a->sa_family == AF_INET6)
		inet_ntop(AF_INET6, &v6->sin6_addr, server, LOOKUP_SERVER);
	else
		inet_ntop(AF_INET, &v4->sin_addr, server, LOOKUP_SERVER);
}

/* Whether what the servers say of DNSSEC may be believed: nobody can have changed it on a way that
 * does not leave this machine, and elsewhere it is the administrator's to judge (resolv.conf(5),
 * trust-ad). */
static bool
trusted(const struct __res_state *state, char server[LOOKUP_SERVER])
{
	struct sockaddr_storage a;
	bool all = state->nscount > 0;

	*server = '\0';
	for (int i = 0; i < state->nscount; i++) {
		memset(&a, 0, sizeof(a));
		if (state->nsaddr_list[i].sin_family)
			memcpy(&a, &state->nsaddr_list[i], sizeof(state->nsaddr_list[i]));
		else if (state->_u._ext.nsaddrs[i])
			memcpy(&a, state->_u._ext.nsaddrs[i], sizeof(struct sockaddr_in6));
		if (!*server)
			print_server((struct sockaddr *)&a, server);
		all = all && is_loopback((struct sockaddr *)&a);
	}
	return all || state->options & RES_TRUSTAD;
}

bool
lookup_can_vouch(char *server)
{
	struct __res_state state = { .options = 0 };
	char own[LOOKUP_SERVER];
	bool good;

	if (res_ninit(&state))
		return false;
	good = trusted(&state, server ? server : own);
	res_nclose(&state);
	return good;
}

static void
drop(struct errand *e)
{
	free(e);
}

static void
ask(struct errand *e)
{
	struct question *q = (struct question *)e;
	struct __res_state state = { .options = 0 };
	uint8_t question[QUESTION_MAX];
	int n;

	q->n = -1;
	if (res_ninit(&state)) {
		q->sys = errno;
		return;
	}
	q->trusted = trusted(&state, q->server);
	/* asks for AD, and keeps the resolver from taking it out of the answer */
	if (q->trusted)
		state.options |= RES_TRUSTAD;
	n = res_nmkquery(&state, ns_o_query, q->name, ns_c_in, (int)q->type, NULL, 0, NULL,
		question, sizeof(question));
	errno = 0;
	if (n > 0)
		q->n = res_nsend(&state, question, n, q->octets, sizeof(q->octets));
	q->sys = errno;
	res_nclose(&state);
}

static bool
fail(const struct question *q, const char *why, struct error *err)
{
	return error_at(err, STAGE_RESOLVE, FAULT_TEMPORARY, "cannot look %.100s up in the DNS: %s",
		q->name, why);
}

static bool
take(const struct question *q, struct lookup *l, struct error *err)
{
	if (q->n <= 0)
		return fail(q,
			q->sys == ETIMEDOUT || q->sys == ECONNREFUSED
				? "no name server has a good answer (it fails, or what it got is "
				  "bogus)"
				: "the resolver failed",
			err);
	memcpy(l->octets, q->octets, (size_t)q->n);
	memcpy(l->server, q->server, sizeof(l->server));
	if (!dns_parse(l->octets, (size_t)q->n, q->name, q->type, &l->answer) ||
		l->answer.truncated)
		return fail(q, "the answer is malformed", err);
	if (l->answer.code != DNS_NOERROR && l->answer.code != DNS_NXDOMAIN)
		return fail(q, "the name server failed", err);
	l->vouched = q->trusted && l->answer.authentic;
	return true;
}

struct lookup *
lookup_new(const char *name, enum dns_type type, int64_t deadline, struct error *err)
{
	struct question *q = xcalloc(1, sizeof(*q));
	struct lookup *l = NULL;
	size_t n = strlen(name);
	bool good;
	int sys;

	q->errand.run = ask;
	q->errand.drop = drop;
	q->type = type;
	if (n && name[n - 1] == '.')
		n--;
	if (n >= sizeof(q->name)) {
		free(q);
		error_at(err, STAGE_RESOLVE, FAULT_NOHOST, "%.100s is too long for a name", name);
		return NULL;
	}
	memcpy(q->name, name, n);
	sys = errand_run(&q->errand, deadline);
	if (sys) {
		fail(q, sys == ETIMEDOUT ? "no answer in time" : strerrordesc_np(sys), err);
	} else {
		l = xcalloc(1, sizeof(*l));
		good = take(q, l, err);
		if (!good) {
			lookup_free(l);
			l = NULL;
		}
	}
	errand_release(&q->errand);
	return l;
}

void
lookup_free(struct lookup *l)
{
	free(l);
}
