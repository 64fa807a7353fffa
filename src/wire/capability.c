#include "capability.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "clock.h"
#include "reply.h"
#include "text.h"

#define LIMIT_MAX 999999

/* Takes the next word of [*AT, END) into WORD, cut where it does not fit (no word we look for is so
 * long); false when there is none. */
static bool
next_word(const char **at, const char *end, char *word, size_t size)
{
	size_t n = 0;

	while (*at < end && (**at == ' ' || **at == '\t'))
		(*at)++;
	for (; *at < end && **at != ' ' && **at != '\t'; (*at)++)
		if (n + 1 < size)
			word[n++] = **at;
	word[n] = '\0';
	return n > 0;
}

static void
take_auth(const char *at, const char *end, struct capability *c)
{
	char word[64];
	size_t n, len = strlen(c->mechanisms);

	c->auth = true;
	if (!len)
		c->mechanisms[len++] = ' ';
	while (next_word(&at, end, word, sizeof(word))) {
		n = strlen(word);
		if (n > 32 || len + n + 2 > sizeof(c->mechanisms))
			continue;
		for (size_t i = 0; i < n; i++)
			c->mechanisms[len++] =
				word[i] >= 'a' && word[i] <= 'z' ? (char)(word[i] - 32) : word[i];
		c->mechanisms[len++] = ' ';
	}
	c->mechanisms[len] = '\0';
}

/* One to six digits, the first of them not 0 (RFC 9422 section 4). */
static void
take_limit(const char *value, uint64_t *limit)
{
	uint64_t n;

	if (*value != '0' && strlen(value) <= 6 && text_number(value, 1, LIMIT_MAX, &n))
		*limit = n;
}

static void
take_limits(const char *at, const char *end, struct capability *c)
{
	const struct {
		const char *name;
		uint64_t *limit;
	} limits[] = {
		{ "RCPTMAX=", &c->rcpt_max },
		{ "MAILMAX=", &c->mail_max },
		{ "RCPTDOMAINMAX=", &c->domain_max },
	};
	char word[64];
	size_t n;

	while (next_word(&at, end, word, sizeof(word)))
		for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
			n = strlen(limits[i].name);
			if (strncasecmp(word, limits[i].name, n) == 0)
				take_limit(word + n, limits[i].limit);
		}
}

static void
take_number(const char **at, const char *end, uint64_t *ret)
{
	char word[64];

	if (!next_word(at, end, word, sizeof(word)) || !text_number(word, 0, UINT64_MAX, ret))
		*ret = 0;
}

/* The longest time, and the last moment (RFC 4865 section 3). */
static void
take_future_release(const char *at, const char *end, struct capability *c)
{
	time_t last;
	char word[64];

	c->future_release = true;
	take_number(&at, end, &c->hold_max);
	if (next_word(&at, end, word, sizeof(word)) && strchr(word, '-') &&
		clock_parse_when(word, 0, &last, NULL))
		c->hold_until_max = last;
}

static void
take_line(const char *at, const char *end, struct capability *c)
{
	static const struct {
		const char *keyword;
		size_t offset;
	} plain[] = {
		{ "PIPELINING", offsetof(struct capability, pipelining) },
		{ "CHUNKING", offsetof(struct capability, chunking) },
		{ "8BITMIME", offsetof(struct capability, eightbit) },
		{ "SMTPUTF8", offsetof(struct capability, smtputf8) },
		{ "DSN", offsetof(struct capability, dsn) },
		{ "ENHANCEDSTATUSCODES", offsetof(struct capability, enhanced) },
		{ "STARTTLS", offsetof(struct capability, starttls) },
		{ "PIPECONNECT", offsetof(struct capability, pipeconnect) },
		{ "REQUIRETLS", offsetof(struct capability, require_tls) },
		{ "MT-PRIORITY", offsetof(struct capability, priority) },
		{ "DELIVERBY", offsetof(struct capability, deliver_by) },
		{ "SIZE", offsetof(struct capability, size) },
	};
	char word[64];
	const char *equals = memchr(at, '=', (size_t)(end - at));

	if (end - at > 5 && equals == at + 4 && strncasecmp(at, "AUTH=", 5) == 0) {
		take_auth(at + 5, end, c);
		return;
	}
	if (!next_word(&at, end, word, sizeof(word)))
		return;
	for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++)
		if (strcasecmp(word, plain[i].keyword) == 0)
			*(bool *)((char *)c + plain[i].offset) = true;
	if (strcasecmp(word, "AUTH") == 0)
		take_auth(at, end, c);
	if (strcasecmp(word, "LIMITS") == 0)
		take_limits(at, end, c);
	if (strcasecmp(word, "FUTURERELEASE") == 0)
		take_future_release(at, end, c);
	if (strcasecmp(word, "DELIVERBY") == 0)
		take_number(&at, end, &c->deliver_by_min);
	else if (strcasecmp(word, "SIZE") == 0)
		take_number(&at, end, &c->size_max);
}

void
capability_parse(const struct reply *reply, struct capability *ret)
{
	const char *at = reply->text.s, *end = at + reply->text.len, *stop;

	*ret = (struct capability){ 0 };
	for (bool first = true; at < end; at = stop + 1, first = false) {
		stop = memchr(at, '\n', (size_t)(end - at));
		if (!stop)
			break;
		if (!first)
			take_line(at, stop, ret);
	}
}

bool
capability_has_mechanism(const struct capability *c, const char *mechanism)
{
	char word[64];

	snprintf(word, sizeof(word), " %s ", mechanism);
	return strstr(c->mechanisms, word) != NULL;
}
