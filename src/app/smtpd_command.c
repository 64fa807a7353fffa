#include "smtpd_command.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "error.h"
#include "text.h"

bool
smtpd_refuse(struct error *err, int code, unsigned short subject, unsigned short detail,
	const char *format, ...)
{
	char text[sizeof(err->text)];
	va_list ap;

	if (!err || err->fault)
		return false;
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	error_set(err, code / 100 == 4 ? FAULT_TEMPORARY : FAULT_DATA, "%s", text);
	err->smtp = code;
	err->code = (struct enhanced){ (unsigned short)(code / 100), subject, detail };
	return false;
}

void
smtpd_command_done(struct smtpd_command *c)
{
	address_done(&c->address);
	free(c->envid);
	free(c->orcpt);
	*c = (struct smtpd_command){ .argument = "" };
}

/* Where the path at S ends: behind its '>', or where it has no brackets (people type it so) at the
 * next blank. NULL when it does not end. */
static const char *
path_end(const char *s)
{
	bool brackets = *s == '<', quoted = false;

	for (; *s; s++) {
		if (*s == '\\' && s[1])
			s++;
		else if (*s == '"')
			quoted = !quoted;
		else if (!quoted && brackets && *s == '>')
			return s + 1;
		else if (!quoted && !brackets && *s == ' ')
			return s;
	}
	return brackets || quoted ? NULL : s;
}

static bool
parse_path(struct smtpd_command *c, const char **at, struct error *err)
{
	bool mail = c->verb == SMTPD_MAIL;
	unsigned short detail = mail ? 7 : 3;
	struct error why = ERROR_NONE;
	const char *from = *at, *end = path_end(from);

	if (!end || end == from || (*end && *end != ' '))
		return smtpd_refuse(err, 501, 1, detail, "this is no address: %s", from);
	if (!address_parse_sender(from, (size_t)(end - from), &c->address, &why))
		return smtpd_refuse(err, 501, 1, detail, "%s", why.text);
	/* comments and display names are no part of SMTP */
	if (c->address.name || (!mail && address_is_null(&c->address)))
		return smtpd_refuse(
			err, 501, 1, detail, "this is no address: %.*s", (int)(end - from), from);
	*at = end;
	return true;
}

/* "FROM:<path> parameters". */
static bool
parse_transaction(struct smtpd_command *c, const char *at, struct error *err)
{
	const char *prefix = c->verb == SMTPD_MAIL ? "FROM:" : "TO:";
	size_t n = strlen(prefix);

	if (strncasecmp(at, prefix, n) != 0)
		return smtpd_refuse(err, 501, 5, 4, "%s %s<address> is what it takes",
			c->verb == SMTPD_MAIL ? "MAIL" : "RCPT", prefix);
	at += n;
	at += strspn(at, " ");
	if (!parse_path(c, &at, err))
		return false;
	for (;;) {
		at += strspn(at, " ");
		n = strcspn(at, " ");
		if (!n)
			return true;
		if (!smtpd_parameter(c, at, n, err))
			return false;
		at += n;
	}
}

/* RFC 3030 section 2: "BDAT octets [LAST]". */
static bool
parse_chunk(struct smtpd_command *c, const char *at, struct error *err)
{
	char number[24];
	size_t n = strcspn(at, " ");

	if (n < sizeof(number)) {
		memcpy(number, at, n);
		number[n] = '\0';
		at += n;
		at += strspn(at, " ");
		c->last = strcasecmp(at, "LAST") == 0;
		if ((c->last || !*at) && text_number(number, 0, INT64_MAX, &c->chunk))
			return true;
	}
	return smtpd_refuse(err, 501, 5, 4, "BDAT octets [LAST] is what it takes");
}

static bool
parse_nothing(struct smtpd_command *c, const char *at, struct error *err)
{
	(void)c;
	return !*at || smtpd_refuse(err, 501, 5, 4, "nothing may follow the command");
}

static bool
parse_text(struct smtpd_command *c, const char *at, struct error *err)
{
	(void)err;
	c->argument = at;
	return true;
}

static const struct {
	const char *word;
	bool (*parse)(struct smtpd_command *c, const char *at, struct error *err);
} verbs[SMTPD_COUNT] = {
	[SMTPD_HELO] = { "HELO", parse_text },
	[SMTPD_EHLO] = { "EHLO", parse_text },
	[SMTPD_MAIL] = { "MAIL", parse_transaction },
	[SMTPD_RCPT] = { "RCPT", parse_transaction },
	[SMTPD_DATA] = { "DATA", parse_nothing },
	[SMTPD_BDAT] = { "BDAT", parse_chunk },
	[SMTPD_RSET] = { "RSET", parse_nothing },
	[SMTPD_NOOP] = { "NOOP", parse_text },
	[SMTPD_VRFY] = { "VRFY", parse_text },
	[SMTPD_HELP] = { "HELP", parse_text },
	[SMTPD_QUIT] = { "QUIT", parse_nothing },
};

static const char *const not_offered[] = { "STARTTLS", "AUTH", "EXPN", "ETRN", "TURN", "SEND",
	"SOML", "SAML", "XCLIENT", "XFORWARD" };

static bool
is_word(const char *line, size_t n, const char *word)
{
	return strlen(word) == n && strncasecmp(line, word, n) == 0;
}

bool
smtpd_command_parse(const char *line, size_t n, struct smtpd_command *ret, struct error *err)
{
	size_t length = strcspn(line, " ");
	char copy[4096 + 1];

	*ret = (struct smtpd_command){ .argument = "" };
	if (text_has_control(line, n))
		return smtpd_refuse(err, 500, 5, 2,
			"the line holds control characters, or octets that are no UTF-8");
	while (n && line[n - 1] == ' ')
		n--;
	if (n >= sizeof(copy))
		return smtpd_refuse(err, 500, 5, 2, "the line is too long");
	for (size_t i = 0; i < SMTPD_COUNT; i++) {
		if (!is_word(line, length, verbs[i].word))
			continue;
		ret->verb = (enum smtpd_verb)i;
		if (verbs[i].parse == parse_text)
			return parse_text(ret, line + length + strspn(line + length, " "), err);
		memcpy(copy, line, n);
		copy[n] = '\0';
		return verbs[i].parse(ret, copy + length + strspn(copy + length, " "), err);
	}
	for (size_t i = 0; i < sizeof(not_offered) / sizeof(*not_offered); i++)
		if (is_word(line, length, not_offered[i]))
			return smtpd_refuse(
				err, 502, 5, 1, "%s is not offered here", not_offered[i]);
	return smtpd_refuse(err, 500, 5, 2, "this is no SMTP command");
}
