#include "alias.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "alloc.h"
#include "error.h"
#include "strbuf.h"
#include "text.h"

#define SHOWN 200 /* octets of a file name, path or command in a message */

static void
alias_done(struct alias *a)
{
	for (size_t i = 0; i < a->target_count; i++) {
		address_done(&a->targets[i].address);
		free(a->targets[i].text);
	}
	free(a->targets);
	free(a->name);
	*a = (struct alias){ 0 };
}

void
aliases_done(struct aliases *a)
{
	for (size_t i = 0; i < a->n; i++)
		alias_done(&a->v[i]);
	for (size_t i = 0; i < a->mistake_count && i < ALIAS_MISTAKES; i++)
		free(a->mistakes[i].text);
	free(a->mistakes);
	free(a->v);
	free(a->index);
	free(a->file);
	*a = (struct aliases)ALIASES_NONE;
}

const struct alias *
aliases_find(const struct aliases *a, const char *name, bool with_default)
{
	size_t low = 0, high = a->index_count, middle;
	int side;

	while (low < high) {
		middle = low + (high - low) / 2;
		side = strcasecmp(name, a->index[middle]->name);
		if (!side)
			return a->index[middle];
		if (side < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return with_default ? aliases_find(a, "default", false) : NULL;
}

void
alias_add_target(struct strbuf *out, const struct alias_target *t)
{
	switch (t->kind) {
	case ALIAS_ADDRESS:
		if (t->final)
			strbuf_addc(out, '\\');
		(void)!address_add_smtp(out, &t->address, false, NULL);
		return;
	case ALIAS_INCLUDE:
		strbuf_adds(out, ":include:");
		break;
	case ALIAS_PIPE:
		strbuf_addc(out, '|');
		break;
	case ALIAS_FILE:
	case ALIAS_BROKEN:
		break;
	}
	strbuf_adds(out, t->text);
}

void
alias_add_refusal(
	struct strbuf *out, const char *file, const char *name, const struct alias_target *t)
{
	text_add_printable(out, file, strlen(file), SHOWN);
	strbuf_addf(out, ":%zu: the alias ", t->line);
	text_add_printable(out, name, strlen(name), ADDRESS_LOCAL_MAX * 4);
	strbuf_adds(out, t->kind == ALIAS_PIPE   ? " stands for a command, and none is run: |"
			 : t->kind == ALIAS_FILE ? " stands for a file, and none is written: "
						 : ": ");
	text_add_printable(out, t->text ? t->text : "", strlen(t->text ? t->text : ""), SHOWN);
}

/* How far an alias is expanded. */
enum progress { UNTOUCHED, OPEN, DONE };

struct walk {
	const struct alias_expansion *how;
	struct address_list *out;
	size_t before; /* the length of *out when all began */
	struct {
		enum progress progress;
		bool looped; /* something it stands for has led back to it */
	} * state;           /* of each alias */
	char *includes[ALIAS_INCLUDES];
	size_t include_count, depth;
	struct error *err;
};

/* Where a target stands. */
struct origin {
	const struct alias *alias; /* that it belongs to; NULL for what was asked for */
	const char *name, *file;   /* of the alias; what the target is a line of */
	bool included;
};

static bool expand_target(
	struct walk *w, const struct origin *from, const struct alias_target *t, bool *ret_found);

static bool
is_local(const struct walk *w, const struct address *a)
{
	if (!a->domain)
		return true;
	for (size_t i = 0; i < w->how->local_domain_count; i++)
		if (!strcasecmp(a->domain, w->how->local_domains[i]))
			return true;
	return false;
}

static void
tell_step(const struct walk *w, const struct origin *from, const struct alias_target *t)
{
	struct strbuf target = STRBUF_INIT(ALIAS_FILE_MAX);

	if (!w->how->step)
		return;
	alias_add_target(&target, t);
	w->how->step(w->how->ctx, from->name, target.s, from->file, t->line);
	strbuf_done(&target);
}

/* A target that nothing can be delivered to: that much is found out about it. */
static void
refuse(const struct walk *w, const struct origin *from, const struct alias_target *t,
	const char *reason)
{
	struct alias_target broken = { .kind = ALIAS_BROKEN, .line = t->line };
	struct strbuf why = STRBUF_INIT(8192);

	if (!w->how->refuse)
		return;
	if (reason)
		broken.text = (char *)reason;
	alias_add_refusal(&why, from->file, from->name, reason ? &broken : t);
	w->how->refuse(w->how->ctx, from->name, why.s);
	strbuf_done(&why);
}

static bool
expand_targets(struct walk *w, const struct origin *from, const struct alias *a, bool *ret_found)
{
	bool good = true;

	w->depth++;
	for (size_t i = 0; good && i < a->target_count; i++) {
		tell_step(w, from, &a->targets[i]);
		good = expand_target(w, from, &a->targets[i], ret_found);
	}
	w->depth--;
	return good;
}

static bool
expand_alias(struct walk *w, const struct alias *a, bool *ret_found)
{
	const struct origin here = { a, a->name, w->how->aliases->file, false };
	const struct alias_target first = { .line = a->line };
	size_t i = (size_t)(a - w->how->aliases->v);
	bool found = false;

	if (w->state[i].progress == OPEN) {
		w->state[i].looped = true;
		return true;
	}
	if (w->state[i].progress == UNTOUCHED) {
		w->state[i].progress = OPEN;
		if (!expand_targets(w, &here, a, &found))
			return false;
		w->state[i].progress = DONE;
		/* where the loop leads on to others there is nothing to complain of */
		if (!found && w->state[i].looped)
			refuse(w, &here, &first, "it leads to nobody but itself");
		found |= w->state[i].looped;
	} else {
		found = true;
	}
	*ret_found |= found;
	return true;
}

static bool
emit(struct walk *w, const struct address *a, bool *ret_found)
{
	*ret_found = true;
	if (w->out->n - w->before >= ALIAS_TARGETS)
		return error_set(w->err, FAULT_DATA, "the aliases lead to more than %d addresses",
			ALIAS_TARGETS);
	address_list_add(w->out, a);
	return true;
}

static bool
expand_address(
	struct walk *w, const struct origin *from, const struct alias_target *t, bool *ret_found)
{
	const struct aliases *all = w->how->aliases;
	const struct alias *named, *a;

	if (t->final || !is_local(w, &t->address))
		return emit(w, &t->address, ret_found);
	named = aliases_find(all, t->address.local, false);
	a = named ? named : aliases_find(all, "default", false);
	/* an alias may name itself, and what default stands for need not be aliases */
	if (!a || (a == from->alias && !from->included) ||
		(!named && w->state[a - all->v].progress == OPEN))
		return emit(w, &t->address, ret_found);
	if (w->depth < ALIAS_DEPTH)
		return expand_alias(w, a, ret_found);
	*ret_found = true;
	refuse(w, from, t, "aliases are nested too deep");
	return true;
}

/* Takes note that PATH is expanded; false if it was before. */
static bool
is_new_include(struct walk *w, const char *path)
{
	for (size_t i = 0; i < w->include_count; i++)
		if (!strcmp(w->includes[i], path))
			return false;
	w->includes[w->include_count++] = xstrdup(path);
	return true;
}

static bool
expand_include(struct walk *w, const struct origin *from, const struct alias_target *t)
{
	const struct origin here = { from->alias, from->name, t->text, true };
	struct strbuf text = STRBUF_INIT(ALIAS_FILE_MAX);
	struct aliases list = ALIASES_NONE;
	struct error why = ERROR_NONE;
	bool good = true, found = false;

	if (*t->text != '/')
		error_set(&why, FAULT_CONFIG, "the path of :include:%s does not begin with /",
			t->text);
	else if (w->depth >= ALIAS_DEPTH || w->include_count == ALIAS_INCLUDES)
		error_set(&why, FAULT_CONFIG, "too many files are included before %s", t->text);
	else if (!is_new_include(w, t->text))
		return true;
	else if (w->how->read(w->how->ctx, t->text, &text, &why)) {
		aliases_parse_include(text.s, text.len, t->text, &list);
		good = expand_targets(w, &here, list.v, &found);
	}
	if (why.fault == FAULT_TEMPORARY)
		good = error_set(w->err, FAULT_TEMPORARY, "%s", why.text);
	else if (why.fault)
		refuse(w, from, t, why.text);
	aliases_done(&list);
	strbuf_done(&text);
	return good;
}

static bool
expand_target(
	struct walk *w, const struct origin *from, const struct alias_target *t, bool *ret_found)
{
	switch (t->kind) {
	case ALIAS_ADDRESS:
		return expand_address(w, from, t, ret_found);
	case ALIAS_INCLUDE:
		/* an empty list is an answer as well */
		*ret_found = true;
		return expand_include(w, from, t);
	case ALIAS_PIPE:
	case ALIAS_FILE:
	case ALIAS_BROKEN:
		break;
	}
	*ret_found = true;
	refuse(w, from, t, NULL);
	return true;
}

bool
alias_expand(const struct alias_expansion *how, const struct address_list *from,
	struct address_list *out, struct error *err)
{
	struct walk *w = xcalloc(1, sizeof(*w));
	const struct origin asked = { NULL, "", "", false };
	struct alias_target t = { .kind = ALIAS_ADDRESS };
	bool good = true, found = false;

	w->how = how;
	w->out = out;
	w->before = out->n;
	w->state = xcalloc(how->aliases->n + 1, sizeof(*w->state));
	w->err = err;
	for (size_t i = 0; good && i < from->n; i++) {
		t.address = from->v[i];
		good = expand_target(w, &asked, &t, &found);
	}
	if (good)
		address_list_unique(out);
	else
		address_list_truncate(out, w->before);
	for (size_t i = 0; i < w->include_count; i++)
		free(w->includes[i]);
	free(w->state);
	free(w);
	return good;
}
