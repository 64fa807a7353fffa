#include "courier.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"
#include "courier_log.h"
#include "fallback.h"
#include "identity.h"
#include "peer.h"
#include "queueing.h"
#include "report.h"
#include "smarthost.h"
#include "stamp.h"
#include "text.h"
#include "token.h"

void
courier_init(
	struct courier *c, const struct arguments *args, const char *spool, struct submission *lent)
{
	*c = (struct courier){ .system = spool_is_system(spool) };
	c->s = lent ? lent : &c->own;
	if (!lent) {
		*c->s = (struct submission){ .args = args,
			.message = MESSAGE_NONE,
			.envelope = ENVELOPE_NONE,
			.smarthost = SMARTHOST_NONE,
			.started = clock_ms(),
			.queue = QUEUEING_NONE };
		profile_init(&c->s->account, "", "");
		wire_report_init(&c->s->report);
	}
	c->where = submission_sources(c->s);
	if (!lent)
		return;
	c->loaded = true;
	c->stamp = stamp_of(&c->where, NULL);
	c->account_stamp = stamp_of(&c->where, &lent->account);
	snprintf(c->account, sizeof(c->account), "%s", lent->account.name);
}

void
courier_done(struct courier *c)
{
	struct submission *s = c->s;

	submission_disconnect(s);
	address_done(&c->bounce_from);
	if (s != &c->own)
		return;
	wire_report_done(&s->report);
	profile_done(&s->account);
	profile_done(&s->fallback);
	profile_list_done(&s->accounts);
}

/* Reads the configuration, if it is not what was read before. */
static bool
reload(struct courier *c, struct error *err)
{
	uint64_t now = stamp_of(&c->where, NULL);

	if (!c->loaded || now != c->stamp) {
		submission_disconnect(c->s);
		profile_list_done(&c->s->accounts);
		error_clear(&c->unreadable);
		c->loaded = true;
		c->stamp = now;
		c->account_stamp = 0;
		(void)!profile_load(&c->where, &c->s->accounts, &c->unreadable);
	}
	if (!c->unreadable.fault)
		return true;
	*err = c->unreadable;
	return false;
}

/* True iff the account NAME is in use, as it is configured now. */
static bool
is_current(struct courier *c, const char *name)
{
	return c->account_stamp && strcmp(c->account, name) == 0 &&
	       stamp_of(&c->where, &c->s->account) == c->account_stamp;
}

/* Makes the account NAME the one in use, as it is configured now. */
static bool
choose(struct courier *c, const char *name, uint64_t *ret_stamp, struct error *err)
{
	struct submission *s = c->s;
	struct profile *found;
	bool good;

	*ret_stamp = stamp_of(&c->where, NULL);
	if (!reload(c, err))
		return false;
	*ret_stamp = c->account_stamp;
	if (is_current(c, name))
		return true;
	found = profile_select(&s->accounts, *name ? name : NULL, NULL, err);
	if (!found)
		return false;
	submission_disconnect(s);
	s->used = NULL;
	profile_done(&s->account);
	profile_init(&s->account, found->name, found->origin);
	profile_override(&s->account, found);
	*ret_stamp = stamp_of(&c->where, &s->account);
	snprintf(c->account, sizeof(c->account), "%s", name);
	good = profile_check(&s->account, err) && fallback_check(s, err);
	c->account_stamp = good ? *ret_stamp : 0;
	return good;
}

/* A local sender is told where the aliases lead. */
static bool
resolve_sender(void *ctx, const struct address *sender, struct address_list *ret, struct error *err)
{
	struct submission *s = ctx;
	struct envelope refused = ENVELOPE_NONE;
	bool good;

	address_list_add(ret, sender);
	if (sender->domain && !identity_is_local(sender->domain))
		return true;
	good = recipients_resolve(s, ret, &refused, err);
	envelope_done(&refused);
	return good;
}

struct bounce_settings
courier_bounce_settings(struct submission *s, const struct profile *account)
{
	return (struct bounce_settings){
		.host = identity_host(),
		.domain = identity_domain(account),
		.resolve = resolve_sender,
		.ctx = s,
	};
}

static bool
fill_limits(struct courier *c, struct runner_account *ret, struct error *err)
{
	const struct profile *p = &c->s->account;
	const char *rate = profile_text(p, OPT_RATE), *from = profile_text(p, OPT_BOUNCE_FROM);

	ret->connections = (unsigned)profile_number(p, OPT_CONNECTIONS);
	ret->per_connection = (unsigned)profile_number(p, OPT_MESSAGES_PER_CONNECTION);
	ret->uncertain = (enum schedule_doubt)profile_choice(p, OPT_UNCERTAIN);
	ret->delay_warning = (int64_t)profile_number(p, OPT_DELAY_WARNING);
	if (rate && !clock_parse_rate(rate, &ret->rate, &ret->rate_seconds, err))
		return error_prefix(err, "rate");
	address_done(&c->bounce_from);
	if (from && !address_parse_sender(from, strlen(from), &c->bounce_from, err))
		return error_prefix(err, "bounce-from");
	ret->bounce_from = from ? &c->bounce_from : NULL;
	ret->bounce = courier_bounce_settings(c->s, p);
	return true;
}

static bool
find_account(void *ctx, const char *name, struct runner_account *ret, struct error *err)
{
	struct courier *c = ctx;

	*ret = (struct runner_account){ .stamp = 0 };
	return choose(c, name, &ret->stamp, err) && fill_limits(c, ret, err);
}

bool
courier_admit(void *ctx, const struct entry *e, struct error *err)
{
	struct courier *c = ctx;
	struct error why = ERROR_NONE;
	struct profile *account;
	struct peer owner;

	if (!reload(c, &why))
		return error_set(err, FAULT_TEMPORARY, "%s", why.text);
	account = profile_select(&c->s->accounts, *e->account ? e->account : NULL, NULL, &why);
	if (!account)
		return error_set(err, FAULT_PERMISSION, "%s", why.text);
	peer_of_uid(&owner, e->uid);
	return peer_may_send(
		       &owner, account, &e->envelope.sender, message_size(&e->message), err) &&
	       peer_take_leave(&owner, account, c->tray, err);
}

static void
progress(void *ctx, enum wire_mark mark)
{
	(void)ctx;
	if (mark == WIRE_SENT)
		runner_mark_sent();
}

/* The submission carries E's message. */
static bool
carry(struct submission *s, struct entry *e, struct error *err)
{
	const struct peer *lent = s->peer;
	struct peer owner;
	bool good;

	s->envelope = e->envelope;
	s->message = e->message;
	s->when = clock_wall();
	/* an account that stands in may not be for everybody */
	if (e->uid != geteuid() && profile_unless_none(&s->account, OPT_FALLBACK)) {
		peer_of_uid(&owner, e->uid);
		s->peer = &owner;
	}
	good = submission_attempt(s, 0, progress, NULL, err);
	e->envelope = s->envelope;
	e->message = s->message;
	s->envelope = (struct envelope)ENVELOPE_NONE;
	s->message = (struct message)MESSAGE_NONE;
	s->peer = lent;
	return good;
}

static bool
deliver(void *ctx, struct entry *e, bool more, struct runner_delivery *ret, struct error *err)
{
	struct courier *c = ctx;
	struct wire_report *report = &c->s->report;
	struct strbuf id = STRBUF_INIT(sizeof(ret->queue_id) - 1);
	uint64_t stamp;
	bool good;

	(void)more;
	*ret = (struct runner_delivery){ .host = "" };
	wire_report_next(report);
	good = choose(c, e->account, &stamp, err) && carry(c->s, e, err);
	if (!good)
		envelope_fail_pending(&e->envelope, err);
	snprintf(ret->host, sizeof(ret->host), "%s", report->host);
	report_add_queue_id(&id, report->words);
	snprintf(ret->queue_id, sizeof(ret->queue_id), "%s", id.s);
	strbuf_done(&id);
	return good;
}

static void
disconnect(void *ctx)
{
	struct courier *c = ctx;

	submission_disconnect(c->s);
}

struct runner_callbacks
courier_callbacks(struct courier *c)
{
	return (struct runner_callbacks){
		.ctx = c,
		.account = find_account,
		.deliver = deliver,
		.disconnect = disconnect,
		.event = courier_event,
		.breaker = courier_breaker,
		.trouble = courier_trouble,
	};
}

static void
add_directory(void *ctx, const char *path)
{
	char ***list = ctx, **at = *list;
	const char *slash = strrchr(path, '/');
	size_t n = 0;

	if (!slash || slash == path)
		return;
	for (; at && at[n]; n++)
		if (strlen(at[n]) == (size_t)(slash - path) &&
			strncmp(at[n], path, (size_t)(slash - path)) == 0)
			return;
	at = xreallocarray(at, n + 2, sizeof(*at));
	at[n] = xstrndup(path, (size_t)(slash - path));
	at[n + 1] = NULL;
	*list = at;
}

char **
courier_watched(void *ctx)
{
	struct courier *c = ctx;
	static const enum option_id named[] = { OPT_PASSWORD_FILE, OPT_NETRC };
	struct strbuf mark = STRBUF_INIT(8192);
	struct error ignored = ERROR_NONE;
	char **list = xcalloc(1, sizeof(*list));
	const char *path;

	profile_each_file(&c->where, add_directory, &list);
	/* what cannot be read now is read when it has changed */
	(void)!reload(c, &ignored);
	for (size_t i = 0; i < c->s->accounts.n; i++) {
		strbuf_clear(&mark);
		token_add_mark(&mark, &c->s->accounts.v[i], true);
		add_directory(&list, mark.s);
	}
	strbuf_done(&mark);
	for (size_t i = 0; i < c->s->accounts.n; i++)
		for (size_t j = 0; j < sizeof(named) / sizeof(*named); j++) {
			path = profile_text(&c->s->accounts.v[i], named[j]);
			if (path && *path == '/')
				add_directory(&list, path);
		}
	return list;
}
