#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ask.h"
#include "help.h"
#include "setup_state.h"

#define LABEL 14

/* Words folded at the edge of the screen, under one another. */
static void
put_words(const char *text, size_t indent, size_t column)
{
	size_t n;
	bool first = true;

	for (; *text; text += n + strspn(text + n, " ")) {
		n = strcspn(text, " ");
		if (!first && column + 1 + n > HELP_COLUMNS) {
			fprintf(stderr, "\n%*s", (int)indent, "");
			column = indent;
		} else if (!first) {
			fputc(' ', stderr);
			column++;
		}
		fwrite(text, 1, n, stderr);
		column += n;
		first = false;
	}
	fputc('\n', stderr);
}

void
setup_say(enum setup_mark mark, const char *label, const char *format, ...)
{
	static const char *const begin[] = { "", "\033[32m", "\033[33m", "\033[31m" };
	bool coloured = mark != SETUP_PLAIN && ask_has_colours(STDERR_FILENO);
	size_t column = strlen(label) < LABEL ? LABEL : strlen(label) + 1;
	char text[2048];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	fprintf(stderr, "  %s%s%s%*s", coloured ? begin[mark] : "", label,
		coloured ? "\033[0m" : "", (int)(column - strlen(label)), "");
	put_words(text, 2 + LABEL, 2 + column);
}

void
setup_head(const char *format, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	fputc('\n', stderr);
	put_words(text, 0, 0);
}

void
setup_advise(const char *text)
{
	fprintf(stderr, "%*s", 2 + LABEL, "");
	put_words(text, 2 + LABEL, 2 + LABEL);
}
