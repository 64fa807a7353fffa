#include "wish.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "alloc.h"
#include "clock.h"
#include "session_state.h"

#define BY_MOST 999999999 /* nine digits, RFC 2852 section 4 */

static bool
missing(const struct session *s, const char *extension, const char *setting, struct error *err)
{
	return error_at(err, STAGE_MAIL, FAULT_UNAVAILABLE,
		"%s does not offer %s, which %s asks for: nothing was sent", s->host, extension,
		setting);
}

/* Seconds for which the server is to hold the message; 0: none. */
static int64_t
hold_left(const struct wishes *w)
{
	int64_t now = clock_wall();

	return w->hold_until > now ? w->hold_until - now : 0;
}

/* Seconds until the message is late: zero or less where it is. Each server on its way is told what
 * those before it have left (RFC 2852 section 4). */
static int64_t
time_left(const struct wishes *w)
{
	int64_t left = w->deliver_by - clock_wall();

	return left > BY_MOST ? BY_MOST : left < -BY_MOST ? -BY_MOST : left;
}

/* True iff what RFC 8689 asks of the connection is there. */
static bool
can_require_tls(const struct session *s)
{
	return stream_is_tls(&s->stream) && s->report->tls.verified && s->capability.require_tls;
}

static bool
with_code(struct error *err, unsigned short subject, unsigned short detail)
{
	if (err)
		err->code = (struct enhanced){ 5, subject, detail };
	return false;
}

/* RFC 8689 section 4.2.1: the first hop must be what is demanded of the others. */
static bool
check_require_tls(const struct session *s, struct error *err)
{
	if (s->settings->wishes.tls != TLS_WISH_YES || can_require_tls(s))
		return true;
	if (!stream_is_tls(&s->stream) || !s->report->tls.verified)
		error_at(err, STAGE_MAIL, FAULT_UNAVAILABLE,
			"require-tls asks for verified TLS on the whole way, and %s is not reached "
			"by it: nothing was sent",
			s->host);
	else
		missing(s, "REQUIRETLS", "require-tls", err);
	return with_code(err, 7, 30);
}

static bool
check_deliver_by(const struct session *s, struct error *err)
{
	const struct wishes *w = &s->settings->wishes;
	uint64_t least = s->capability.deliver_by_min;
	int64_t left = time_left(w);

	if (w->late == LATE_WISH_NONE)
		return true;
	if (w->late == LATE_WISH_RETURN && left <= 0) {
		error_at(err, STAGE_MAIL, FAULT_UNAVAILABLE,
			"the time that deliver-by leaves for it is over: nothing was sent");
		return with_code(err, 4, 7);
	}
	if (!s->capability.deliver_by)
		return missing(s, "DELIVERBY", "deliver-by", err);
	/* RFC 2852 section 3: the server's minimum is for returns */
	if (w->late == LATE_WISH_NOTIFY || left >= (int64_t)least || least > (uint64_t)INT64_MAX)
		return true;
	return error_at(err, STAGE_MAIL, FAULT_UNAVAILABLE,
		"%s returns messages after %llu seconds at the soonest, deliver-by asks for %lld: "
		"nothing was sent",
		s->host, (unsigned long long)least, (long long)left);
}

static bool
check_hold(const struct session *s, struct error *err)
{
	const struct capability *c = &s->capability;
	int64_t left = hold_left(&s->settings->wishes);
	struct strbuf last = STRBUF_INIT(64);

	if (!left)
		return true;
	if (!c->future_release)
		return missing(s, "FUTURERELEASE", "a message to be sent later", err);
	if (c->hold_max && (uint64_t)left > c->hold_max)
		return error_at(err, STAGE_MAIL, FAULT_UNAVAILABLE,
			"%s holds messages for %llu seconds at most, and this one is to be held "
			"for %lld: nothing was sent",
			s->host, (unsigned long long)c->hold_max, (long long)left);
	if (!c->hold_until_max || s->settings->wishes.hold_until <= c->hold_until_max)
		return true;
	clock_add_rfc3339(&last, c->hold_until_max);
	error_at(err, STAGE_MAIL, FAULT_UNAVAILABLE,
		"%s holds messages until %s at the latest: nothing was sent", s->host, last.s);
	strbuf_done(&last);
	return false;
}

bool
wish_check(const struct session *s, struct error *err)
{
	if (!check_require_tls(s, err) || !check_deliver_by(s, err) || !check_hold(s, err))
		return false;
	return !s->settings->wishes.priority_set || s->capability.priority ||
	       missing(s, "MT-PRIORITY", "priority", err);
}

void
wish_add_parameters(struct session *s, struct strbuf *line)
{
	const struct wishes *w = &s->settings->wishes;
	int64_t left = hold_left(w);
	size_t before = line->len;

	/* RFC 8689 section 5: for want of it no notification is given up */
	if (w->tls == TLS_WISH_YES || (w->tls == TLS_WISH_IF_OFFERED && can_require_tls(s)))
		strbuf_adds(line, " REQUIRETLS");
	if (w->late != LATE_WISH_NONE)
		strbuf_addf(line, " BY=%lld;%c", (long long)time_left(w),
			w->late == LATE_WISH_RETURN ? 'R' : 'N');
	if (w->priority_set)
		strbuf_addf(line, " MT-PRIORITY=%d", w->priority);
	/* not HOLDUNTIL: the server's clock may differ */
	if (left)
		strbuf_addf(line, " HOLDFOR=%lld", (long long)left);
	if (line->len > before)
		snprintf(s->report->asked, sizeof(s->report->asked), "%s", line->s + before + 1);
	if (w->mail_auth && s->capability.auth) {
		strbuf_adds(line, " AUTH=");
		if (strcmp(w->mail_auth, "<>") == 0)
			strbuf_adds(line, "<>");
		else
			dsn_add_xtext(line, w->mail_auth);
	}
}

bool
wish_admits_domain(struct session *s, const struct address *a)
{
	const char *domain = a->domain ? a->domain : "";
	size_t low = 0, high = s->domain_count, middle;
	int order;

	if (!s->capability.domain_max)
		return true;
	while (low < high) {
		middle = low + (high - low) / 2;
		order = strcasecmp(s->domains[middle], domain);
		if (!order)
			return true;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (s->domain_count >= s->capability.domain_max)
		return false;
	s->domains = xreallocarray(s->domains, s->domain_count + 1, sizeof(*s->domains));
	memmove(s->domains + low + 1, s->domains + low,
		(s->domain_count++ - low) * sizeof(*s->domains));
	s->domains[low] = xstrdup(domain);
	return true;
}
