/* Addresses: mailboxes, lists, groups (RFC 5322 3.4, RFC 6532), and their form in SMTP (RFC 5321
 * 4.1.2, RFC 6531). Pure functions; every octet is hostile until it has been parsed here. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct error;
struct strbuf;

/* RFC 5321 4.5.3.1.1 promises 64 octets and asks to take more: reply and bounce addresses have more.
 */
#define ADDRESS_LOCAL_MAX  255       /* octets */
#define ADDRESS_DOMAIN_MAX 255       /* octets, RFC 5321 4.5.3.1.2 */
#define ADDRESS_LIST_MAX   100000    /* mailboxes in one list */
#define ADDRESS_TEXT_MAX   (8 << 20) /* octets of one list as text */

/* One mailbox. The strings are owned. The null sender has local "" and no domain. */
struct address {
	char *name;   /* display name, decoded of quoting (not of RFC 2047), or NULL; a comment
			 after a bare address ("root (Cron Daemon)") counts as one */
	char *local;  /* without its quotes and backslashes: `a b` for `"a b"@example.org` */
	char *domain; /* as written, without comments and folding, or NULL when unqualified;
			 an address literal keeps its brackets */
};

struct address_list {
	struct address *v;
	size_t n;
};

#define ADDRESS_NONE                                                                               \
	{                                                                                          \
		NULL, NULL, NULL                                                                   \
	}
#define ADDRESS_LIST_NONE                                                                          \
	{                                                                                          \
		NULL, 0                                                                            \
	}

/* Parses an address list as header fields and command lines carry it: mailboxes separated by commas
 * (empty members allowed, so "a, , b" has two; a ';' outside a group separates too, as users of
 * Outlook write it), display names (any octets but controls), quoted strings, nested comments,
 * groups (members are taken, an empty group has none and may lack its ';'), route addresses
 * (<@relay:u@d> gives u@d), encoded-words (kept as they are), UTF-8, obsolete forms (blanks around
 * "@" and ".", dots at any place of a local part, which is then quoted on the wire; several bare
 * addresses separated by blanks only, as sendmail's callers write them). Appends to *RET. False
 * with FAULT_DATA and nothing appended for text that is no list: a control character anywhere, CR
 * and LF too unless a blank follows them as folding has it, an address with malformed UTF-8, '<' or
 * '>' out of place, an empty local part, a domain that address_domain_is_valid refuses, a part
 * longer than the limits, an unbalanced quote, comment, bracket or group. The message quotes the
 * offending mailbox. "<>" is an error here. Folding belongs into header fields: whoever has an
 * argument of the command line refuses CR and LF first. */
bool address_list_parse(const char *s, size_t n, struct address_list *ret, struct error *err)
	__attribute__((warn_unused_result));
/* Where an address stands in the text it was parsed from: the offsets of "local" or "local@domain",
 * without display name, brackets, route, and the blanks and comments around it. */
struct address_place {
	size_t start, end;
};
/* As address_list_parse; *RET_PLACES (free it; NULL where there are none) has the place of each
 * address that was appended. */
bool address_list_locate(const char *s, size_t n, struct address_list *ret,
	struct address_place **ret_places, struct error *err) __attribute__((warn_unused_result));
/* Parses exactly one mailbox, for -f: the same syntax without groups, folding and tabs, and "" or
 * "<>" is the null sender. Of a list of several the first is NOT taken: FAULT_DATA. */
bool address_parse_sender(const char *s, size_t n, struct address *ret, struct error *err)
	__attribute__((warn_unused_result));

void address_done(struct address *a);
void address_list_done(struct address_list *l);
/* Appends a deep copy of *A. */
void address_list_add(struct address_list *l, const struct address *a);
/* Appends *A itself, which is left empty. */
void address_list_take(struct address_list *l, struct address *a);
/* Removes all members but the first N. */
void address_list_truncate(struct address_list *l, size_t n);
/* Removes later members that are equal to earlier ones; keeps the order. O(n log n) or better. */
void address_list_unique(struct address_list *l);

/* Equal as recipients: local parts octet by octet, domains without regard to ASCII case, both with
 * IDN domains compared as A-labels. */
bool address_equal(const struct address *a, const struct address *b);
bool address_is_null(const struct address *a);

/* Sets the domain of an unqualified address to DOMAIN (copied); leaves others and the null sender.
 */
void address_qualify(struct address *a, const char *domain);

/* How SMTP writes it between < and >: local part quoted only if it must be, "" for the null sender.
 * With ASCII_DOMAIN an IDN domain is written as A-labels (IDNA2008, libidn2), which may fail with
 * FAULT_DATA. */
bool address_add_smtp(struct strbuf *out, const struct address *a, bool ascii_domain,
	struct error *err) __attribute__((warn_unused_result));
/* The same for a person's eyes, as text_add_printable has it. */
void address_add_printable(struct strbuf *out, const struct address *a, size_t max);
/* The same for a key=value log, as text_add_pair has it: nothing for an address that is not set,
 * but
 * "" for the null sender. */
void address_add_pair(struct strbuf *out, const char *key, const struct address *a, size_t max);
/* True iff the local part holds octets above 127 (needs SMTPUTF8 in any case). */
bool address_local_is_utf8(const struct address *a);
/* True iff the domain holds octets above 127 (SMTPUTF8, or A-labels). */
bool address_domain_is_utf8(const struct address *a);
/* Checks a domain that SMTP may carry: dot-atom, IDN that has A-labels, or address literal (RFC
 * 5321 4.1.3), length limits, no control characters. For ehlo-name and default-domain as well. */
bool address_domain_is_valid(const char *domain);
/* True iff C may stand in an atom (RFC 5322 3.2.3); octets above 127 are not among these. */
bool address_is_atext(char c);

/* How a header field writes it: `"Doe, J." <j@example.org>`. The name is quoted if it must be, and
 * RFC 2047 encoded if it is not ASCII. Not folded. */
void address_add_header(struct strbuf *out, const struct address *a);
