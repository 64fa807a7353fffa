#include "story.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "args.h"
#include "clock.h"
#include "error.h"
#include "history.h"
#include "json.h"
#include "peer.h"
#include "queue.h"
#include "queue_ask.h"
#include "spool.h"
#include "status.h"
#include "strbuf.h"
#include "text.h"

struct telling {
	FILE *out;
	bool json;
	unsigned long found;
};

static void
add_field(struct strbuf *out, const char *label, const char *value)
{
	if (!*value)
		return;
	strbuf_addf(out, "%s", label);
	text_add_printable(out, value, strlen(value), 1000);
}

static void
add_text(struct strbuf *out, const struct history_line *l)
{
	clock_add_rfc3339(out, (time_t)l->when);
	strbuf_addf(out, "  %-9s", history_name(l->event));
	add_field(out, "  ", l->id);
	add_field(out, "  ", l->account);
	add_field(out, "  ", l->message_id);
	add_field(out, "  by ", l->host);
	add_field(out, " as ", l->queue_id);
	add_field(out, "  (", l->text);
	strbuf_adds(out, *l->text ? ")\n" : "\n");
	for (size_t i = 0; i < l->count; i++) {
		const struct history_recipient *r = &l->recipients[i];

		strbuf_adds(out, "    ");
		text_add_printable(out, r->address, strlen(r->address), 1000);
		add_field(out, "  ", r->outcome);
		if (r->code)
			strbuf_addf(out, "  %d", r->code);
		add_field(out, " ", r->enhanced);
		add_field(out, " ", r->text);
		strbuf_addc(out, '\n');
	}
	if (l->left_out)
		strbuf_addf(out, "    and %zu more\n", l->left_out);
}

static void
add_json(struct strbuf *out, const struct history_line *l)
{
	struct strbuf when = STRBUF_INIT(64);
	json_t *o = json_object(), *list = json_array(), *one;

	clock_add_rfc3339(&when, (time_t)l->when);
	json_put_text(o, "time", when.s);
	json_put_text(o, "event", history_name(l->event));
	json_put_text(o, "entry", l->id);
	json_put(o, "uid", json_integer((json_int_t)l->uid));
	json_put_text(o, "account", l->account);
	json_put_text(o, "message_id", l->message_id);
	json_put_text(o, "sender", l->sender);
	for (size_t i = 0; i < l->count; i++) {
		const struct history_recipient *r = &l->recipients[i];

		one = json_object();
		json_put_text(one, "address", r->address);
		json_put_text(one, "status", r->outcome);
		json_put(one, "code", r->code ? json_integer(r->code) : json_null());
		json_put_text(one, "enhanced", r->enhanced);
		json_put_text(one, "text", r->text);
		if (json_array_append_new(list, one) != 0)
			alloc_failed();
	}
	json_put(o, "recipients", list);
	json_put_text(o, "host", l->host);
	json_put_text(o, "queue_id", l->queue_id);
	json_put_text(o, "text", l->text);
	json_add_line(out, o);
	strbuf_done(&when);
}

static bool
tell(void *ctx, const struct history_line *l)
{
	struct telling *t = ctx;
	struct strbuf text = STRBUF_INIT(4 << 20);

	t->found++;
	if (t->json)
		add_json(&text, l);
	else
		add_text(&text, l);
	fwrite(text.s, 1, text.len, t->out);
	strbuf_done(&text);
	return !ferror(t->out);
}

bool
story_tell(struct spool *s, const char *what, bool everybody, uid_t uid, bool json, FILE *out,
	unsigned long *ret_found, struct error *err)
{
	struct history_filter filter = { .everybody = everybody, .uid = uid };
	struct telling t = { .out = out, .json = json };
	bool good;

	if (what && entry_is_id(what))
		filter.id = what;
	else if (what && *what == '<')
		filter.message_id = what;
	else
		filter.address = what;
	good = history_read(s, &filter, tell, &t, err);
	/* a Message-ID looks like an address without its brackets */
	if (good && !t.found && filter.address && strchr(what, '@')) {
		filter.message_id = what;
		filter.address = NULL;
		good = history_read(s, &filter, tell, &t, err);
	}
	*ret_found += t.found;
	return good;
}

static int
complain(const struct arguments *args, const struct error *err)
{
	fprintf(stderr, "%s: unable to read the log: %s\n", args->program, err->text);
	return fault_status(err->fault);
}

int
story_command(const struct arguments *args)
{
	const char *what = args->operand_count ? args->operands[0] : NULL;
	bool json = profile_is_set(&args->given, OPT_JSON);
	const struct peer *asker = queue_asker();
	struct strbuf paths = STRBUF_INIT(1 << 20);
	struct error err = ERROR_NONE, where = ERROR_NONE;
	unsigned long found = 0;
	int status = 0;
	struct spool s;

	if (queue_by_service(args, &status))
		return status;
	if (args->operand_count > 1)
		error_set(&err, FAULT_USAGE, "one id, Message-ID or address at a time");
	else
		/* what is known without it is shown all the same */
		(void)!queue_find_spools(args, &paths, &where);
	for (size_t at = 0; !err.fault && at < paths.len; at += strlen(paths.s + at) + 1) {
		if (!spool_open(&s, paths.s + at, false, &err)) {
			if (err.sys == ENOENT)
				error_clear(&err);
			continue;
		}
		(void)!story_tell(&s, what, !asker || asker->uid == 0,
			asker ? asker->uid : getuid(), json, stdout, &found, &err);
		spool_close(&s);
	}
	strbuf_done(&paths);
	if (!err.fault)
		err = where;
	if (!err.fault && what && !found)
		error_set(&err, FAULT_NOINPUT, "nothing is known of %.200s", what);
	if (!err.fault && !found && !json && !profile_is_set(&args->given, OPT_QUIET))
		fprintf(stderr,
			"%s: note: the log is empty: it has what was queued, and what was sent "
			"while there was a queue\n",
			args->program);
	if (!status_printed())
		error_set(&err, FAULT_IO, "standard output cannot be written");
	if (err.fault)
		status = complain(args, &err);
	return status;
}
