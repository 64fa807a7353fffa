#include "gendoc.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "help.h"
#include "options.h"
#include "strbuf.h"

/* Appends an argument in small letters, as manuals write it; quoted when it holds a blank. */
static void
add_argument(struct strbuf *out, const char *arg, size_t n)
{
	bool quoted = memchr(arg, ' ', n) != NULL;
	size_t i;

	strbuf_adds(out, quoted ? "\"" : "");
	for (i = 0; i < n; i++)
		strbuf_addc(out, (char)tolower((unsigned char)arg[i]));
	strbuf_adds(out, quoted ? "\"" : "");
}

/* True iff the N capital letters at WORD stand in the option's argument: the sentence means that.
 */
static bool
is_argument(const struct option *o, const char *word, size_t n)
{
	const char *at = o->arg;
	size_t length;

	for (; *at; at += length) {
		at += strcspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
		length = strspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
		if (n > 1 && length == n && !strncmp(at, word, n))
			return true;
	}
	return false;
}

/* The macro for one word of a sentence, NULL for none; *SKIP octets of the word are not printed. */
static const char *
macro_for(const struct option *o, const char *word, size_t n, size_t *skip)
{
	*skip = 0;
	if (is_argument(o, word, n))
		return "Ar";
	if (word[0] == '-' && (n == 2 || (n > 3 && word[1] == '-'))) {
		*skip = 1;
		return "Fl";
	}
	if (memchr(word, '-', n) && option_by_name(word, n, WHERE_FLAG | WHERE_FILE))
		return "Cm";
	return NULL;
}

static void
add_escaped(struct strbuf *out, const char *s, size_t n)
{
	size_t i;

	if (n && (s[0] == '.' || s[0] == '\'') && (!out->len || out->s[out->len - 1] == '\n'))
		strbuf_adds(out, "\\&");
	for (i = 0; i < n; i++)
		if (s[i] == '\\')
			strbuf_adds(out, "\\e");
		else
			strbuf_addc(out, s[i]);
}

static void
end_line(struct strbuf *out)
{
	if (out->len && out->s[out->len - 1] != '\n')
		strbuf_addc(out, '\n');
}

/* A word that becomes a macro has a line of its own, with its punctuation as further arguments. */
static void
add_macro(struct strbuf *out, const char *macro, const char *word, size_t n, const char *after)
{
	end_line(out);
	strbuf_addf(out, ".%s ", macro);
	if (macro[0] == 'A')
		add_argument(out, word, n);
	else
		add_escaped(out, word, n);
	for (; *after && *after != ' '; after++)
		strbuf_addf(out, " %c", *after);
	strbuf_addc(out, '\n');
}

/* Appends a sentence: arguments, options and keys in it are marked up, and each sentence begins a
 * line of its own. */
static void
add_sentence(struct strbuf *out, const struct option *o)
{
	const char *at = o->sentence, *macro;
	size_t word, core, skip;

	for (end_line(out); *at; at += word + strspn(at + word, " ")) {
		word = strcspn(at, " ");
		core = word;
		while (core && strchr(".,;:)", at[core - 1]))
			core--;
		if ((macro = macro_for(o, at, core, &skip))) {
			add_macro(out, macro, at + skip, core - skip, at + core);
			continue;
		}
		if (out->len && out->s[out->len - 1] != '\n')
			strbuf_addc(out, ' ');
		add_escaped(out, at, word);
		if (core < word && at[word - 1] == '.')
			end_line(out);
	}
	end_line(out);
}

/* Appends DIR/NAME.mdoc where there is such a file. */
static void
add_text(struct strbuf *out, const char *texts, const struct option *o)
{
	struct strbuf path = STRBUF_INIT(4096);

	strbuf_addf(&path, "%s/%s.mdoc", texts, o->name);
	if (*o->name && !access(path.s, F_OK)) {
		gendoc_read(path.s, out);
		end_line(out);
	}
	strbuf_done(&path);
}

/* Begins a list of the options of a group when another than the last one begins. */
static void
add_group(struct strbuf *out, const struct option *o, int *group)
{
	if (*group == (int)o->group)
		return;
	if (*group >= 0)
		strbuf_adds(out, ".El\n");
	*group = (int)o->group;
	strbuf_addf(out, ".Ss %s\n.Bl -tag -width Ds\n", option_group_titles[*group]);
}

static void
add_option_item(struct strbuf *out, const struct option *o)
{
	strbuf_adds(out, ".It");
	if (o->letter) {
		strbuf_addf(out, " Fl %c", o->letter);
		if (*o->arg && o->kind != KIND_BOOL) {
			strbuf_adds(out, " Ar ");
			add_argument(out, o->arg, strlen(o->arg));
		}
		strbuf_adds(out, *o->name ? " ," : "");
	}
	if (*o->name)
		strbuf_addf(out, " Fl -%s", o->name);
	if (o->kind == KIND_BOOL) {
		strbuf_adds(out, " Ns Op = Ns Cm yes | no");
	} else if (o->where & WHERE_OPTIONAL) {
		strbuf_adds(out, " Ns Op = Ns Ar ");
		add_argument(out, o->arg, strlen(o->arg));
	} else if (*o->name && *o->arg) {
		strbuf_adds(out, " Ar ");
		add_argument(out, o->arg, strlen(o->arg));
	}
	strbuf_addc(out, '\n');
}

void
manual_add_options(struct strbuf *out, const char *texts)
{
	int group = -1;
	size_t i;

	for (i = 0; i < OPT_COUNT; i++) {
		if (!(options[i].where & WHERE_FLAG))
			continue;
		add_group(out, &options[i], &group);
		add_option_item(out, &options[i]);
		add_sentence(out, &options[i]);
		if (!(options[i].where & WHERE_FILE))
			add_text(out, texts, &options[i]);
	}
	strbuf_adds(out, ".El\n");
}

static void
add_key_item(struct strbuf *out, const struct option *o)
{
	strbuf_addf(out, ".It Cm %s No = ", o->name);
	if (o->kind == KIND_BOOL) {
		strbuf_adds(out, "Cm yes | no");
	} else {
		strbuf_adds(out, "Ar ");
		add_argument(out, o->arg, strlen(o->arg));
		strbuf_adds(out, o->kind == KIND_LIST ? " ..." : "");
	}
	strbuf_addc(out, '\n');
}

/* What is accepted, where the argument's name does not say it, and what holds without the key. */
static void
add_values(struct strbuf *out, const struct option *o)
{
	if (o->kind == KIND_ENUM || o->kind == KIND_NUMBER || o->kind == KIND_TIME) {
		strbuf_adds(out, "The value is ");
		option_add_accepted(out, o);
		strbuf_adds(out, ".\n");
	}
	if (*o->fallback)
		strbuf_addf(out, "The default is\n.Cm %s .\n", o->fallback);
}

void
manual_add_keys(struct strbuf *out, const char *texts)
{
	int group = -1;
	size_t i;

	for (i = 0; i < OPT_COUNT; i++) {
		if (!(options[i].where & WHERE_FILE))
			continue;
		add_group(out, &options[i], &group);
		add_key_item(out, &options[i]);
		add_sentence(out, &options[i]);
		add_values(out, &options[i]);
		add_text(out, texts, &options[i]);
	}
	strbuf_adds(out, ".El\n");
}

void
manual_add_statuses(struct strbuf *out)
{
	const char *phrase;
	int fault;

	strbuf_adds(out, ".Bl -tag -width \"78 EX_UNAVAILABLE\" -compact\n");
	for (fault = 0; fault < FAULT_COUNT; fault++) {
		phrase = fault_phrase((enum fault)fault);
		strbuf_addf(out, ".It %d Dv %s\n%c%s.\n", fault_status((enum fault)fault),
			fault_name((enum fault)fault), toupper((unsigned char)phrase[0]),
			phrase + 1);
	}
	strbuf_adds(out, ".El\n");
}
