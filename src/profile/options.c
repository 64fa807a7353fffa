#include "options.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "error.h"
#include "strbuf.h"
#include "text.h"

#define LIKE_MAX 48 /* longer names are like no option */

enum {
	FLAG_ONLY = WHERE_FLAG,
	FILE_ONLY = WHERE_FILE,
	BOTH = WHERE_FLAG | WHERE_FILE,
	SENDMAIL = WHERE_SENDMAIL,
	MASK = WHERE_MASK,
	LONG = WHERE_LONG,
	OPTIONAL = WHERE_OPTIONAL
};

/* clang-format off */
/* The group of an option is that of the last GROUP above it: kept in the high bits of a number that
 * counts on from there. */
enum code {
#define GROUP(id, title) CODE_GROUP_##id = OPTION_GROUP_##id << 10,
#define OPT(id, letter, name, arg, kind, where, values, fallback, sentence) CODE_##id,
#define ALIAS(id, letter, name)
#include "options.def"
#undef GROUP
#undef OPT
#undef ALIAS
};
/* clang-format on */

const struct option options[OPT_COUNT] = {
#define GROUP(id, title)
#define OPT(id, letter, name, arg, kind, where, values, fallback, sentence)                        \
	[OPT_##id] = { OPT_##id, (enum option_group)(CODE_##id >> 10), letter, name, arg,          \
		KIND_##kind, where, values, fallback, sentence },
#define ALIAS(id, letter, name)
#include "options.def"
#undef GROUP
#undef OPT
#undef ALIAS
};

const char *const option_group_titles[OPTION_GROUP_COUNT] = {
#define GROUP(id, title) title,
#define OPT(id, letter, name, arg, kind, where, values, fallback, sentence)
#define ALIAS(id, letter, name)
#include "options.def"
#undef GROUP
#undef OPT
#undef ALIAS
};

static const struct {
	enum option_id id;
	char letter;
	const char *name;
} aliases[] = {
#define GROUP(id, title)
#define OPT(id, letter, name, arg, kind, where, values, fallback, sentence)
#define ALIAS(id, letter, name) { OPT_##id, letter, name },
#include "options.def"
#undef GROUP
#undef OPT
#undef ALIAS
};
#define ALIAS_COUNT (sizeof(aliases) / sizeof(*aliases))

/* What is accepted where the kind alone does not say it. */
static const struct {
	enum option_id id;
	const char *phrase;
} phrases[] = {
	{ OPT_DSN_NOTIFY, "never, or a list of success, failure and delay" },
	{ OPT_FROM, "one address, as user@example.org" },
	{ OPT_BOUNCE_FROM, "one address, as user@example.org" },
	{ OPT_RATE, "NUMBER/TIME, as 100/1h" },
	{ OPT_USER_RATE, "NUMBER/TIME, as 100/1h" },
	{ OPT_DEFAULT_DOMAIN, "a domain name" },
	{ OPT_EHLO_NAME, "a domain name, or an address in brackets" },
	{ OPT_PROXY,
		"socks5://HOST, with USER@ before and :PORT behind HOST where needed, or none" },
	{ OPT_SOURCE_ADDRESS, "an IPv4 or IPv6 address of this machine, or none" },
	{ OPT_HOST, "names or addresses, each as HOST, HOST:PORT or [IPV6]:PORT" },
	{ OPT_TLS_TRUST, "system, none or a file name" },
	{ OPT_TLS_PIN,
		"sha256: and 64 hexadecimal digits, or sha256// and 44 characters of base64" },
	{ OPT_TLS_FINGERPRINT, "64 hexadecimal digits, with or without colons" },
	{ OPT_AUTH, "auto, none, SCRAM-SHA-256 or SCRAM-SHA-1 (with or without -PLUS), PLAIN, "
		    "LOGIN, CRAM-MD5, EXTERNAL, GSSAPI, OAUTHBEARER, XOAUTH2, DIGEST-MD5, NTLM" },
	{ OPT_PASSWORD_CREDENTIAL, "a plain file name" },
	{ OPT_LOG, "syslog, none or a file name" },
};

const struct option *
option_by_letter(char letter)
{
	if (!letter)
		return NULL;
	for (size_t i = 0; i < OPT_COUNT; i++)
		if (options[i].letter == letter)
			return &options[i];
	for (size_t i = 0; i < ALIAS_COUNT; i++)
		if (aliases[i].letter == letter)
			return &options[aliases[i].id];
	return NULL;
}

const struct option *
option_by_name(const char *name, size_t n, unsigned where)
{
	if (!n)
		return NULL;
	for (size_t i = 0; i < OPT_COUNT; i++)
		if ((options[i].where & where) && strlen(options[i].name) == n &&
			memcmp(options[i].name, name, n) == 0)
			return &options[i];
	for (size_t i = 0; i < ALIAS_COUNT; i++)
		if ((options[aliases[i].id].where & where) && strlen(aliases[i].name) == n &&
			memcmp(aliases[i].name, name, n) == 0)
			return &options[aliases[i].id];
	return NULL;
}

/* Insertions, deletions, replacements and swaps of neighbours that make A (N octets) into B. */
static unsigned
distance(const char *a, size_t n, const char *b)
{
	unsigned rows[3][LIKE_MAX + 1], *two = rows[0], *one = rows[1], *row = rows[2], *spare;
	size_t m = strlen(b);

	if (n > LIKE_MAX || m > LIKE_MAX)
		return LIKE_MAX;
	for (size_t j = 0; j <= m; j++)
		one[j] = two[j] = (unsigned)j;
	for (size_t i = 1; i <= n; i++) {
		row[0] = (unsigned)i;
		for (size_t j = 1; j <= m; j++) {
			unsigned best = one[j - 1] + (a[i - 1] != b[j - 1]);

			if (one[j] + 1 < best)
				best = one[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
				two[j - 2] + 1 < best)
				best = two[j - 2] + 1;
			row[j] = best;
		}
		spare = two, two = one, one = row, row = spare;
	}
	return one[m];
}

const struct option *
option_like(const char *name, unsigned where)
{
	size_t n = strlen(name);
	unsigned best = n < 4 ? 2 : 3, far;
	const struct option *found = NULL;

	for (size_t i = 0; i < OPT_COUNT; i++) {
		if (!(options[i].where & where) || !*options[i].name)
			continue;
		far = distance(name, n, options[i].name);
		if (far < best) {
			best = far;
			found = &options[i];
		}
	}
	return found;
}

bool
option_has_argument(const struct option *o)
{
	return o->kind != KIND_FLAG && o->kind != KIND_BOOL && o->kind != KIND_GLUED &&
	       !(o->where & WHERE_OPTIONAL);
}

bool
option_yes(const char *value)
{
	return strcasecmp(value, "yes") == 0;
}

int
option_choice(const struct option *o, const char *value)
{
	size_t n = strlen(value), len;
	const char *at = o->values;

	if (!*at)
		return -1;
	for (int i = 0;; i++, at += len + 1) {
		len = strcspn(at, "|");
		if (len == n && strncasecmp(at, value, n) == 0)
			return i;
		if (!at[len])
			return -1;
	}
}

/* Reads "low-high". */
static void
limits(const struct option *o, uint64_t *low, uint64_t *high)
{
	uint64_t *part = low;

	*low = *high = 0;
	for (const char *s = o->values; *s; s++)
		if (*s == '-')
			part = high;
		else
			*part = *part * 10 + (uint64_t)(*s - '0');
	if (!*o->values)
		*high = UINT64_MAX;
}

/* Seconds of "30", "30s", "5m", "2h", "1d". */
static bool
parse_time(const char *value, uint64_t *ret)
{
	static const struct {
		char letter;
		uint64_t seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	uint64_t unit = 1;
	char digits[20];
	size_t n = strlen(value);

	for (size_t i = 0; n && i < sizeof(units) / sizeof(*units); i++)
		if (value[n - 1] == units[i].letter) {
			unit = units[i].seconds;
			n--;
			break;
		}
	if (n >= sizeof(digits))
		return false;
	memcpy(digits, value, n);
	digits[n] = '\0';
	if (!text_number(digits, 0, UINT64_MAX / 86400, ret))
		return false;
	*ret *= unit;
	return true;
}

uint64_t
option_seconds(const char *value)
{
	uint64_t seconds;

	return parse_time(value, &seconds) ? seconds : 0;
}

/* "1d" and not "86400". */
static void
add_time(struct strbuf *out, uint64_t seconds)
{
	if (seconds && seconds % 86400 == 0)
		strbuf_addf(out, "%llud", (unsigned long long)seconds / 86400);
	else if (seconds && seconds % 3600 == 0)
		strbuf_addf(out, "%lluh", (unsigned long long)seconds / 3600);
	else if (seconds && seconds % 60 == 0)
		strbuf_addf(out, "%llum", (unsigned long long)seconds / 60);
	else
		strbuf_addf(out, "%llus", (unsigned long long)seconds);
}

static void
add_choices(struct strbuf *out, const char *values)
{
	for (const char *s = values; *s; s++)
		if (*s != '|')
			strbuf_addc(out, *s);
		else
			strbuf_adds(out, strchr(s + 1, '|') ? ", " : " or ");
}

void
option_add_accepted(struct strbuf *out, const struct option *o)
{
	uint64_t low, high;

	for (size_t i = 0; i < sizeof(phrases) / sizeof(*phrases); i++)
		if (phrases[i].id == o->id) {
			strbuf_adds(out, phrases[i].phrase);
			return;
		}
	switch (o->kind) {
	case KIND_FLAG:
		strbuf_adds(out, "no value");
		break;
	case KIND_BOOL:
		strbuf_adds(out, "yes or no");
		break;
	case KIND_TEXT:
	case KIND_MANY:
		strbuf_adds(out, "one line of text");
		break;
	case KIND_GLUED:
		strbuf_adds(out, "text glued to the letter");
		break;
	case KIND_LIST:
		strbuf_adds(out, "words separated by commas or blanks");
		break;
	case KIND_PATH:
		strbuf_adds(out, "a file name");
		break;
	case KIND_COMMAND:
		strbuf_adds(out, "a command with its arguments");
		break;
	case KIND_ENUM:
		add_choices(out, o->values);
		break;
	case KIND_NUMBER:
		limits(o, &low, &high);
		strbuf_addf(out, "a number from %llu to %llu", (unsigned long long)low,
			(unsigned long long)high);
		break;
	case KIND_TIME:
		limits(o, &low, &high);
		strbuf_adds(out, "a time from ");
		add_time(out, low);
		strbuf_adds(out, " to ");
		add_time(out, high);
		strbuf_adds(out, " (as 30, 30s, 5m, 2h or 1d)");
		break;
	}
}

static bool
refuse(const struct option *o, enum fault fault, const char *value, const char *reason,
	struct error *err)
{
	struct strbuf accepted = STRBUF_INIT(256), shown = STRBUF_INIT(128);

	option_add_accepted(&accepted, o);
	if (!(o->where & WHERE_MASK) && *value) {
		text_add_quoted(&shown, value, strlen(value), 60);
		strbuf_addc(&shown, ' ');
	}
	error_set(err, fault, "%s%s; accepted: %s", shown.s, reason, accepted.s);
	strbuf_done(&accepted);
	strbuf_done(&shown);
	return false;
}

bool
option_refuse(const struct option *o, const char *value, const char *reason, struct error *err)
{
	return refuse(o, FAULT_CONFIG, value, reason, err);
}

/* Values of keys are one line; what an option alone may carry (a body) is judged by who uses it. */
static bool
has_control(const struct option *o, const char *value)
{
	bool words = o->kind == KIND_LIST || o->kind == KIND_COMMAND;
	size_t n;

	/* file names need not be UTF-8 */
	if (o->kind == KIND_PATH) {
		for (; *value; value++)
			if ((unsigned char)*value < 0x20 || *value == 0x7f)
				return true;
		return false;
	}
	for (;; value += n + 1) {
		n = words ? strcspn(value, "\t") : strlen(value);
		if (text_has_control(value, n))
			return true;
		if (!value[n])
			return false;
	}
}

bool
option_check(const struct option *o, const char *value, struct error *err)
{
	uint64_t n, low, high;
	bool key = o->where & WHERE_FILE;

	if (key && has_control(o, value))
		return refuse(
			o, FAULT_DATA, value, "holds a control character or is not UTF-8", err);
	if (!value[strspn(value, " \t,")] && o->id != OPT_FROM_NAME &&
		(key || (o->kind != KIND_TEXT && o->kind != KIND_MANY)) && o->kind != KIND_FLAG &&
		o->kind != KIND_GLUED)
		return refuse(o, FAULT_CONFIG, "", "the value is empty", err);
	switch (o->kind) {
	case KIND_FLAG:
		return !*value || option_yes(value) ||
		       refuse(o, FAULT_CONFIG, value, "is not expected", err);
	case KIND_BOOL:
		if (strcasecmp(value, "yes") == 0 || strcasecmp(value, "no") == 0)
			return true;
		return refuse(o, FAULT_CONFIG, value, "is neither yes nor no", err);
	case KIND_ENUM:
		if (option_choice(o, value) >= 0)
			return true;
		return refuse(o, FAULT_CONFIG, value, "is not known", err);
	case KIND_NUMBER:
		limits(o, &low, &high);
		if (text_number(value, low, high, &n))
			return true;
		return refuse(o, FAULT_CONFIG, value, "is not such a number", err);
	case KIND_TIME:
		limits(o, &low, &high);
		if (parse_time(value, &n) && n >= low && n <= high)
			return true;
		return refuse(o, FAULT_CONFIG, value, "is not such a time", err);
	case KIND_TEXT:
	case KIND_LIST:
	case KIND_MANY:
	case KIND_PATH:
	case KIND_COMMAND:
	case KIND_GLUED:
		break;
	}
	return true;
}
