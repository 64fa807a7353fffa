#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "alloc.h"
#include "error.h"
#include "smtpd_command.h"
#include "strbuf.h"
#include "text.h"

#define ENVID_MAX 100 /* octets of xtext, RFC 3461 4.4 */
#define ORCPT_MAX 500 /* RFC 3461 4.2 */

static bool
set_size(struct smtpd_command *c, const char *value)
{
	/* RFC 1870 section 3: at most 20 digits */
	return strlen(value) <= 20 && text_number(value, 0, INT64_MAX, &c->size);
}

static bool
set_body(struct smtpd_command *c, const char *value)
{
	(void)c;
	/* it is found in the content; BINARYMIME (RFC 3030) is not offered */
	return strcasecmp(value, "7BIT") == 0 || strcasecmp(value, "8BITMIME") == 0;
}

static bool
set_smtputf8(struct smtpd_command *c, const char *value)
{
	(void)value;
	c->smtputf8 = true;
	return true;
}

static bool
set_return(struct smtpd_command *c, const char *value)
{
	return strcasecmp(value, "headers") != 0 && dsn_return_parse(value, &c->dsn_return, NULL);
}

static bool
set_envid(struct smtpd_command *c, const char *value)
{
	struct strbuf text = STRBUF_INIT(ENVID_MAX);
	size_t n = strlen(value);
	bool good = n && n <= ENVID_MAX && dsn_parse_xtext(value, n, &text, NULL);

	if (good)
		c->envid = xstrdup(text.s);
	strbuf_done(&text);
	return good;
}

static bool
set_nothing(struct smtpd_command *c, const char *value)
{
	(void)c, (void)value;
	return true;
}

static bool
set_notify(struct smtpd_command *c, const char *value)
{
	return dsn_notify_parse(value, &c->dsn_notify, NULL);
}

static bool
set_orcpt(struct smtpd_command *c, const char *value)
{
	struct strbuf text = STRBUF_INIT(4 * ORCPT_MAX);
	size_t type = strcspn(value, ";"), n = strlen(value);
	bool good = type && value[type] && n <= ORCPT_MAX;

	if (!good)
		return false;
	value += type + 1;
	n -= type + 1;
	if (type == 6 && strncasecmp(value - 7, "rfc822", 6) == 0)
		good = dsn_parse_xtext(value, n, &text, NULL);
	else if (type == 5 && strncasecmp(value - 6, "utf-8", 5) == 0)
		good = dsn_parse_utf8(value, n, &text, NULL);
	if (good && text.len)
		c->orcpt = xstrdup(text.s);
	strbuf_done(&text);
	return good;
}

enum value { VALUE_NEEDED, VALUE_NONE };

static const struct row {
	enum smtpd_verb verb;
	const char *name;
	enum value value;
	bool (*set)(struct smtpd_command *c, const char *value);
} rows[] = {
	{ SMTPD_MAIL, "SIZE", VALUE_NEEDED, set_size },
	{ SMTPD_MAIL, "BODY", VALUE_NEEDED, set_body },
	{ SMTPD_MAIL, "SMTPUTF8", VALUE_NONE, set_smtputf8 },
	{ SMTPD_MAIL, "RET", VALUE_NEEDED, set_return },
	{ SMTPD_MAIL, "ENVID", VALUE_NEEDED, set_envid },
	/* RFC 4954 section 5: whose message it was once is nothing that we could vouch for */
	{ SMTPD_MAIL, "AUTH", VALUE_NEEDED, set_nothing },
	{ SMTPD_RCPT, "NOTIFY", VALUE_NEEDED, set_notify },
	{ SMTPD_RCPT, "ORCPT", VALUE_NEEDED, set_orcpt },
};

static bool
set(struct smtpd_command *c, const struct row *row, const char *word, size_t n, struct error *err)
{
	size_t name = strlen(row->name);
	bool has_value = n > name, good;
	char *value;

	if (has_value != (row->value == VALUE_NEEDED))
		return smtpd_refuse(err, 501, 5, 4, "%s %s", row->name,
			has_value ? "takes no value" : "needs a value");
	value = xstrndup(has_value ? word + name + 1 : "", has_value ? n - name - 1 : 0);
	good = row->set(c, value);
	if (!good)
		smtpd_refuse(err, 501, 5, 4, "this is no good value of %s: %s", row->name, value);
	free(value);
	return good;
}

bool
smtpd_parameter(struct smtpd_command *c, const char *word, size_t n, struct error *err)
{
	const char *equals = memchr(word, '=', n);
	size_t name = equals ? (size_t)(equals - word) : n;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (rows[i].verb != c->verb || strlen(rows[i].name) != name ||
			strncasecmp(word, rows[i].name, name) != 0)
			continue;
		if (c->given & 1u << i)
			return smtpd_refuse(err, 501, 5, 4, "%s is there twice", rows[i].name);
		c->given |= 1u << i;
		return set(c, &rows[i], word, n, err);
	}
	return smtpd_refuse(err, 555, 5, 4, "there is no parameter %.*s here",
		(int)(name < 60 ? name : 60), word);
}
