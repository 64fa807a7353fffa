#include "ask.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "error.h"
#include "io.h"
#include "queueing_signal.h"
#include "strbuf.h"
#include "text.h"

#define ANSWER_MAX 4096

bool
ask_is_possible(void)
{
	return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

bool
ask_has_colours(int fd)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(fd) && !(no && *no) && term && *term && strcmp(term, "dumb") != 0;
}

static bool
nobody(const char *question, const char *option, struct error *err)
{
	return error_set(err, FAULT_USAGE, "\"%s\" has no answer: give %s, or answer at a terminal",
		question, option);
}

/* One line, of which the terminal gives us nothing before it has ended. */
static bool
read_line(struct strbuf *ret, bool *ret_end, struct error *err)
{
	struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
	ssize_t got;
	char c;

	for (;;) {
		/* often enough for a signal that came just before the wait */
		if (poll(&p, 1, 200) <= 0 || signals_caught()) {
			if (signals_caught())
				return error_set(err, FAULT_TEMPORARY, "interrupted");
			continue;
		}
		got = io_read(STDIN_FILENO, &c, 1);
		if (got < 0 && errno == EAGAIN)
			continue;
		if (got <= 0) {
			*ret_end = true;
			return true;
		}
		if (c == '\n')
			return true;
		strbuf_addc(ret, c);
	}
}

static void
trim(struct strbuf *line)
{
	size_t n = 0;

	while (line->len && strchr(" \t\r", line->s[line->len - 1]))
		strbuf_truncate(line, line->len - 1);
	while (n < line->len && (line->s[n] == ' ' || line->s[n] == '\t'))
		n++;
	strbuf_consume(line, n);
}

/* Shows what is asked, and takes one answer; *RET_GOOD: it is one. */
static bool
ask_once(const char *question, const char *preset, const char *option, struct strbuf *line,
	bool *ret_good, struct error *err)
{
	bool end = false;

	strbuf_clear(line);
	if (preset && *preset)
		fprintf(stderr, "%s [%s]: ", question, preset);
	else
		fprintf(stderr, "%s: ", question);
	fflush(stderr);
	if (!read_line(line, &end, err) || end) {
		fputc('\n', stderr);
		return end && nobody(question, option, err);
	}
	trim(line);
	*ret_good = !line->full && !text_has_control(line->s, line->len);
	if (!*ret_good)
		fputs("  That is too long, or holds characters that cannot be typed here.\n",
			stderr);
	else if (!line->len && preset)
		strbuf_adds(line, preset);
	return true;
}

bool
ask_line(const char *question, const char *preset, const char *option,
	bool (*check)(void *ctx, const char *answer, struct error *err), void *ctx,
	struct strbuf *ret, struct error *err)
{
	struct strbuf line = STRBUF_INIT(ANSWER_MAX);
	bool good = false, asked = ask_is_possible() || nobody(question, option, err);

	while (asked && !good) {
		struct error why = ERROR_NONE;

		asked = ask_once(question, preset, option, &line, &good, err);
		if (!asked || !good)
			continue;
		good = check ? check(ctx, line.s, &why) : line.len > 0;
		if (why.fault)
			fprintf(stderr, "  %s\n", why.text);
	}
	if (asked)
		strbuf_add(ret, line.s, line.len);
	strbuf_done(&line);
	return asked;
}

static bool
check_yes(void *ctx, const char *answer, struct error *err)
{
	bool *yes = ctx;

	*yes = strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0;
	return *yes || strcasecmp(answer, "n") == 0 || strcasecmp(answer, "no") == 0 ||
	       error_set(err, FAULT_USAGE, "Please answer yes or no.");
}

bool
ask_yes(const char *question, bool preset, const char *option, bool *ret, struct error *err)
{
	struct strbuf answer = STRBUF_INIT(ANSWER_MAX);
	bool good = ask_line(question, preset ? "yes" : "no", option, check_yes, ret, &answer, err);

	strbuf_done(&answer);
	return good;
}

struct choice {
	size_t n, chosen;
};

static bool
check_choice(void *ctx, const char *answer, struct error *err)
{
	struct choice *c = ctx;
	uint64_t number;

	if (!text_number(answer, 1, c->n, &number))
		return error_set(
			err, FAULT_USAGE, "Please answer by a number from 1 to %zu.", c->n);
	c->chosen = (size_t)number - 1;
	return true;
}

bool
ask_choice(const char *question, const char *const *choices, size_t n, size_t preset,
	const char *option, size_t *ret, struct error *err)
{
	struct strbuf answer = STRBUF_INIT(ANSWER_MAX);
	struct choice c = { .n = n };
	char number[24];
	bool good;

	for (size_t i = 0; i < n && ask_is_possible(); i++)
		fprintf(stderr, "  %zu  %s\n", i + 1, choices[i]);
	snprintf(number, sizeof(number), "%zu", preset + 1);
	good = ask_line(question, number, option, check_choice, &c, &answer, err);
	strbuf_done(&answer);
	*ret = c.chosen;
	return good;
}
