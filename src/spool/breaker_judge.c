/* Which failures are about the way to the smarthost, and the file that remembers one. */
#include "breaker.h"

#include <string.h>

#include "state.h"
#include "text.h"

#define TITLE "sendoff breaker 1\n"

/* What a server says at MAIL about itself, not about the sender (RFC 3463 3.4, 3.5; 452 without a
 * code is RFC 5321's "insufficient system storage"). */
static bool
is_system_trouble(const struct error *e)
{
	if (e->smtp / 100 != 4)
		return false;
	if (!e->code.class)
		return e->smtp == 452;
	return e->code.subject == 3 || e->code.subject == 4;
}

/* Before the login: greeting, EHLO, TLS. */
static enum breaker_kind
judge_way(const struct error *e)
{
	if (e->fault == FAULT_TEMPORARY)
		return BREAKER_DOWN;
	if (e->fault == FAULT_CONFIG || e->fault == FAULT_NOINPUT)
		return BREAKER_CONFIG;
	if (e->stage == STAGE_TLS)
		return BREAKER_CERTIFICATE;
	if (e->fault == FAULT_PERMISSION)
		return BREAKER_CREDENTIALS;
	return BREAKER_HOST;
}

/* Local trouble, or what was found out before anything was connected. */
static enum breaker_kind
judge_local(const struct error *e)
{
	switch (e->fault) {
	case FAULT_NOINPUT:
	case FAULT_CONFIG:
		return BREAKER_CONFIG;
	case FAULT_PERMISSION:
		return BREAKER_CREDENTIALS;
	case FAULT_TEMPORARY:
	case FAULT_SYSTEM:
	case FAULT_CREATE:
	case FAULT_IO:
	case FAULT_SOFTWARE:
		return BREAKER_DOWN;
	case FAULT_NONE:
	case FAULT_USAGE:
	case FAULT_DATA:
	case FAULT_NOUSER:
	case FAULT_NOHOST:
	case FAULT_UNAVAILABLE:
	case FAULT_PROTOCOL:
	case FAULT_COUNT:
		break;
	}
	return BREAKER_CLOSED;
}

enum breaker_kind
breaker_judge(const struct error *e)
{
	if (!e->fault || e->in_doubt || e->fault == FAULT_DATA)
		return BREAKER_CLOSED;
	if (e->smtp == 421)
		return BREAKER_DOWN;
	if (e->smtp == 530 || e->smtp == 538)
		return BREAKER_CREDENTIALS;
	switch (e->stage) {
	case STAGE_NONE:
		return judge_local(e);
	case STAGE_RESOLVE:
	case STAGE_CONNECT:
	case STAGE_TLS:
	case STAGE_GREETING:
		return judge_way(e);
	case STAGE_EHLO:
		/* an answer to EHLO, or what its absence of an extension means for this message */
		return e->fault == FAULT_UNAVAILABLE && !e->smtp ? BREAKER_CLOSED : judge_way(e);
	case STAGE_AUTH:
		return judge_way(e);
	case STAGE_MAIL:
		return is_system_trouble(e) ? BREAKER_DOWN : BREAKER_CLOSED;
	case STAGE_RCPT:
	case STAGE_DATA:
	case STAGE_BODY:
	case STAGE_END:
	case STAGE_COUNT:
		break;
	}
	return BREAKER_CLOSED;
}

/* Takes the line "KEY VALUE" at *AT; the value is copied into RET. */
static bool
take(const char **at, const char *end, const char *key, char *ret, size_t size)
{
	const char *lf = memchr(*at, '\n', (size_t)(end - *at));
	size_t k = strlen(key), n;

	if (!lf || (size_t)(lf - *at) < k + 1 || memcmp(*at, key, k) != 0 || (*at)[k] != ' ')
		return false;
	n = (size_t)(lf - *at) - k - 1;
	if (n >= size)
		return false;
	memcpy(ret, *at + k + 1, n);
	ret[n] = '\0';
	*at = lf + 1;
	return strlen(ret) == n && !text_has_control(ret, n);
}

static bool
take_number(const char **at, const char *end, const char *key, uint64_t high, uint64_t *ret)
{
	char value[24];

	return take(at, end, key, value, sizeof(value)) && text_number(value, 0, high, ret);
}

static bool
take_error(const char **at, const char *end, struct error *ret)
{
	uint64_t fault, stage, smtp;
	char enhanced[16];
	bool good;

	*ret = (struct error)ERROR_NONE;
	good = take_number(at, end, "fault", FAULT_COUNT - 1, &fault) &&
	       take_number(at, end, "stage", STAGE_COUNT - 1, &stage) &&
	       take_number(at, end, "smtp", 999, &smtp) &&
	       take(at, end, "enhanced", enhanced, sizeof(enhanced)) &&
	       take(at, end, "text", ret->text, sizeof(ret->text)) &&
	       take(at, end, "words", ret->words, sizeof(ret->words));
	if (!good || (*enhanced && enhanced_parse(enhanced, strlen(enhanced), &ret->code) == 0))
		return false;
	ret->fault = (enum fault)fault;
	ret->stage = (enum stage)stage;
	ret->smtp = (int)smtp;
	return true;
}

static bool
take_kind(const char **at, const char *end, enum breaker_kind *ret)
{
	char name[16];

	if (!take(at, end, "kind", name, sizeof(name)))
		return false;
	for (int k = BREAKER_CLOSED + 1; k < BREAKER_COUNT; k++)
		if (strcmp(name, breaker_name((enum breaker_kind)k)) == 0) {
			*ret = (enum breaker_kind)k;
			return true;
		}
	return false;
}

bool
breaker_parse(const char *s, size_t n, struct breaker *ret)
{
	const uint64_t time_max = INT64_MAX / 4; /* sums of times stay far from their limits */
	uint64_t count, since, last, next;
	const char *at = s, *end;

	*ret = (struct breaker){ .kind = BREAKER_CLOSED };
	if (!state_sealed(s, n, &n) || n < strlen(TITLE) || memcmp(s, TITLE, strlen(TITLE)) != 0)
		return false;
	at += strlen(TITLE);
	end = s + n;
	if (!take(&at, end, "account", ret->account, sizeof(ret->account)) ||
		!take_kind(&at, end, &ret->kind) ||
		!take_number(&at, end, "count", 1000000, &count) ||
		!take_number(&at, end, "since", time_max, &since) ||
		!take_number(&at, end, "last", time_max, &last) ||
		!take_number(&at, end, "next", time_max, &next) ||
		!take_number(&at, end, "stamp", UINT64_MAX, &ret->stamp) ||
		!take_error(&at, end, &ret->why) || at != end) {
		ret->kind = BREAKER_CLOSED;
		return false;
	}
	ret->count = (unsigned)count;
	ret->since = (int64_t)since;
	ret->last = (int64_t)last;
	ret->next = (int64_t)next;
	return true;
}
