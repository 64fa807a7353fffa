#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "child.h"
#include "error.h"
#include "io.h"

#define LINE_MAX_OCTETS 65536

/* A line being split. The words are written behind the array that points to them. */
struct splitter {
	const char *at;
	char *to;
	const char *home;
};

static bool
blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Copies "..." behind its opening quote; a backslash quotes only what is special in there. */
static bool
copy_quoted(struct splitter *s)
{
	for (; *s->at && *s->at != '"'; s->at++) {
		if (*s->at == '\\' && s->at[1] && strchr("\"\\$`", s->at[1]))
			s->at++;
		*s->to++ = *s->at;
	}
	return *s->at++ == '"';
}

static bool
copy_literal(struct splitter *s)
{
	while (*s->at && *s->at != '\'')
		*s->to++ = *s->at++;
	return *s->at++ == '\'';
}

/* Copies one word and ends it. */
static bool
copy_word(struct splitter *s, struct error *err)
{
	if (s->home && s->at[0] == '~' && s->at[1] == '/') {
		s->to = stpcpy(s->to, s->home);
		s->at++;
	}
	while (*s->at && !blank(*s->at)) {
		char c = *s->at++;

		if (c == '\'' || c == '"') {
			if (!(c == '"' ? copy_quoted(s) : copy_literal(s)))
				return error_set(err, FAULT_CONFIG, "a %c is not closed", c);
		} else if (c == '\\') {
			if (!*s->at)
				return error_set(
					err, FAULT_CONFIG, "nothing follows the last backslash");
			*s->to++ = *s->at++;
		} else if (strchr("|&;<>`", c)) {
			/* written for a shell: better refused than handed over as a word */
			return error_set(err, FAULT_CONFIG,
				"an unquoted %c, but no shell is run (quote it, or use sh -c "
				"'...')",
				c);
		} else {
			*s->to++ = c;
		}
	}
	*s->to++ = '\0';
	return true;
}

char **
child_words(const char *line, struct error *err)
{
	struct splitter s = { .at = line, .home = io_home() };
	size_t len = strlen(line), most = len / 2 + 1, homes = 0, n = 0;
	char **words;

	if (len > LINE_MAX_OCTETS) {
		error_set(
			err, FAULT_CONFIG, "the command is longer than %d octets", LINE_MAX_OCTETS);
		return NULL;
	}
	for (const char *tilde = line; (tilde = strstr(tilde, "~/")); tilde++)
		homes++;
	words = xmalloc(
		(most + 1) * sizeof(*words) + len + 1 + homes * (s.home ? strlen(s.home) : 0));
	s.to = (char *)(words + most + 1);
	for (;;) {
		while (blank(*s.at))
			s.at++;
		if (!*s.at)
			break;
		words[n++] = s.to;
		if (!copy_word(&s, err)) {
			free(words);
			return NULL;
		}
	}
	words[n] = NULL;
	if (n && *words[0])
		return words;
	error_set(err, FAULT_CONFIG, "the command is empty");
	free(words);
	return NULL;
}
