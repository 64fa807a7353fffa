#include "queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "clock.h"
#include "error.h"
#include "peer.h"
#include "queue_ask.h"
#include "queueing.h"
#include "runner.h"
#include "status.h"
#include "strbuf.h"
#include "submission.h"

#define ATTENTION 1 /* exit status: a person should look at the queue */
#define PATHS     (1 << 20)

/* What a command has to work with. */
struct command_run {
	const struct arguments *args;
	struct strbuf paths;
	const char *verb;
	const char **operands;
	size_t count;
	struct queue_counts counts;
	struct breaker account; /* of the view */
	int status;             /* the worst so far */
};

static void
fail(struct command_run *c, const char *what, const struct error *err)
{
	int status = fault_status(err->fault);

	fprintf(stderr, "%s: unable to %s: %s\n", c->args->program, what, err->text);
	if (status > c->status)
		c->status = status;
}

static bool
given(const struct command_run *c, enum option_id id)
{
	return profile_is_set(&c->args->given, id);
}

/* Opens the spool at PATH. False where there is nothing to be seen: a spool that does not exist is
 * an empty one. */
static bool
open_spool(struct command_run *c, const char *path, struct spool *ret, struct queue_view *view)
{
	struct error why = ERROR_NONE;

	if (!spool_open(ret, path, false, &why)) {
		if (why.sys == EACCES)
			why.fault = FAULT_PERMISSION;
		if (why.sys != ENOENT)
			fail(c, "look at the queue", &why);
		return false;
	}
	c->account.kind = BREAKER_COUNT;
	*view = (struct queue_view){
		.account = &c->account,
		.spool = ret,
		.program = c->args->program,
		.json = given(c, OPT_JSON),
		.quiet = given(c, OPT_QUIET),
		.everybody = !queue_asker() || queue_asker()->uid == 0,
		.uid = queue_asker() ? queue_asker()->uid : getuid(),
		.now = clock_wall(),
		.out = stdout,
	};
	return true;
}

/* A configuration that cannot be read may mean other spools: what is listed then is not all. */
static void
find_spools(struct command_run *c)
{
	bool lists = strcmp(c->verb, "list") == 0 || c->args->mode == MODE_QUEUE_LIST;
	struct error err = ERROR_NONE;

	if (!queue_find_spools(c->args, &c->paths, &err) && (lists || !c->paths.len))
		fail(c, "find the queue", &err);
}

static void
list_spool(struct command_run *c, const char *path, bool failed)
{
	struct spool s;
	struct queue_view view;
	struct error err = ERROR_NONE;

	if (!open_spool(c, path, &s, &view))
		return;
	view.failed = failed;
	if ((failed || queue_list_accounts(&view, &c->counts, &err)) &&
		queue_list(&view, &c->counts, &err) && !failed)
		c->counts.failed += queue_count(&view, true);
	if (!failed)
		queue_list_damaged(&view, &c->counts);
	if (err.fault)
		fail(c, "list the queue", &err);
	spool_close(&s);
}

static void
list(struct command_run *c)
{
	struct queue_view end = {
		.json = given(c, OPT_JSON), .quiet = given(c, OPT_QUIET), .out = stdout
	};
	bool failed = c->count == 1 && strcmp(c->operands[0], "failed") == 0;
	struct error err = ERROR_NONE;

	if (c->count && !failed) {
		error_set(&err, FAULT_USAGE, "there is no list \"%.40s\" (list, or list failed)",
			c->operands[0]);
		fail(c, "list the queue", &err);
		return;
	}
	for (size_t at = 0; at < c->paths.len; at += strlen(c->paths.s + at) + 1)
		list_spool(c, c->paths.s + at, failed);
	end.failed = failed;
	if (!c->status)
		queue_list_end(&end, &c->counts);
	if (!c->status && queue_needs_attention(&c->counts))
		c->status = ATTENTION;
}

/* The spool that holds what TEXT means, opened; false with *ERR set. */
static bool
find_entry(struct command_run *c, const char *text, struct spool *s, struct queue_view *view,
	char id[ENTRY_ID + 1], struct error *err)
{
	struct error why = ERROR_NONE;
	bool failed;

	for (size_t at = 0; at < c->paths.len; at += strlen(c->paths.s + at) + 1) {
		if (!open_spool(c, c->paths.s + at, s, view))
			continue;
		error_clear(&why);
		if (queue_find(s, text, id, &failed, &why)) {
			view->failed = failed;
			return true;
		}
		spool_close(s);
		if (why.fault != FAULT_NOINPUT)
			break;
	}
	if (!why.fault)
		error_set(&why, FAULT_NOINPUT, "there is no entry \"%.40s\"", text);
	*err = why;
	return false;
}

static void
show(struct command_run *c)
{
	struct spool s;
	struct queue_view view;
	struct error err = ERROR_NONE;
	char id[ENTRY_ID + 1];

	if (!c->count) {
		error_set(&err, FAULT_USAGE, "name it by its id, or a part of that");
		fail(c, "show the entry", &err);
	}
	for (size_t i = 0; i < c->count; i++) {
		err = (struct error)ERROR_NONE;
		if (!find_entry(c, c->operands[i], &s, &view, id, &err)) {
			fail(c, "show the entry", &err);
			continue;
		}
		if (!queue_show(&view, id, &err))
			fail(c, "show the entry", &err);
		spool_close(&s);
	}
}

static void
change_one(struct command_run *c, enum queue_change what, const char *text)
{
	struct spool s;
	struct queue_view view;
	struct error err = ERROR_NONE;
	char id[ENTRY_ID + 1], verb[64];

	snprintf(verb, sizeof(verb), "%s %.40s", c->verb, text);
	if (!find_entry(c, text, &s, &view, id, &err)) {
		fail(c, verb, &err);
		return;
	}
	if (!queue_change(&view, what, id, view.failed, &err))
		fail(c, verb, &err);
	else if (!given(c, OPT_QUIET))
		printf("%s: %s\n", id,
			what == QUEUE_HOLD      ? "held"
			: what == QUEUE_RELEASE ? "released"
			: what == QUEUE_REMOVE  ? "removed"
						: "queued again");
	runner_kick(&s);
	spool_close(&s);
}

struct all {
	struct command_run *c;
	enum queue_change what;
	const struct queue_view *view;
};

static bool
change_each(void *ctx, const char *id)
{
	const struct all *all = ctx;
	struct error err = ERROR_NONE;

	if (queue_change(all->view, all->what, id, all->view->failed, &err)) {
		if (!all->view->quiet)
			printf("%s\n", id);
	} else if (err.fault != FAULT_NOINPUT) {
		fail(all->c, all->c->verb, &err);
	}
	return true;
}

/* Everything in the queue, or in failed/ for `retry`. */
static void
change_all(struct command_run *c, enum queue_change what)
{
	struct spool s;
	struct queue_view view;
	struct all all = { c, what, &view };
	struct error err = ERROR_NONE;

	for (size_t at = 0; at < c->paths.len; at += strlen(c->paths.s + at) + 1) {
		if (!open_spool(c, c->paths.s + at, &s, &view))
			continue;
		view.failed = what == QUEUE_RETRY;
		if (!spool_names(&s, view.failed, change_each, &all, &err))
			fail(c, c->verb, &err);
		runner_kick(&s);
		spool_close(&s);
	}
}

static void
change(struct command_run *c, enum queue_change what)
{
	struct error err = ERROR_NONE;

	if (!c->count) {
		error_set(&err, FAULT_USAGE, "name the entries, or all");
		fail(c, c->verb, &err);
	}
	for (size_t i = 0; i < c->count; i++)
		if (strcmp(c->operands[i], "all") == 0)
			change_all(c, what);
		else
			change_one(c, what, c->operands[i]);
}

static void
hold(struct command_run *c)
{
	change(c, QUEUE_HOLD);
}

static void
release(struct command_run *c)
{
	change(c, QUEUE_RELEASE);
}

static void
remove_entries(struct command_run *c)
{
	change(c, QUEUE_REMOVE);
}

static void
retry(struct command_run *c)
{
	change(c, QUEUE_RETRY);
}

static void
run_spool(struct command_run *c, const char *path, enum queue_run how, const char *id)
{
	const char *account =
		given(c, OPT_ACCOUNT) ? profile_text(&c->args->given, OPT_ACCOUNT) : NULL;
	struct error err = ERROR_NONE;
	struct queue_left left;

	if (!queue_run(c->args, path, how, id, account, &left, &err) && err.sys != ENOENT)
		fail(c, "run the queue", &err);
	if (how != QUEUE_RUN_FLUSH)
		return;
	if (left.busy && !given(c, OPT_QUIET))
		fprintf(stderr, "%s: left to another process that is at work: %u message%s\n",
			c->args->program, left.busy, left.busy == 1 ? "" : "s");
	if (left.all && fault_status(FAULT_TEMPORARY) > c->status)
		c->status = fault_status(FAULT_TEMPORARY);
}

static void
flush_one(struct command_run *c, const char *text)
{
	struct spool s;
	struct queue_view view;
	struct error err = ERROR_NONE;
	struct strbuf path = STRBUF_INIT(4096);
	char id[ENTRY_ID + 1];

	if (find_entry(c, text, &s, &view, id, &err)) {
		if (!queue_may_see(&view, id))
			error_set(&err, FAULT_NOINPUT, "there is no entry \"%.40s\"", text);
		else if (view.failed)
			error_set(&err, FAULT_USAGE, "it has failed (sendoff queue retry %s)", id);
		strbuf_adds(&path, s.path);
		spool_close(&s);
	}
	if (err.fault)
		fail(c, "flush", &err);
	else
		run_spool(c, path.s, QUEUE_RUN_FLUSH, id);
	strbuf_done(&path);
}

static void
run_each(struct command_run *c, enum queue_run how)
{
	for (size_t at = 0; at < c->paths.len; at += strlen(c->paths.s + at) + 1)
		run_spool(c, c->paths.s + at, how, NULL);
}

static void
flush_id(void *ctx, const char *id)
{
	flush_one(ctx, id);
}

/* For somebody who asks the service: what is theirs. */
static void
flush_own(struct command_run *c)
{
	struct spool s;
	struct queue_view view;

	for (size_t at = 0; at < c->paths.len; at += strlen(c->paths.s + at) + 1)
		if (open_spool(c, c->paths.s + at, &s, &view)) {
			queue_each(&view, false, flush_id, c);
			spool_close(&s);
		}
}

static void
flush(struct command_run *c)
{
	if (!c->count && queue_asker() && queue_asker()->uid)
		flush_own(c);
	else if (!c->count)
		run_each(c, QUEUE_RUN_FLUSH);
	for (size_t i = 0; i < c->count; i++)
		flush_one(c, c->operands[i]);
}

static void
run(struct command_run *c)
{
	struct error err = ERROR_NONE;

	if (queue_asker()) {
		error_set(&err, FAULT_PERMISSION, "the service does it by itself");
		fail(c, "run the queue", &err);
		return;
	}
	if (given(c, OPT_ONCE)) {
		run_each(c, QUEUE_RUN_ONCE);
		return;
	}
	if (strlen(c->paths.s) + 1 < c->paths.len) {
		error_set(&err, FAULT_CONFIG,
			"the accounts have several: name one by --queue-dir (%s)", c->paths.s);
		fail(c, "choose the queue", &err);
	} else if (c->paths.len) {
		run_spool(c, c->paths.s, QUEUE_RUN_SERVE, NULL);
	}
}

/* The words behind `queue`; completions know them too. */
static const struct {
	const char *word;
	void (*run)(struct command_run *c);
	size_t most; /* operands */
} verbs[] = {
	{ "list", list, 1 },
	{ "show", show, SIZE_MAX },
	{ "flush", flush, SIZE_MAX },
	{ "hold", hold, SIZE_MAX },
	{ "release", release, SIZE_MAX },
	{ "remove", remove_entries, SIZE_MAX },
	{ "retry", retry, SIZE_MAX },
	{ "run", run, 0 },
};

static void
dispatch(struct command_run *c)
{
	struct error err = ERROR_NONE;
	size_t i = 0;

	while (i < sizeof(verbs) / sizeof(*verbs) && strcmp(c->verb, verbs[i].word) != 0)
		i++;
	if (i == sizeof(verbs) / sizeof(*verbs))
		error_set(&err, FAULT_USAGE,
			"queue has no \"%.40s\" (list, show, flush, hold, release, remove, retry, "
			"run)",
			c->verb);
	else if (c->count > verbs[i].most)
		error_set(&err, FAULT_USAGE, "too many words behind %s", c->verb);
	if (err.fault) {
		fail(c, "understand the command line", &err);
		return;
	}
	find_spools(c);
	verbs[i].run(c);
}

static int
end(struct command_run *c)
{
	struct error err = ERROR_NONE;

	strbuf_done(&c->paths);
	if (!status_printed() && !c->status) {
		error_set(&err, FAULT_IO, "standard output cannot be written");
		fail(c, "tell of the queue", &err);
	}
	return c->status;
}

int
queue_command(const struct arguments *args)
{
	struct command_run c = { .args = args, .paths = STRBUF_INIT(PATHS), .verb = "list" };

	if (queue_by_service(args, &c.status))
		return c.status;
	c.operands = args->operands;
	c.count = args->operand_count;
	if (c.count) {
		c.verb = *c.operands++;
		c.count--;
	}
	dispatch(&c);
	return end(&c);
}

static void
count_spool(struct command_run *c, const char *path)
{
	struct spool s;
	struct queue_view view;

	if (!open_spool(c, path, &s, &view))
		return;
	c->counts.messages += queue_count(&view, false);
	spool_close(&s);
}

int
queue_as_sendmail(const struct arguments *args)
{
	struct command_run c = { .args = args, .paths = STRBUF_INIT(PATHS), .verb = "" };

	if (queue_by_service(args, &c.status))
		return c.status;
	find_spools(&c);
	if (args->mode == MODE_QUEUE_LIST) {
		list(&c);
		/* who calls mailq takes any other status for a failure to list */
		if (c.status == ATTENTION)
			c.status = 0;
	} else if (args->mode == MODE_QUEUE_COUNT) {
		for (size_t at = 0; at < c.paths.len; at += strlen(c.paths.s + at) + 1)
			count_spool(&c, c.paths.s + at);
		printf("%lu\n", c.counts.messages);
	} else if (queue_asker() && queue_asker()->uid) {
		flush_own(&c);
	} else {
		run_each(&c, args->queue_forced ? QUEUE_RUN_FLUSH : QUEUE_RUN_DUE);
		if (c.status == fault_status(FAULT_TEMPORARY))
			c.status = 0;
	}
	return end(&c);
}
