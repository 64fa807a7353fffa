#include "report.h"

#include <stdio.h>
#include <string.h>

#include "log.h"
#include "strbuf.h"
#include "submission.h"

enum fault
report_fault(const struct submission *s)
{
	if (!s->attempted)
		return s->error.fault;
	return envelope_fault(&s->envelope);
}

void
report_add_queue_id(struct strbuf *out, const char *words)
{
	static const char *const marks[] = { "queued as ",
		"id=", "Message accepted for delivery " };
	const char *at;
	size_t n;

	for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++) {
		at = strstr(words, marks[i]);
		if (!at)
			continue;
		at += strlen(marks[i]);
		n = strcspn(at, " ,;)]>");
		if (n && n <= 64) {
			strbuf_add(out, at, n);
			return;
		}
	}
}

static void
complain(const struct submission *s, const char *what, const struct error *err)
{
	const char *advice = hint(err);
	bool complete = strncmp(err->text, "unable to ", 10) == 0;

	fprintf(stderr, "%s: %s%s%s%s%s%s\n", s->args->program, complete ? "" : what,
		complete ? "" : ": ", err->text, advice ? " (" : "", advice ? advice : "",
		advice ? ")" : "");
}

/* True iff everybody failed for the same reason. */
static bool
one_reason(const struct envelope *e)
{
	for (size_t i = 0; i < e->count; i++)
		if (!e->recipients[i].why ||
			strcmp(e->recipients[i].why->text, e->recipients[0].why->text) != 0)
			return false;
	return e->count > 0;
}

static void
complain_each(const struct submission *s)
{
	struct strbuf what = STRBUF_INIT(1024);
	const struct recipient *r;

	for (size_t i = 0; i < s->envelope.count; i++) {
		r = &s->envelope.recipients[i];
		if (r->outcome == OUTCOME_ACCEPTED || !r->why)
			continue;
		strbuf_clear(&what);
		strbuf_adds(&what, "unable to send to <");
		(void)!address_add_smtp(&what, &r->address, false, NULL);
		strbuf_addc(&what, '>');
		complain(s, what.s, r->why);
	}
	strbuf_done(&what);
}

static void
print_failure(const struct submission *s)
{
	if (!s->attempted)
		complain(s, "unable to send the message", &s->error);
	else if (one_reason(&s->envelope))
		complain(s, "unable to send the message", s->envelope.recipients[0].why);
	else
		complain_each(s);
}

/* Each sentence of the notes on a line of its own. */
static void
print_notes(const struct submission *s)
{
	const char *at = s->report.notes.s, *stop;

	for (; (stop = strchr(at, '\n')); at = stop + 1)
		fprintf(stderr, "%s: note: %.*s\n", s->args->program, (int)(stop - at), at);
}

void
report_record(const struct submission *s)
{
	bool failure = report_fault(s) != FAULT_NONE;
	const char *target = profile_text(&s->account, OPT_LOG);
	bool sendmail = s->args->personality == PERSONALITY_SENDMAIL;
	struct strbuf record = STRBUF_INIT(1 << 20);
	struct error why = ERROR_NONE;
	struct log log = LOG_NONE;

	/* cron, PHP and the like leave no other trace */
	if (sendmail && !profile_is_set(&s->account, OPT_LOG))
		target = "syslog";
	if (!target || strcmp(target, "none") == 0)
		return;
	report_add_record(&record, s);
	if (!log_open(&log, target, sendmail ? "sendmail" : "sendoff", &why) ||
		!log_write(&log, failure, record.s, &why))
		/* the message is more than its record: the status stays what it is */
		fprintf(stderr, "%s: %s\n", s->args->program, why.text);
	log_close(&log);
	strbuf_done(&record);
}

int
report(const struct submission *s)
{
	enum fault fault = report_fault(s);
	struct strbuf line = STRBUF_INIT(8 << 20);
	bool sendmail = s->args->personality == PERSONALITY_SENDMAIL;

	if (submission_given(s, OPT_DRY_RUN) && !s->error.fault)
		return 0;
	report_record(s);
	if (submission_given(s, OPT_JSON))
		report_add_json(&line, s);
	else if (envelope_count(&s->envelope, OUTCOME_ACCEPTED) &&
		 !submission_given(s, OPT_QUIET) && !sendmail)
		receipt_add(&line, s);
	if (line.len) {
		strbuf_addc(&line, '\n');
		fwrite(line.s, 1, line.len, stdout);
		fflush(stdout);
	}
	strbuf_done(&line);
	if (fault && !s->args->errors_quiet)
		print_failure(s);
	if (!submission_given(s, OPT_QUIET) && !submission_given(s, OPT_VERBOSE) &&
		!submission_given(s, OPT_DEBUG) && !sendmail)
		print_notes(s);
	return fault_status(fault);
}
