/* The only file that knows expat. Its headers are not needed: the few functions are those of every
 * libexpat.so.1 (https://libexpat.github.io/doc/api/latest/), where a character is an octet of
 * UTF-8. */
#include <string.h>

#include "alloc.h"
#include "autoconfig_private.h"
#include "error.h"
#include "library.h"
#include "strbuf.h"

#define DEPTH    16
#define TEXT_MAX 1024

LIBRARY_NOTE(note,
	"[{\"feature\":\"autoconfig\",\"description\":\"What mail domains say about their "
	"servers\",\"priority\":\"suggested\",\"soname\":[\"libexpat.so.1\"]}]");

typedef void on_start(void *ctx, const char *name, const char **attributes);
typedef void on_end(void *ctx, const char *name);
typedef void on_text(void *ctx, const char *s, int n);
typedef void on_doctype(void *ctx, const char *name, const char *system, const char *public,
	int has_internal_subset);

struct expat {
	void *(*create)(const char *encoding);
	void (*free)(void *parser);
	void (*set_user_data)(void *parser, void *ctx);
	void (*set_elements)(void *parser, on_start *start, on_end *end);
	void (*set_text)(void *parser, on_text *text);
	void (*set_doctype)(void *parser, on_doctype *doctype);
	int (*parse)(void *parser, const char *s, int n, int final);
	int (*stop)(void *parser, unsigned char resumable);
	int (*error)(void *parser);
	const char *(*error_text)(int code);
};

/* What an element is. */
enum place { ELSEWHERE, CONFIG, PROVIDER, SERVER, OAUTH, SERVER_LEAF, OAUTH_LEAF };

struct reader {
	struct expat l;
	void *parser;
	autoconfig_take *take;
	void *ctx;
	enum place at[DEPTH + 1];
	size_t depth;
	struct strbuf text;
	const char *refused; /* why it was stopped */
};

static bool
load(struct expat *l, struct error *err)
{
	static const char *const names[] = { "libexpat.so.1", NULL };
	const struct library_symbol symbols[] = {
		{ &l->create, "XML_ParserCreate" },
		{ &l->free, "XML_ParserFree" },
		{ &l->set_user_data, "XML_SetUserData" },
		{ &l->set_elements, "XML_SetElementHandler" },
		{ &l->set_text, "XML_SetCharacterDataHandler" },
		{ &l->set_doctype, "XML_SetStartDoctypeDeclHandler" },
		{ &l->parse, "XML_Parse" },
		{ &l->stop, "XML_StopParser" },
		{ &l->error, "XML_GetErrorCode" },
		{ &l->error_text, "XML_ErrorString" },
	};

	return library_load(names, "libexpat1", symbols, sizeof(symbols) / sizeof(*symbols), err);
}

/* Functions of ours may be called a few times more. */
static void
refuse(struct reader *r, const char *why)
{
	if (!r->refused)
		r->refused = why;
	r->l.stop(r->parser, 0);
}

static bool
is_smtp(const char **attributes)
{
	for (; attributes[0] && attributes[1]; attributes += 2)
		if (strcmp(attributes[0], "type") == 0)
			return strcmp(attributes[1], "smtp") == 0;
	return false;
}

static enum place
place(enum place parent, const char *name, const char **attributes)
{
	bool oauth = strcmp(name, "oAuth2") == 0;

	switch (parent) {
	case CONFIG:
		return oauth ? OAUTH : strcmp(name, "emailProvider") == 0 ? PROVIDER : ELSEWHERE;
	case PROVIDER:
		if (strcmp(name, "outgoingServer") == 0 && is_smtp(attributes))
			return SERVER;
		return oauth ? OAUTH : ELSEWHERE;
	case SERVER:
		return SERVER_LEAF;
	case OAUTH:
		return OAUTH_LEAF;
	case ELSEWHERE:
	case SERVER_LEAF:
	case OAUTH_LEAF:
		break;
	}
	return ELSEWHERE;
}

static void
start(void *ctx, const char *name, const char **attributes)
{
	struct reader *r = ctx;

	if (r->refused)
		return;
	if (r->depth == DEPTH) {
		refuse(r, "its elements are nested too deep");
		return;
	}
	if (!r->depth && strcmp(name, "clientConfig") != 0) {
		refuse(r, "it is another document");
		return;
	}
	r->at[r->depth + 1] = r->depth ? place(r->at[r->depth], name, attributes) : CONFIG;
	r->depth++;
	strbuf_clear(&r->text);
	if (r->at[r->depth] == SERVER)
		r->take(r->ctx, AUTOCONFIG_SERVER_BEGINS, name, NULL);
}

static void
add_text(void *ctx, const char *s, int n)
{
	struct reader *r = ctx;

	if (!r->refused && (r->at[r->depth] == SERVER_LEAF || r->at[r->depth] == OAUTH_LEAF))
		strbuf_add(&r->text, s, (size_t)n);
}

static void
end(void *ctx, const char *name)
{
	static const char blanks[] = " \t\r\n";
	struct reader *r = ctx;
	char *text = r->text.s;

	if (r->refused)
		return;
	while (r->text.len && strchr(blanks, text[r->text.len - 1]))
		strbuf_truncate(&r->text, r->text.len - 1);
	text += strspn(text, blanks);
	/* what is too long is as good as not there */
	if (r->text.full)
		text = strbuf_empty;
	if (r->at[r->depth] == SERVER_LEAF)
		r->take(r->ctx, AUTOCONFIG_SERVER_HAS, name, text);
	else if (r->at[r->depth] == OAUTH_LEAF)
		r->take(r->ctx, AUTOCONFIG_OAUTH_HAS, name, text);
	else if (r->at[r->depth] == SERVER)
		r->take(r->ctx, AUTOCONFIG_SERVER_ENDS, name, NULL);
	strbuf_clear(&r->text);
	r->depth--;
}

/* There is none in these documents, and entities could only be declared in one. */
static void
doctype(void *ctx, const char *name, const char *system, const char *public,
	int has_internal_subset)
{
	(void)name, (void)system, (void)public, (void)has_internal_subset;
	refuse(ctx, "it declares a document type");
}

bool
autoconfig_read(const char *text, size_t n, autoconfig_take *take, void *ctx, struct error *err)
{
	struct reader r = { .take = take, .ctx = ctx, .text = STRBUF_INIT(TEXT_MAX) };
	bool good;

	if (n > 1 << 20)
		return error_set(err, FAULT_PROTOCOL, "a configuration that is too large");
	if (!load(&r.l, err))
		return false;
	r.parser = r.l.create(NULL);
	if (!r.parser)
		alloc_failed();
	r.l.set_user_data(r.parser, &r);
	r.l.set_elements(r.parser, start, end);
	r.l.set_text(r.parser, add_text);
	r.l.set_doctype(r.parser, doctype);
	good = r.l.parse(r.parser, text, (int)n, 1) == 1 && !r.refused;
	if (!good)
		error_set(err, FAULT_PROTOCOL, "this is no autoconfiguration: %s",
			r.refused ? r.refused : r.l.error_text(r.l.error(r.parser)));
	r.l.free(r.parser);
	strbuf_done(&r.text);
	return good;
}
