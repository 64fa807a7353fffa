#include "accounts.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "args.h"
#include "error.h"
#include "strbuf.h"

/* The value of a setting as profile_add_setting masks it: behind "key = ". */
static void
masked_value(struct strbuf *line, const struct profile *p, enum option_id id, const char **ret)
{
	strbuf_clear(line);
	profile_add_setting(line, p, id);
	while (line->len && line->s[line->len - 1] == '\n')
		strbuf_truncate(line, line->len - 1);
	*ret = line->s + strlen(options[id].name) + 3;
}

static void
print_text(const struct profile *p, const char *chosen)
{
	struct strbuf line = STRBUF_INIT(1 << 20);
	const char *value;

	printf("[account %s]%s\n# from %s\n", p->name,
		chosen && strcmp(chosen, p->name) == 0 ? "  # the default" : "", p->origin);
	for (int id = 0; id < OPT_COUNT; id++) {
		if (!profile_is_set(p, (enum option_id)id))
			continue;
		masked_value(&line, p, (enum option_id)id, &value);
		printf("%s = %s\n", options[id].name, value);
		if (p->settings[id].origin && strcmp(p->settings[id].origin, p->origin) != 0)
			printf("# %s from %s\n", options[id].name, p->settings[id].origin);
	}
	printf("\n");
	strbuf_done(&line);
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
	struct strbuf line = STRBUF_INIT(1 << 20);
	json_t *o = json_object(), *settings = json_object(), *one;
	const char *value;

	put(o, "name", json_string(p->name));
	put(o, "origin", json_string(p->origin));
	for (int id = 0; id < OPT_COUNT; id++) {
		if (!profile_is_set(p, (enum option_id)id))
			continue;
		masked_value(&line, p, (enum option_id)id, &value);
		one = json_object();
		put(one, "value", json_string(value));
		put(one, "origin", json_string(p->settings[id].origin));
		put(settings, options[id].name, one);
	}
	put(o, "settings", settings);
	strbuf_done(&line);
	return o;
}

static void
print_json(const struct profile_list *l)
{
	json_t *list = json_array();
	char *dump;

	for (size_t i = 0; i < l->n; i++)
		if (json_array_append_new(list, account_json(&l->v[i])) != 0)
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

	if (args->operand_count)
		return error_set(
			err, FAULT_USAGE, "accounts takes no operand (%s)", args->operands[0]);
	if (!profile_load(&where, &l, err))
		return false;
	chosen = l.n ? profile_select(&l, NULL, NULL, NULL) : NULL;
	if (profile_is_set(flags, OPT_JSON))
		print_json(&l);
	else
		for (size_t i = 0; i < l.n; i++) {
			if (profile_is_set(flags, OPT_QUIET))
				puts(l.v[i].name);
			else
				print_text(&l.v[i], chosen ? chosen->name : NULL);
		}
	if (!l.n && !profile_is_set(flags, OPT_QUIET) && !profile_is_set(flags, OPT_JSON))
		fprintf(stderr, "%s: no account is configured (see sendoff.conf(5))\n",
			args->program);
	profile_list_done(&l);
	return true;
}
