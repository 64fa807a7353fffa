/* The words of RFC 5322 3.2 as octets: where they end and what they say. Only address_parse.c and
 * its like need them. */
#pragma once

#include <stdbool.h>

struct strbuf;

/* A blank, or a part of folding. */
bool word_is_blank(char c);
/* True iff C may stand in an atom with UTF-8 (RFC 6532 3.2). */
bool word_is_atom(char c);
/* True iff C begins a word that only a partner ends: '"', '(' or '['. */
bool word_is_opening(char c);
/* The end of the quoted string, comment (with those in it) or domain literal that begins at AT,
 * behind its last octet; NULL if it has none before END. */
const char *word_end(const char *at, const char *end);

/* These append what is said by the octets from S to END, in which every word has its end. */
/* The inside of a quoted string: without backslashes and line breaks. */
void word_add_quoted(struct strbuf *out, const char *s, const char *end);
/* The inside of a comment: the same, and blanks come out as single spaces, none at the ends. */
void word_add_comment(struct strbuf *out, const char *s, const char *end);
/* A display name: quoted strings as above, the rest as it is without comments and with single
 * spaces. */
void word_add_phrase(struct strbuf *out, const char *s, const char *end);
