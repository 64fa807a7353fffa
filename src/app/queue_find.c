/* Which spools there are, and which entry is meant. */
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "error.h"
#include "queue.h"
#include "queueing.h"
#include "strbuf.h"
#include "submission.h"

static bool
has_path(const struct strbuf *paths, const char *path)
{
	for (size_t at = 0; at < paths->len; at += strlen(paths->s + at) + 1)
		if (strcmp(paths->s + at, path) == 0)
			return true;
	return false;
}

static void
add_path(struct strbuf *out, const struct profile *account)
{
	struct strbuf path = STRBUF_INIT(4096);

	if (account)
		spool_add_path(&path, account);
	else
		spool_add_system(&path);
	if (path.len && !path.full && !has_path(out, path.s))
		strbuf_add(out, path.s, path.len + 1);
	strbuf_done(&path);
}

/* The system's, for those who may look into it. */
static void
add_system(struct strbuf *out)
{
	struct strbuf path = STRBUF_INIT(4096);

	spool_add_system(&path);
	if (geteuid() == 0 || spool_owner(path.s) == geteuid())
		add_path(out, NULL);
	strbuf_done(&path);
}

bool
queue_find_spools(const struct arguments *args, struct strbuf *out, struct error *err)
{
	struct submission s = { .args = args };
	const struct profile_sources where = submission_sources(&s);
	const char *only = profile_is_set(&args->given, OPT_ACCOUNT)
				   ? profile_text(&args->given, OPT_ACCOUNT)
				   : NULL;
	struct profile_list l = { NULL, 0 };
	bool good;

	if (profile_is_set(&args->given, OPT_QUEUE_DIR)) {
		add_path(out, &args->given);
		return true;
	}
	good = profile_load(&where, &l, err);
	for (size_t i = 0; i < l.n; i++)
		if (!only || strcmp(l.v[i].name, only) == 0)
			add_path(out, &l.v[i]);
	if (good && only)
		good = profile_select(&l, only, NULL, err) != NULL;
	else if (!l.n) {
		add_path(out, &args->given);
		add_system(out);
	}
	profile_list_done(&l);
	return good;
}

struct search {
	const char *text;
	size_t n;
	char *ret;
	unsigned found;
};

static bool
compare_name(void *ctx, const char *id)
{
	struct search *search = ctx;

	if (strncmp(id, search->text, search->n) != 0 &&
		(search->n > ENTRY_ID || strcmp(id + ENTRY_ID - search->n, search->text) != 0))
		return true;
	memcpy(search->ret, id, ENTRY_ID + 1);
	search->found++;
	return search->n < ENTRY_ID;
}

bool
queue_find(struct spool *s, const char *text, char ret[ENTRY_ID + 1], bool *ret_failed,
	struct error *err)
{
	struct search search = { .text = text, .n = strlen(text), .ret = ret };

	*ret_failed = false;
	if (!search.n)
		return error_set(err, FAULT_USAGE, "an empty id means no entry");
	if (!spool_names(s, false, compare_name, &search, err))
		return false;
	if (!search.found) {
		*ret_failed = true;
		if (!spool_names(s, true, compare_name, &search, err))
			return false;
	}
	if (search.found > 1)
		return error_set(err, FAULT_USAGE, "\"%.40s\" means %u entries: say more of the id",
			text, search.found);
	return search.found || error_set(err, FAULT_NOINPUT, "there is no entry \"%.40s\"", text);
}
