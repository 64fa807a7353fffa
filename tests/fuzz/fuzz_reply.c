/* Replies: the same lines in whatever pieces they come, words that no terminal can misunderstand,
 * and a reply that is printed and parsed again stays the same. The first octet sets the piece size.
 */
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "fuzz.h"
#include "reply.h"
#include "stream.h"
#include "text.h"

static void
check_words(const struct reply *r, size_t size)
{
	char words[600];

	reply_words(r, words, size);
	check(strlen(words) < size && !text_has_control(words, strlen(words)));
}

/* Writes R as lines into OUT and parses them again. */
static void
check_again(const struct reply *r)
{
	const char *at = r->text.s, *end;
	struct reply again;
	struct error err = ERROR_NONE;
	char line[REPLY_TEXT + 8];
	bool complete = false;

	reply_init(&again);
	for (; (end = strchr(at, '\n')); at = end + 1) {
		check(!complete);
		memcpy(line, "000-", 4);
		for (int i = 2, code = r->code; i >= 0; i--, code /= 10)
			line[i] = (char)('0' + code % 10);
		line[3] = end[1] ? '-' : ' ';
		memcpy(line + 4, at, (size_t)(end - at));
		check(reply_feed(&again, line, (size_t)(end - at) + 4, &complete, &err));
	}
	check(complete && again.code == r->code && again.lines == r->lines &&
		again.text.len == r->text.len &&
		memcmp(again.text.s, r->text.s, r->text.len) == 0 &&
		memcmp(&again.enhanced, &r->enhanced, sizeof(r->enhanced)) == 0);
	reply_done(&again);
}

/* Takes one line; false when the dialogue would end. */
static bool
take(struct reply *r, const char *line, size_t n)
{
	struct error err = ERROR_NONE;
	bool complete;

	if (!reply_feed(r, line, n, &complete, &err)) {
		check(err.fault == FAULT_PROTOCOL && !complete && *err.text &&
			!text_has_control(err.text, strlen(err.text)));
		return false;
	}
	check(r->code >= 200 && r->code <= 599 && r->lines <= REPLY_LINES &&
		r->text.len <= REPLY_TEXT);
	check(!r->enhanced.class || r->enhanced.class == reply_class(r));
	check(complete == (n == 3 || line[3] == ' '));
	if (!complete)
		return true;
	for (size_t room = 1; room <= 600; room += 59)
		check_words(r, room);
	check_again(r);
	reply_clear(r);
	return true;
}

/* Takes all lines that are there; false when the dialogue would end. */
static bool
take_lines(struct stream *s, struct reply *r, const char **at, const char *end)
{
	struct error err = ERROR_NONE;
	const char *line, *lf;
	size_t n, want;

	while (stream_line(s, clock_ms(), &line, &n, &err)) {
		lf = memchr(*at, '\n', (size_t)(end - *at));
		check(lf);
		want = (size_t)(lf - *at);
		want -= want && lf[-1] == '\r';
		check(n == want && memcmp(line, *at, n) == 0);
		*at = lf + 1;
		if (!take(r, line, n))
			return false;
	}
	return err.fault == FAULT_TEMPORARY;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *at = (const char *)data + 1, *sent = at, *end = (const char *)data + size;
	struct stream s;
	struct reply r;
	size_t piece;
	int fd[2];

	if (size < 2 || size > (64 << 10))
		return 0;
	piece = data[0] ? data[0] : size;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd))
		abort();
	stream_init(&s, fd[0]);
	reply_init(&r);
	while (sent < end) {
		if (piece > (size_t)(end - sent))
			piece = (size_t)(end - sent);
		check(send(fd[1], sent, piece, 0) == (ssize_t)piece);
		sent += piece;
		if (!take_lines(&s, &r, &at, sent))
			break;
	}
	reply_done(&r);
	stream_done(&s);
	shutdown(fd[1], SHUT_RDWR);
	close(fd[1]);
	return 0;
}
