#include "trace.h"

#include <inttypes.h>
#include <stdio.h>

#include "clock.h"
#include "strbuf.h"
#include "submission.h"
#include "text.h"

#define SHOWN 2000 /* octets of one line */

void
trace_init(struct trace *t, const struct submission *s)
{
	t->times = submission_given(s, OPT_DEBUG);
	t->wanted = t->times || submission_given(s, OPT_VERBOSE);
	t->started = s->started;
	/* where sendmail -v shows it; sendoff's standard output is for the receipt */
	t->to = s->args->personality == PERSONALITY_SENDMAIL ? stdout : stderr;
}

void
trace_line(void *ctx, enum wire_trace kind, const char *text, size_t n)
{
	static const char *const marks[] = {
		[WIRE_TRACE_SENT] = "-> ", [WIRE_TRACE_RECEIVED] = "<- ", [WIRE_TRACE_NOTE] = "-- "
	};
	struct trace *t = ctx;
	struct strbuf line = STRBUF_INIT(8192);

	if (t->times)
		strbuf_addf(&line, "%6" PRId64 " ms %6zu ", clock_ms() - t->started, n);
	strbuf_adds(&line, marks[kind]);
	text_add_printable(&line, text, n, SHOWN);
	strbuf_addc(&line, '\n');
	fputs(line.s, t->to);
	strbuf_done(&line);
}
