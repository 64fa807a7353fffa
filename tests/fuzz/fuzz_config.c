/* Configuration files: what was accepted passes the checks again, and what is printed of an account
 * is parsed to the same account. */
#include "error.h"
#include "fuzz.h"
#include "parse.h"
#include "profile.h"
#include "strbuf.h"

static void
check_settings(const struct profile *p)
{
	for (size_t id = 0; id < OPT_COUNT; id++) {
		const struct setting *s = &p->settings[id];

		check(!s->origin == !s->n);
		if (!s->origin)
			continue;
		check(options[id].where & WHERE_FILE);
		check(strncmp(s->origin, "file:", 5) == 0);
		for (size_t i = 0; i < s->n; i++)
			check(option_check(&options[id], s->v[i], NULL));
	}
}

static bool
same_settings(const struct profile *a, const struct profile *b)
{
	for (size_t id = 0; id < OPT_COUNT; id++) {
		const struct setting *s = &a->settings[id], *t = &b->settings[id];

		if (options[id].where & WHERE_MASK)
			continue;
		if (s->n != t->n)
			return false;
		for (size_t i = 0; i < s->n; i++)
			if (strcmp(s->v[i], t->v[i]) != 0)
				return false;
	}
	return true;
}

static void
print_and_parse(const struct profile *p)
{
	struct strbuf text = STRBUF_INIT(8 << 20);
	struct profile_list again = { NULL, 0 };
	struct profile defaults;
	struct error err = ERROR_NONE;

	strbuf_addf(&text, "[account %s]\n", p->name);
	for (size_t id = 0; id < OPT_COUNT; id++)
		if (profile_is_set(p, (enum option_id)id) && !(options[id].where & WHERE_MASK))
			profile_add_setting(&text, p, (enum option_id)id);
	profile_init(&defaults, "defaults", "");
	check(!text.full);
	check(parse_config(text.s, text.len, "file", &again, &defaults, &err));
	check(again.n == 1 && strcmp(again.v[0].name, p->name) == 0);
	check(same_settings(p, &again.v[0]));
	profile_list_done(&again);
	profile_done(&defaults);
	strbuf_done(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct profile_list l = { NULL, 0 };
	struct profile defaults;
	struct error err = ERROR_NONE;
	bool good;

	setenv("HOME", "/home/user", 1);
	profile_init(&defaults, "defaults", "");
	good = parse_config((const char *)data, size, "file", &l, &defaults, &err);
	check(good == !err.fault);
	if (good) {
		check_settings(&defaults);
		for (size_t i = 0; i < l.n; i++) {
			check_settings(&l.v[i]);
			print_and_parse(&l.v[i]);
			profile_inherit(&l.v[i], &defaults);
			check_settings(&l.v[i]);
			/* any answer will do, but one it must be */
			check(profile_check(&l.v[i], &err) == !err.fault);
			err = (struct error)ERROR_NONE;
		}
	} else {
		check(err.fault == FAULT_CONFIG && strncmp(err.text, "file:", 5) == 0);
	}
	profile_list_done(&l);
	profile_done(&defaults);
	return 0;
}
