#include "import.h"

#include <string.h>
#include <strings.h>

#include "error.h"
#include "import_msmtp.h"
#include "import_private.h"

static const struct {
	const char *name;
	const char *const *files; /* names of its files */
	const char *const *words; /* how lines of its file begin */
	void (*parse)(struct import *i);
} formats[IMPORT_FORMATS] = {
	[IMPORT_MSMTP] = { "msmtp", (const char *const[]){ "msmtprc", ".msmtprc", NULL }, NULL,
		import_msmtp },
	[IMPORT_SSMTP] = { "ssmtp", (const char *const[]){ "ssmtp.conf", NULL },
		(const char *const[]){ "mailhub=", "rewritedomain=", "fromlineoverride=", "root=",
			"usetls=", "usestarttls=", "authuser=", "authpass=", NULL },
		import_ssmtp },
	[IMPORT_NULLMAILER] = { "nullmailer", (const char *const[]){ "remotes", NULL }, NULL,
		import_nullmailer },
	[IMPORT_DMA] = { "dma", (const char *const[]){ "dma.conf", NULL },
		(const char *const[]){ "smarthost", "authpath", "securetransfer", "starttls",
			"masquerade", "nullclient", "mailname", "spooldir", NULL },
		import_dma },
	[IMPORT_ESMTP] = { "esmtp", (const char *const[]){ "esmtprc", ".esmtprc", NULL },
		(const char *const[]){ "hostname=", "username=", "identity",
			"mda=", "starttls=", "certificate_passphrase=", NULL },
		import_esmtp },
	[IMPORT_SNAIL] = { "s-nail",
		(const char *const[]){ "mailrc", ".mailrc", "s-nail.rc", "nail.rc", NULL },
		(const char *const[]){ "set ", "account ", "unset ", NULL }, import_snail },
};

const char *
import_format_name(enum import_format format)
{
	return format > IMPORT_UNKNOWN && format < IMPORT_FORMATS ? formats[format].name
								  : "unknown";
}

static const char *
line_end(const char *s, const char *end)
{
	const char *found = memchr(s, '\n', (size_t)(end - s));

	return found ? found : end;
}

static const char *
skip_blanks(const char *s, const char *end)
{
	while (s < end && (*s == ' ' || *s == '\t' || *s == '\r'))
		s++;
	return s;
}

/* The first line with something in it, *RET_N octets. */
static const char *
first_line(const char *s, const char *end, size_t *ret_n)
{
	const char *stop;

	for (; s < end; s = stop + (stop < end)) {
		stop = line_end(s, end);
		s = skip_blanks(s, stop);
		if (s < stop && *s != '#') {
			*ret_n = (size_t)(stop - s);
			return s;
		}
	}
	*ret_n = 0;
	return end;
}

bool
import_is_msmtp(const char *text, size_t n)
{
	size_t len, word = 0;
	const char *s = first_line(text, text + n, &len), *behind;

	while (word < len && s[word] != ' ' && s[word] != '\t' && s[word] != '\r')
		word++;
	behind = skip_blanks(s + word, s + len);
	return import_msmtp_is_command(s, word) && (behind == s + len || *behind != '=') &&
	       !(len && memchr(s, '{', len));
}

/* Does the line begin with WORD? Blanks in front of an equals sign do not count. */
static bool
begins(const char *s, const char *end, const char *word)
{
	for (; *word; word++, s++) {
		if (*word == '=')
			s = skip_blanks(s, end);
		if (s >= end || (*s | 0x20) != (*word | 0x20))
			return false;
	}
	return word[-1] == '=' || word[-1] == ' ' || s >= end || *s == ' ' || *s == '\t' ||
	       *s == '\r';
}

/* How many lines begin as those of FORMAT do. */
static unsigned
likeness(enum import_format format, const char *s, const char *end)
{
	unsigned count = 0;
	const char *stop;

	for (; s < end; s = stop + (stop < end)) {
		stop = line_end(s, end);
		s = skip_blanks(s, stop);
		for (const char *const *word = formats[format].words; *word; word++)
			count += begins(s, stop, *word);
	}
	return count;
}

/* "HOST smtp ..." or a bare host name. */
static bool
is_remote(const char *text, size_t n)
{
	size_t len;
	const char *s = first_line(text, text + n, &len), *end = s + len, *name = s;

	while (s < end && *s != ' ' && *s != '\t' && *s != '\r' && *s != '=')
		s++;
	if (s == name || !memchr(name, '.', (size_t)(s - name)))
		return false;
	s = skip_blanks(s, end);
	return s == end || begins(s, end, "smtp") || begins(s, end, "qmqp");
}

enum import_format
import_guess(const char *path, const char *text, size_t n)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	unsigned best = 0, count;
	enum import_format found = IMPORT_UNKNOWN;

	for (int format = IMPORT_MSMTP; format < IMPORT_FORMATS; format++)
		for (const char *const *file = formats[format].files; *file; file++)
			if (strcmp(base, *file) == 0)
				return (enum import_format)format;
	if (import_is_msmtp(text, n))
		return IMPORT_MSMTP;
	for (int format = IMPORT_SSMTP; format < IMPORT_FORMATS; format++) {
		if (!formats[format].words)
			continue;
		count = likeness((enum import_format)format, text, text + n);
		if (count > best) {
			best = count;
			found = (enum import_format)format;
		}
	}
	return found == IMPORT_UNKNOWN && is_remote(text, n) ? IMPORT_NULLMAILER : found;
}

/* What has no meaning without TLS is passed over by the others, and refused here. */
static void
forget_tls(struct profile *p)
{
	for (size_t id = 0; profile_is_clear(p) && id < OPT_COUNT; id++)
		if (options[id].group == OPTION_GROUP_TLS && id != OPT_TLS)
			profile_unset(p, (enum option_id)id);
}

void
import_parse(struct import *i, enum import_format format, const char *text, size_t n)
{
	const char *name = i->name;

	strbuf_init(&i->remarks, IMPORT_REMARKS_MAX);
	strbuf_init(&i->text, IMPORT_LINE_MAX);
	i->text.secret = true;
	if (format <= IMPORT_UNKNOWN || format >= IMPORT_FORMATS)
		return;
	import_begin(i, name, text, n);
	formats[format].parse(i);
	i->name = name;
	for (size_t at = 0; at < i->accounts.n; at++)
		forget_tls(&i->accounts.v[at]);
}

void
import_done(struct import *i)
{
	profile_list_done(&i->accounts);
	strbuf_done(&i->remarks);
	strbuf_done(&i->text);
}

bool
import_load(const char *text, size_t n, const char *name, struct profile_list *l, bool *ret_secret,
	struct error *err)
{
	struct import i = { .name = name, .in_place = true };
	struct profile *p;

	import_parse(&i, IMPORT_MSMTP, text, n);
	if (*i.wrong)
		error_set(err, FAULT_CONFIG, "%s", i.wrong);
	for (size_t at = 0; !*i.wrong && at < i.accounts.n && l->n < PROFILE_ACCOUNTS; at++) {
		p = profile_list_add(l, i.accounts.v[at].name, i.accounts.v[at].origin);
		profile_override(p, &i.accounts.v[at]);
		*ret_secret = *ret_secret || p->password;
	}
	import_done(&i);
	return !*i.wrong;
}
