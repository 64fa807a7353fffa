#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "breaker.h"
#include "clock.h"
#include "courier.h"
#include "entry.h"
#include "error.h"
#include "network.h"
#include "privilege.h"
#include "queue.h"
#include "queue_ask.h"
#include "queueing.h"
#include "service.h"
#include "strbuf.h"

/* A flush that waits for others. */
struct waiting {
	struct spool *spool;
	const struct runner_settings *settings;
	const char *program;
	int64_t deadline;
};

static bool
is_asked_for(const struct waiting *w, const char *id)
{
	const char *account = w->settings->only_account;
	struct entry e = ENTRY_NONE;
	bool asked;

	if (w->settings->only_id)
		return strcmp(id, w->settings->only_id) == 0;
	asked = !account || (spool_look(w->spool, id, false, &e, NULL) == SPOOL_CLAIMED &&
				    strcmp(e.account, account) == 0);
	entry_done(&e);
	return asked;
}

/* Until nobody else has the entry. */
static bool
wait_for(void *ctx, const char *id)
{
	const struct waiting *w = ctx;
	struct error why = ERROR_NONE;
	struct entry e = ENTRY_NONE;
	enum spool_claim got;
	int64_t ms = 0;

	if (!is_asked_for(w, id))
		return true;
	while ((got = spool_claim(w->spool, id, false, &e, &why)) == SPOOL_BUSY &&
		clock_left(w->deadline))
		queueing_pause(&ms);
	if (got == SPOOL_DAMAGED)
		fprintf(stderr, "%s: %s\n", w->program, why.text);
	entry_done(&e);
	return clock_left(w->deadline) != 0;
}

/* flush --wait: what others are at is left to them first; what they leave is tried then. */
static void
wait_for_others(
	struct spool *s, const struct arguments *args, const struct runner_settings *settings)
{
	uint64_t seconds = profile_number(&args->given, OPT_WAIT);
	struct waiting w = { s, settings, args->program, 0 };
	struct error ignored = ERROR_NONE;

	w.deadline = clock_in((int64_t)seconds * CLOCK_SECOND);
	(void)!spool_names(s, false, wait_for, &w, &ignored);
}

struct release {
	struct spool *spool;
	int64_t now;
};

static void
release_account(void *ctx, const struct breaker *b)
{
	const struct release *r = ctx;
	struct error ignored = ERROR_NONE;

	if (!breaker_is_held(b->kind))
		(void)!breaker_release(r->spool, b->account, r->now, &ignored);
}

static bool
run_once(struct spool *s, struct courier *c, struct runner_settings *settings, enum queue_run how,
	struct queue_left *ret, struct error *err)
{
	struct runner_callbacks cb = courier_callbacks(c);
	struct release r = { s, clock_wall() };
	struct runner_result result = { 0 };
	struct error ignored = ERROR_NONE;
	bool good;

	settings->flush = how == QUEUE_RUN_FLUSH;
	if (how == QUEUE_RUN_DUE)
		(void)!breaker_each(s, r.now, release_account, &r, &ignored);
	good = runner_run(s, settings, &cb, &result, err);
	ret->all = result.deferred + result.uncertain + result.busy + result.left + result.failed +
		   result.trouble;
	ret->busy = result.busy;
	return good;
}

/* What one user may leave in the in-tray. */
static struct spool_limits
drop_limits(const struct arguments *args)
{
	struct spool_limits limits = { .messages = 0 };
	struct profile account;

	if (!service_settings(args, &account, NULL))
		return limits;
	limits.messages = (unsigned)profile_number(&account, OPT_USER_MESSAGES);
	limits.octets = profile_number(&account, OPT_USER_OCTETS);
	limits.message_octets = profile_number(&account, OPT_MESSAGE_OCTETS);
	profile_done(&account);
	return limits;
}

/* Who asks for a flush is told as who submits is: as JSON, as a person, or else by records. */
static enum courier_show
choose_show(const struct arguments *args, enum queue_run how)
{
	if (how != QUEUE_RUN_FLUSH && how != QUEUE_RUN_ONCE)
		return COURIER_RECORDS;
	if (profile_is_set(&args->given, OPT_JSON))
		return COURIER_JSON;
	return how == QUEUE_RUN_FLUSH && (queue_asker() || isatty(STDOUT_FILENO)) ? COURIER_RECEIPTS
										  : COURIER_RECORDS;
}

/* The queue of a system has a runner of its own, who alone talks to the smarthost, in a sandbox:
 * root becomes it. CREATE: the spool is made where it is missing. */
static bool
become_runner(const char *path, bool create, struct error *err)
{
	struct passwd *runner;

	if (!spool_is_system(path))
		return true;
	network_box();
	if (create && !spool_prepare(path, err))
		return false;
	if (geteuid() != 0 || spool_owner(path) == 0)
		return true;
	runner = getpwuid(spool_owner(path));
	return !runner || privilege_switch(runner->pw_name, err);
}

bool
queue_run(const struct arguments *args, const char *path, enum queue_run how, const char *id,
	const char *account, struct queue_left *ret, struct error *err)
{
	struct spool s;
	struct courier c;
	struct runner_callbacks cb;
	struct strbuf heartbeat = STRBUF_INIT(4096);
	struct runner_settings settings = { .only_id = id, .only_account = account };
	bool good, serve = how == QUEUE_RUN_SERVE;
	/* a runner waits for its first message */
	bool create = serve || how == QUEUE_RUN_ONCE;

	*ret = (struct queue_left){ 0 };
	if (!become_runner(path, create, err) || !spool_open(&s, path, create, err))
		return false;
	spool_add_heartbeat(&heartbeat, path);
	if (serve || how == QUEUE_RUN_ONCE)
		settings.heartbeat = heartbeat.s;
	settings.drops = drop_limits(args);
	courier_init(&c, args, path, NULL);
	c.tray = &s;
	settings.drops.may = courier_admit;
	settings.drops.may_ctx = &c;
	c.quiet = profile_is_set(&args->given, OPT_QUIET) ||
		  args->personality == PERSONALITY_SENDMAIL;
	c.show = choose_show(args, how);
	if (serve) {
		cb = courier_callbacks(&c);
		cb.watched = courier_watched;
		good = runner_serve(&s, &settings, &cb, err);
	} else {
		if (how == QUEUE_RUN_FLUSH && profile_is_set(&args->given, OPT_WAIT))
			wait_for_others(&s, args, &settings);
		good = run_once(&s, &c, &settings, how, ret, err);
	}
	courier_done(&c);
	strbuf_done(&heartbeat);
	spool_close(&s);
	return good;
}
