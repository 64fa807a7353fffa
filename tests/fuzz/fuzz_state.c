/* Small files that processes of a spool share. The first octet says which one the rest is: a
 * breaker (sealed as it stands, or first sealed here), a line of the history, a heartbeat, a record
 * of a key, a rate. What is taken must be what could have been written. */
#include "breaker.h"
#include "clock.h"
#include "error.h"
#include "fuzz.h"
#include "heartbeat.h"
#include "history.h"
#include "seen.h"
#include "state.h"

#define NOW 1795514400

static void
try_breaker(const char *s, size_t n)
{
	struct breaker b;

	if (!breaker_parse(s, n, &b)) {
		check(b.kind == BREAKER_CLOSED);
		return;
	}
	check(b.kind > BREAKER_CLOSED && b.kind < BREAKER_COUNT);
	check(b.since >= 0 && b.last >= 0 && b.next >= 0);
	check(memchr(b.account, '\0', sizeof(b.account)));
	check_printable(b.account);
	check_printable(b.why.text);
	check_printable(b.why.words);
	check(fault_status(b.why.fault) >= 0 && stage_name(b.why.stage));
}

static void
try_sealed(const char *s, size_t n)
{
	char text[8192];

	if (n > 4096)
		return;
	memcpy(text, s, n);
	n = state_seal(text, n, sizeof(text));
	check(n);
	try_breaker(text, n);
}

static void
try_history(const char *s, size_t n)
{
	struct history_line l;
	char *line = malloc(n + 1);

	memcpy(line, s, n);
	line[n] = '\0';
	if (history_parse(line, n, &l)) {
		check(l.event < HISTORY_COUNT && l.uid != (uid_t)-1);
		check_printable(l.id);
		check_printable(l.account);
		check_printable(l.message_id);
		check_printable(l.sender);
		check_printable(l.host);
		check_printable(l.queue_id);
		check_printable(l.text);
		for (size_t i = 0; i < l.count; i++) {
			check_printable(l.recipients[i].address);
			check_printable(l.recipients[i].outcome);
			check_printable(l.recipients[i].enhanced);
			check_printable(l.recipients[i].text);
			check(l.recipients[i].code >= 0 && l.recipients[i].code <= 999);
		}
	}
	free(l.recipients);
	free(line);
}

static void
try_seen(const char *s, size_t n)
{
	struct seen seen = SEEN_NONE;
	char *text = malloc(n + 1);

	memcpy(text, s, n);
	seen_parse(text, n, NOW, &seen);
	check(seen.state == SEEN_NEW || seen.state == SEEN_DONE);
	check_printable(seen.outcome);
	free(text);
}

static void
try_rate(const char *s, size_t n)
{
	char *text = malloc(n + 1);
	struct error err = ERROR_NONE;
	int64_t seconds = 0;
	unsigned number = 0;

	memcpy(text, s, n);
	text[n] = '\0';
	if (clock_parse_rate(text, &number, &seconds, &err))
		check(number >= 1 && number <= 1000000 && seconds >= 1 && seconds <= 366 * 86400);
	else
		check(err.fault == FAULT_CONFIG);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *s = (const char *)data + 1;
	int64_t seconds;

	if (!size)
		return 0;
	size--;
	switch (*data) {
	case 'b':
		try_breaker(s, size);
		break;
	case 'B':
		try_sealed(s, size);
		break;
	case 'h':
		try_history(s, size);
		break;
	case 'H':
		if (heartbeat_parse(s, size, "01234567-89ab-cdef-0123-456789abcdef", &seconds))
			check(seconds >= 0);
		break;
	case 's':
		try_seen(s, size);
		break;
	case 'r':
		try_rate(s, size);
		break;
	default:
		break;
	}
	return 0;
}
