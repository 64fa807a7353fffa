/* Configurations of other programs: what is made of them is accepted as a file of ours, and gives
 * the same accounts. The first octet chooses the format, what follows the first NUL is in the files
 * beside it. */
#include "error.h"
#include "fuzz.h"
#include "import.h"
#include "parse.h"
#include "profile.h"
#include "strbuf.h"
#include "text.h"

struct rest {
	const char *text;
	size_t n;
};

static bool
companion(void *ctx, const char *path, struct strbuf *out)
{
	const struct rest *r = ctx;

	(void)path;
	strbuf_add(out, r->text, r->n);
	return r->n > 0 && !out->full;
}

static void
same_settings(const struct profile *a, const struct profile *b)
{
	for (size_t id = 0; id < OPT_COUNT; id++) {
		const struct setting *s = &a->settings[id], *t = &b->settings[id];

		if (id == OPT_INHERIT)
			continue;
		check(s->n == t->n);
		for (size_t i = 0; i < s->n; i++)
			check(strcmp(s->v[i], t->v[i]) == 0);
	}
}

static const struct profile *
find(const struct profile_list *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i].name, name) == 0)
			return &l->v[i];
	return NULL;
}

/* What profile_load makes of the file that is written. */
static void
write_and_parse(const struct import *i)
{
	struct strbuf out = STRBUF_INIT(8 << 20);
	struct profile_list again = { NULL, 0 };
	struct profile defaults;
	struct error err = ERROR_NONE;

	import_write(i, &out);
	profile_init(&defaults, "defaults", "");
	check(!out.full);
	check(parse_config(out.s, out.len, "file", &again, &defaults, &err));
	check(again.n == i->accounts.n);
	for (size_t at = 0; at < again.n; at++) {
		struct profile *p = &again.v[at];

		check(strcmp(p->name, i->accounts.v[at].name) == 0);
		if (profile_is_set(p, OPT_INHERIT))
			profile_inherit(p, find(&again, profile_text(p, OPT_INHERIT)));
		profile_inherit(p, &defaults);
	}
	for (size_t at = 0; at < again.n; at++)
		same_settings(&i->accounts.v[at], &again.v[at]);
	profile_list_done(&again);
	profile_done(&defaults);
	strbuf_done(&out);
}

static void
check_remarks(const struct strbuf *remarks)
{
	for (const char *s = remarks->s, *end; *s; s = end + 1) {
		check((end = strchr(s, '\n')));
		check(!text_has_control(s, (size_t)(end - s)));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data + 1, *nul;
	struct import i = { .name = "file", .companion = companion };
	struct profile_list l = { NULL, 0 };
	struct error err = ERROR_NONE;
	struct rest rest = { "", 0 };
	bool secret = false;
	size_t n = size - 1;

	if (!size)
		return 0;
	setenv("HOME", "/home/user", 1);
	if (n && (nul = memchr(text, '\0', n))) {
		rest = (struct rest){ nul + 1, n - (size_t)(nul - text) - 1 };
		n = (size_t)(nul - text);
	}
	i.ctx = &rest;
	(void)import_guess("file", text, n);
	import_parse(&i, (enum import_format)(data[0] % IMPORT_FORMATS), text, n);
	check_remarks(&i.remarks);
	check(!*i.wrong || i.left);
	write_and_parse(&i);
	import_done(&i);
	check(import_load(text, n, "file", &l, &secret, &err) == !err.fault);
	check(!err.fault || !l.n);
	profile_list_done(&l);
	return 0;
}
