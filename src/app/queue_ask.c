#include "queue_ask.h"

#include <stdio.h>
#include <unistd.h>

#include "args.h"
#include "error.h"
#include "peer.h"
#include "queue.h"
#include "queueing.h"
#include "service.h"
#include "strbuf.h"

static const struct peer *asker;

void
queue_ask_for(const struct peer *peer)
{
	asker = peer;
}

const struct peer *
queue_asker(void)
{
	return asker;
}

bool
queue_may_look(const struct profile *account)
{
	struct strbuf path = STRBUF_INIT(4096);
	bool may;

	/* the spool itself is root's in a system; its runner owns what is in it */
	spool_add_path(&path, account);
	may = geteuid() == 0 || (path.len && !path.full && spool_owner(path.s) == geteuid() &&
					access(path.s, X_OK) == 0);
	strbuf_done(&path);
	return may;
}

bool
queue_by_service(const struct arguments *args, int *ret_status)
{
	struct error err = ERROR_NONE;
	struct profile account;
	bool mine;

	if (asker || profile_is_set(&args->given, OPT_QUEUE_DIR) ||
		!service_settings(args, &account, NULL))
		return false;
	mine = profile_choice(&account, OPT_SUBMIT) != 1 || queue_may_look(&account);
	if (!mine && !service_talk(&account, args, SERVICE_COMMAND, ret_status, &err)) {
		fprintf(stderr, "%s: unable to ask for the queue: %s\n", args->program, err.text);
		*ret_status = fault_status(err.fault);
	}
	profile_done(&account);
	return !mine;
}

struct looking {
	const struct queue_view *v;
	bool failed;
	void (*each)(void *ctx, const char *id);
	void *ctx;
};

bool
queue_is_absent(const struct queue_view *v, const char *id)
{
	struct entry e = ENTRY_NONE;
	bool absent = spool_look(v->spool, id, false, &e, NULL) == SPOOL_GONE;

	entry_done(&e);
	e = (struct entry)ENTRY_NONE;
	absent = absent && spool_look(v->spool, id, true, &e, NULL) == SPOOL_GONE;
	entry_done(&e);
	return absent;
}

bool
queue_may_see(const struct queue_view *v, const char *id)
{
	struct entry e = ENTRY_NONE;
	bool may =
		v->everybody ||
		(spool_look(v->spool, id, v->failed, &e, NULL) == SPOOL_CLAIMED && e.uid == v->uid);

	entry_done(&e);
	return may;
}

static bool
look(void *ctx, const char *id)
{
	const struct looking *l = ctx;
	struct queue_view v = *l->v;

	v.failed = l->failed;
	if (queue_may_see(&v, id))
		l->each(l->ctx, id);
	return true;
}

void
queue_each(
	const struct queue_view *v, bool failed, void (*each)(void *ctx, const char *id), void *ctx)
{
	struct looking l = { v, failed, each, ctx };
	struct error ignored = ERROR_NONE;

	(void)!spool_names(v->spool, failed, look, &l, &ignored);
}

static void
count(void *ctx, const char *id)
{
	(void)id;
	++*(unsigned long *)ctx;
}

unsigned long
queue_count(const struct queue_view *v, bool failed)
{
	unsigned long n = 0;

	queue_each(v, failed, count, &n);
	return n;
}
