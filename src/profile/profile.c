#include "profile.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "child.h"
#include "error.h"
#include "strbuf.h"
#include "text.h"
#include "value.h"

#define PATH_CAP 8192 /* octets of a file name, expanded */

const enum option_id profile_sources[PROFILE_SOURCES] = { OPT_PASSWORD_COMMAND, OPT_PASSWORD_FILE,
	OPT_PASSWORD_CREDENTIAL, OPT_PASSWORD_KEY, OPT_NETRC };

void
profile_init(struct profile *p, const char *name, const char *origin)
{
	*p = (struct profile){ .name = xstrdup(name), .origin = xstrdup(origin) };
}

static void
setting_clear(struct setting *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i]);
	free(s->v);
	free(s->origin);
	*s = (struct setting){ NULL, 0, NULL };
}

static void
password_clear(struct profile *p)
{
	if (p->password)
		explicit_bzero(p->password, strlen(p->password));
	free(p->password);
	free(p->password_origin);
	p->password = p->password_origin = NULL;
}

void
profile_set_password(struct profile *p, const char *password, const char *origin)
{
	password_clear(p);
	p->password = xstrdup(password);
	p->password_origin = xstrdup(origin);
}

void
profile_miss_password(struct profile *p, const char *origin)
{
	password_clear(p);
	p->password_origin = xstrdup(origin);
}

void
profile_done(struct profile *p)
{
	password_clear(p);
	for (size_t id = 0; id < OPT_COUNT; id++)
		setting_clear(&p->settings[id]);
	free(p->name);
	free(p->origin);
	free(p->wrong);
	p->name = p->origin = p->wrong = NULL;
}

struct profile *
profile_list_add(struct profile_list *l, const char *name, const char *origin)
{
	if (l->n % 16 == 0)
		l->v = xreallocarray(l->v, l->n + 16, sizeof(*l->v));
	profile_init(&l->v[l->n], name, origin);
	return &l->v[l->n++];
}

void
profile_list_done(struct profile_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		profile_done(&l->v[i]);
	free(l->v);
	*l = (struct profile_list){ NULL, 0 };
}

static void
setting_add(struct setting *s, const char *value, size_t n)
{
	/* room for the next power of two, so that long lists take no quadratic time */
	if ((s->n & (s->n - 1)) == 0)
		s->v = xreallocarray(s->v, s->n ? s->n * 2 : 1, sizeof(*s->v));
	s->v[s->n++] = xstrndup(value, n);
}

static void
setting_copy(struct setting *to, const struct setting *from)
{
	setting_clear(to);
	for (size_t i = 0; i < from->n; i++)
		setting_add(to, from->v[i], strlen(from->v[i]));
	to->origin = xstrdup(from->origin);
}

static bool
add_words(struct setting *s, const struct option *o, const char *value, struct error *err)
{
	const char *word;
	bool good;
	size_t n;

	while ((word = value_word(&value, &n))) {
		char *copy = xstrndup(word, n);

		good = value_check(o, copy, err);
		free(copy);
		if (!good)
			return false;
		setting_add(s, word, n);
	}
	return true;
}

/* Adds VALUE to *S in the form it is kept in. */
static bool
add_value(struct setting *s, const struct option *o, const char *value, bool relative,
	struct error *err)
{
	struct strbuf path = STRBUF_INIT(PATH_CAP);
	const char *choice = o->values;
	bool good;

	if (!option_check(o, value, err))
		return false;
	if (o->kind == KIND_LIST)
		return add_words(s, o, value, err);
	if (!value_check(o, value, err))
		return false;
	switch (o->kind) {
	case KIND_PATH:
		good = value_add_path(&path, o, value, relative, err);
		if (good)
			setting_add(s, path.s, path.len);
		strbuf_done(&path);
		return good;
	case KIND_ENUM:
		for (int i = option_choice(o, value); i > 0; i--)
			choice = strchr(choice, '|') + 1;
		setting_add(s, choice, strcspn(choice, "|"));
		return true;
	case KIND_FLAG:
		value = "yes";
		break;
	case KIND_BOOL:
		value = option_yes(value) ? "yes" : "no";
		break;
	case KIND_TEXT:
	case KIND_LIST:
	case KIND_MANY:
	case KIND_COMMAND:
	case KIND_NUMBER:
	case KIND_TIME:
	case KIND_GLUED:
		break;
	}
	if (o->id == OPT_AUTH)
		value = value_mechanism(value);
	setting_add(s, value, strlen(value));
	return true;
}

static bool
set(struct profile *p, enum option_id id, const char *value, const char *origin, bool append,
	struct error *err)
{
	struct setting *s = &p->settings[id], added = { NULL, 0, NULL };
	struct error why = ERROR_NONE;

	if (!add_value(&added, &options[id], value, origin[0] == '-', &why)) {
		setting_clear(&added);
		/* a line of a file can be any key, an option or variable names itself */
		if (strchr(origin, ':'))
			error_prefix(&why, "%s", options[id].name);
		error_prefix(&why, "%s", origin);
		if (err && !err->fault)
			*err = why;
		return false;
	}
	if (append && s->origin) {
		for (size_t i = 0; i < added.n; i++)
			setting_add(s, added.v[i], strlen(added.v[i]));
		setting_clear(&added);
		return true;
	}
	setting_clear(s);
	*s = added;
	s->origin = xstrdup(origin);
	return true;
}

bool
profile_set(struct profile *p, enum option_id id, const char *value, const char *origin,
	struct error *err)
{
	const struct setting *s = &p->settings[id];
	bool several = options[id].kind == KIND_LIST || options[id].kind == KIND_MANY;

	return set(
		p, id, value, origin, several && s->origin && strcmp(s->origin, origin) == 0, err);
}

bool
profile_append(struct profile *p, enum option_id id, const char *value, const char *origin,
	struct error *err)
{
	return set(p, id, value, origin, true, err);
}

/* Whether one key names a source; `netrc = none` only says where not to look. */
static bool
names_source(const struct profile *p, enum option_id id)
{
	return p->settings[id].origin && (id != OPT_NETRC || profile_unless_none(p, id));
}

enum option_id
profile_source(const struct profile *p)
{
	for (size_t i = 0; i < PROFILE_SOURCES; i++)
		if (names_source(p, profile_sources[i]))
			return profile_sources[i];
	return OPT_COUNT;
}

static bool
has_source(const struct profile *p)
{
	return p->password || profile_source(p) != OPT_COUNT;
}

static bool
is_source(const struct profile *p, enum option_id id)
{
	for (size_t i = 0; i < PROFILE_SOURCES; i++)
		if (profile_sources[i] == id)
			return names_source(p, id);
	return false;
}

static bool
has_place(const struct profile *p)
{
	return p->settings[OPT_HOST].origin || p->settings[OPT_SOCKET].origin;
}

void
profile_override(struct profile *p, const struct profile *from)
{
	if (has_place(from)) {
		setting_clear(&p->settings[OPT_HOST]);
		setting_clear(&p->settings[OPT_SOCKET]);
	}
	if (has_source(from)) {
		for (size_t i = 0; i < PROFILE_SOURCES; i++)
			if (is_source(p, profile_sources[i]))
				setting_clear(&p->settings[profile_sources[i]]);
		password_clear(p);
	}
	if (from->password)
		profile_set_password(p, from->password, from->password_origin);
	if (from->wrong && !p->wrong)
		p->wrong = xstrdup(from->wrong);
	for (size_t id = 0; id < OPT_COUNT; id++)
		if (from->settings[id].origin)
			setting_copy(&p->settings[id], &from->settings[id]);
}

void
profile_override_group(struct profile *p, const struct profile *from, enum option_group group)
{
	for (size_t id = 0; id < OPT_COUNT; id++)
		if (from->settings[id].origin && options[id].group == group)
			setting_copy(&p->settings[id], &from->settings[id]);
}

void
profile_inherit(struct profile *p, const struct profile *from)
{
	bool own_source = has_source(p), own_place = has_place(p);

	if (!own_source && from->password)
		profile_set_password(p, from->password, from->password_origin);
	for (size_t id = 0; id < OPT_COUNT; id++)
		if (from->settings[id].origin && !p->settings[id].origin && id != OPT_INHERIT &&
			id != OPT_MATCH_FROM &&
			!(own_source && is_source(from, (enum option_id)id)) &&
			!(own_place && (id == OPT_HOST || id == OPT_SOCKET)) &&
			!(id == OPT_FALLBACK && strcmp(from->settings[id].v[0], p->name) == 0))
			setting_copy(&p->settings[id], &from->settings[id]);
}

void
profile_unset(struct profile *p, enum option_id id)
{
	setting_clear(&p->settings[id]);
}

bool
profile_is_set(const struct profile *p, enum option_id id)
{
	return p->settings[id].origin != NULL;
}

const char *
profile_text(const struct profile *p, enum option_id id)
{
	if (p->settings[id].n)
		return p->settings[id].v[0];
	return *options[id].fallback ? options[id].fallback : NULL;
}

const char *
profile_unless_none(const struct profile *p, enum option_id id)
{
	const char *value = profile_text(p, id);

	return value && strcmp(value, "none") != 0 ? value : NULL;
}

bool
profile_yes(const struct profile *p, enum option_id id)
{
	const char *value = profile_text(p, id);

	return value && option_yes(value);
}

int
profile_choice(const struct profile *p, enum option_id id)
{
	const char *value = profile_text(p, id);

	return value ? option_choice(&options[id], value) : -1;
}

uint64_t
profile_number(const struct profile *p, enum option_id id)
{
	const char *value = profile_text(p, id);
	uint64_t n = 0;

	if (!value)
		return 0;
	if (options[id].kind == KIND_TIME)
		return option_seconds(value);
	return text_number(value, 0, UINT64_MAX, &n) ? n : 0;
}

const char *const *
profile_list_of(const struct profile *p, enum option_id id, size_t *ret_n)
{
	*ret_n = p->settings[id].n;
	return (const char *const *)p->settings[id].v;
}

/* A pkcs11: URI with its PIN masked. */
static void
add_uri(struct strbuf *out, const char *uri)
{
	const char *pin = strstr(uri, "pin-value=");

	strbuf_add(out, uri, pin ? (size_t)(pin - uri) : strlen(uri));
	if (pin)
		strbuf_addf(out, "pin-value=***%s", pin + strcspn(pin, "&"));
}

static void
add_value_text(struct strbuf *out, const struct option *o, const char *value)
{
	/* what no file could hold has come from the command line, and is only shown */
	if (text_has_control(value, strlen(value))) {
		text_add_printable(out, value, strlen(value), strlen(value) * 4);
		return;
	}
	if (o->kind == KIND_PATH && strncmp(value, "pkcs11:", 7) == 0) {
		add_uri(out, value);
		return;
	}
	for (const char *s = value; *s; s++) {
		if (*s == '$' && o->kind == KIND_PATH)
			strbuf_addc(out, '$');
		strbuf_addc(out, *s);
	}
}

/* The first word, and whether there are others. */
static void
add_masked(struct strbuf *out, const struct option *o, const char *value)
{
	char **words = child_words(value, NULL);

	add_value_text(out, o, words ? words[0] : "");
	if (!words || words[1])
		strbuf_adds(out, " ***");
	free(words);
}

void
profile_add_setting(struct strbuf *out, const struct profile *p, enum option_id id)
{
	const struct option *o = &options[id];
	const struct setting *s = &p->settings[id];
	size_t n = s->origin ? s->n : *o->fallback != '\0';

	strbuf_addf(out, "%s = ", o->name);
	for (size_t i = 0; i < n; i++) {
		const char *value = s->origin ? s->v[i] : o->fallback;

		if (i)
			strbuf_adds(out, ", ");
		if (o->where & WHERE_MASK)
			add_masked(out, o, value);
		else
			add_value_text(out, o, value);
	}
	strbuf_addc(out, '\n');
}
