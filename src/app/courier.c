#include "courier.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"
#include "courier_log.h"
#include "identity.h"
#include "queueing.h"
#include "report.h"
#include "smarthost.h"
#include "stamp.h"
#include "text.h"
#include "way.h"

void
courier_init(struct courier *c, const struct arguments *args, const char *spool)
{
	*c = (struct courier){ .system = spool_is_system(spool) };
	c->s.args = args;
	c->s.message = (struct message)MESSAGE_NONE;
	c->s.started = clock_ms();
	c->s.queue = (struct queueing)QUEUEING_NONE;
	profile_init(&c->s.account, "", "");
	wire_report_init(&c->s.report);
	c->where = submission_sources(&c->s);
}

static void
hang_up(struct courier *c)
{
	way_free(c->way);
	c->way = NULL;
}

void
courier_done(struct courier *c)
{
	hang_up(c);
	address_done(&c->bounce_from);
	wire_report_done(&c->s.report);
	profile_done(&c->s.account);
	profile_list_done(&c->s.accounts);
}

/* Reads the configuration, if it is not what was read before. */
static bool
reload(struct courier *c, struct error *err)
{
	uint64_t now = stamp_of(&c->where, NULL);

	if (!c->loaded || now != c->stamp) {
		profile_list_done(&c->s.accounts);
		error_clear(&c->unreadable);
		c->loaded = true;
		c->stamp = now;
		c->account_stamp = 0;
		(void)!profile_load(&c->where, &c->s.accounts, &c->unreadable);
	}
	if (!c->unreadable.fault)
		return true;
	*err = c->unreadable;
	return false;
}

/* Makes the account NAME the one in use, as it is configured now. */
static bool
choose(struct courier *c, const char *name, uint64_t *ret_stamp, struct error *err)
{
	struct submission *s = &c->s;
	struct profile *found;
	bool good;

	*ret_stamp = stamp_of(&c->where, NULL);
	if (!reload(c, err))
		return false;
	found = profile_select(&s->accounts, *name ? name : NULL, NULL, err);
	if (!found)
		return false;
	profile_done(&s->account);
	profile_init(&s->account, found->name, found->origin);
	profile_override(&s->account, found);
	*ret_stamp = stamp_of(&c->where, &s->account);
	snprintf(c->account, sizeof(c->account), "%s", name);
	good = profile_check(&s->account, err);
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
	const struct profile *p = &c->s.account;
	const char *rate = profile_text(p, OPT_RATE), *from = profile_text(p, OPT_BOUNCE_FROM);

	ret->connections = (unsigned)profile_number(p, OPT_CONNECTIONS);
	ret->per_connection = (unsigned)profile_number(p, OPT_MESSAGES_PER_CONNECTION);
	ret->uncertain = (enum schedule_doubt)profile_choice(p, OPT_UNCERTAIN);
	ret->delay_warning = (int64_t)profile_number(p, OPT_DELAY_WARNING);
	if (rate && !rate_parse(rate, &ret->rate, &ret->rate_seconds, err))
		return error_prefix(err, "rate");
	address_done(&c->bounce_from);
	if (from && !address_parse_sender(from, strlen(from), &c->bounce_from, err))
		return error_prefix(err, "bounce-from");
	ret->bounce_from = from ? &c->bounce_from : NULL;
	ret->bounce = courier_bounce_settings(&c->s, p);
	return true;
}

static bool
find_account(void *ctx, const char *name, struct runner_account *ret, struct error *err)
{
	struct courier *c = ctx;

	*ret = (struct runner_account){ .stamp = 0 };
	return choose(c, name, &ret->stamp, err) && fill_limits(c, ret, err);
}

/* The connection for the account NAME, with the settings that hold now. */
static bool
prepare(struct courier *c, const char *name, struct error *err)
{
	uint64_t stamp;

	if (!reload(c, err))
		return false;
	if (strcmp(c->account, name) != 0 || !c->account_stamp ||
		stamp_of(&c->where, &c->s.account) != c->account_stamp) {
		if (!choose(c, name, &stamp, err))
			return false;
	}
	if (c->way && c->way_stamp != c->account_stamp)
		hang_up(c);
	if (!c->way)
		c->way = way_open(&c->s, &c->s.account, err);
	c->way_stamp = c->account_stamp;
	return c->way != NULL;
}

static void
progress(void *ctx, enum wire_mark mark)
{
	(void)ctx;
	if (mark == WIRE_SENT)
		runner_mark_sent();
}

static void
fail_pending(struct envelope *e, const struct error *why)
{
	for (size_t i = 0; i < e->count; i++)
		if (e->recipients[i].outcome == OUTCOME_PENDING)
			recipient_fail(&e->recipients[i], why);
}

static bool
deliver(void *ctx, struct entry *e, bool more, struct runner_delivery *ret, struct error *err)
{
	struct courier *c = ctx;
	struct wire_report *report = &c->s.report;
	struct strbuf id = STRBUF_INIT(sizeof(ret->queue_id) - 1);
	bool good;

	(void)more;
	*ret = (struct runner_delivery){ .host = "" };
	wire_report_next(report);
	if (!prepare(c, e->account, err)) {
		fail_pending(&e->envelope, err);
		return false;
	}
	good = way_deliver(c->way, &e->envelope, &e->message, 0, progress, NULL, report, err);
	snprintf(ret->host, sizeof(ret->host), "%s", report->host);
	report_add_queue_id(&id, report->words);
	snprintf(ret->queue_id, sizeof(ret->queue_id), "%s", id.s);
	strbuf_done(&id);
	return good;
}

static void
disconnect(void *ctx)
{
	hang_up(ctx);
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

void
courier_take_way(struct courier *c, struct way *w, const char *name)
{
	struct error ignored = ERROR_NONE;
	uint64_t stamp;

	if (!choose(c, name, &stamp, &ignored)) {
		way_free(w);
		return;
	}
	hang_up(c);
	c->way = w;
	c->way_stamp = c->account_stamp;
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
courier_watched(const struct courier *c)
{
	char **list = xcalloc(1, sizeof(*list));

	profile_each_file(&c->where, add_directory, &list);
	for (size_t i = 0; i < c->s.accounts.n; i++)
		for (int id = 0; id < OPT_COUNT; id++)
			if (id == OPT_PASSWORD_FILE &&
				profile_is_set(&c->s.accounts.v[i], (enum option_id)id))
				add_directory(&list,
					profile_text(&c->s.accounts.v[i], OPT_PASSWORD_FILE));
	return list;
}
