#include "accounts.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "args.h"
#include "error.h"
#include "json.h"
#include "strbuf.h"

#define ORIGIN_COLUMN 44 /* where origins begin unless the setting is longer */

/* One setting in force: its value, secrets masked, and where it comes from. False where there is
 * neither a value nor a default, and for what is an option only. */
static bool
in_force(const struct profile *p, enum option_id id, struct strbuf *value, const char **ret_origin)
{
	strbuf_clear(value);
	if (!(options[id].where & WHERE_FILE))
		return false;
	if (!profile_is_set(p, id)) {
		*ret_origin = "default";
		strbuf_adds(value, options[id].fallback);
		return value->len > 0;
	}
	*ret_origin = p->settings[id].origin;
	profile_add_setting(value, p, id);
	while (value->len && value->s[value->len - 1] == '\n')
		strbuf_truncate(value, value->len - 1);
	strbuf_consume(value, strlen(options[id].name) + strlen(" = "));
	return true;
}

/* What is to be seen in any case: how one logs in, and who sends. */
static bool
is_essential(enum option_id id)
{
	return id == OPT_AUTH || id == OPT_SUBMIT;
}

/* With ALL the defaults too; else true where some were left out. */
static bool
print_text(const struct profile *p, const char *chosen, bool all)
{
	struct strbuf value = STRBUF_INIT(1 << 20), line = STRBUF_INIT(1 << 20);
	const char *origin;
	bool left_out = false;

	printf("[account %s]%s\n", p->name,
		chosen && strcmp(chosen, p->name) == 0 ? "  # used unless another one fits" : "");
	if (p->wrong)
		printf("# cannot be used: %s\n", p->wrong);
	for (int id = 0; id < OPT_COUNT; id++) {
		if (!in_force(p, (enum option_id)id, &value, &origin))
			continue;
		if (!all && !profile_is_set(p, (enum option_id)id) &&
			!is_essential((enum option_id)id)) {
			left_out = true;
			continue;
		}
		strbuf_clear(&line);
		strbuf_addf(&line, "%s = %s", options[id].name, value.s);
		printf("%-*s  # %s\n", ORIGIN_COLUMN, line.s, origin);
	}
	printf("\n");
	strbuf_done(&value);
	strbuf_done(&line);
	return left_out;
}

static void
put(json_t *o, const char *key, json_t *value)
{
	if (!value || json_object_set_new(o, key, value) != 0)
		alloc_failed();
}

static json_t *
account_json(const struct profile *p)
{
	struct strbuf value = STRBUF_INIT(1 << 20);
	json_t *o = json_object(), *settings = json_object(), *one;
	const char *origin;

	put(o, "name", json_string(p->name));
	put(o, "origin", json_string(p->origin));
	for (int id = 0; id < OPT_COUNT; id++) {
		if (!in_force(p, (enum option_id)id, &value, &origin))
			continue;
		one = json_object();
		put(one, "value", json_string(value.s));
		put(one, "origin", json_string(origin));
		put(settings, options[id].name, one);
	}
	put(o, "wrong", p->wrong ? json_text(p->wrong) : json_null());
	put(o, "settings", settings);
	strbuf_done(&value);
	return o;
}

static void
print_json(const struct profile_list *l, const char *only)
{
	json_t *list = json_array();
	char *dump;

	for (size_t i = 0; i < l->n; i++)
		if ((!only || strcmp(l->v[i].name, only) == 0) &&
			json_array_append_new(list, account_json(&l->v[i])) != 0)
			alloc_failed();
	dump = json_dumps(list, JSON_COMPACT | JSON_PRESERVE_ORDER);
	if (!dump)
		alloc_failed();
	puts(dump);
	free(dump);
	json_decref(list);
}

bool
accounts(const struct arguments *args, struct error *err)
{
	const struct profile *flags = &args->given;
	const struct profile_sources where = {
		.file = profile_is_set(flags, OPT_CONFIG) ? profile_text(flags, OPT_CONFIG) : NULL,
		.use_environment = getuid() == geteuid() && getgid() == getegid(),
	};
	struct profile_list l = { NULL, 0 };
	struct profile *chosen;
	bool left_out = false;

	const char *only = args->operand_count                  ? args->operands[0]
			   : profile_is_set(flags, OPT_ACCOUNT) ? profile_text(flags, OPT_ACCOUNT)
								: NULL;

	if (args->operand_count > 1)
		return error_set(
			err, FAULT_USAGE, "accounts takes the name of one account at most");
	if (!profile_load(&where, &l, err))
		return false;
	if (only && !profile_select(&l, only, NULL, err)) {
		profile_list_done(&l);
		return false;
	}
	chosen = l.n ? profile_select(&l, NULL, NULL, NULL) : NULL;
	if (profile_is_set(flags, OPT_JSON))
		print_json(&l, only);
	for (size_t i = 0; i < l.n && !profile_is_set(flags, OPT_JSON); i++) {
		if (only && strcmp(l.v[i].name, only) != 0)
			continue;
		if (profile_is_set(flags, OPT_QUIET))
			puts(l.v[i].name);
		else
			left_out |= print_text(&l.v[i], chosen ? chosen->name : NULL,
				profile_is_set(flags, OPT_VERBOSE));
	}
	if (left_out)
		puts("# what is not here has its default: sendoff accounts -v");
	if (!l.n && !profile_is_set(flags, OPT_QUIET) && !profile_is_set(flags, OPT_JSON))
		fprintf(stderr, "%s: no account is configured (see sendoff.conf(5))\n",
			args->program);
	profile_list_done(&l);
	return true;
}
