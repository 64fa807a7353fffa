#include "report.h"

#include <stdio.h>
#include <string.h>

#include "log.h"
#include "report_json.h"
#include "status.h"
#include "strbuf.h"
#include "submission.h"

enum fault
report_fault(const struct submission *s)
{
	if (!s->attempted)
		return s->error.fault;
	return queueing_fault(s);
}

const char *
report_outcome(const struct submission *s, size_t i)
{
	return queueing_has(s, i) ? "queued" : outcome_name(s->envelope.recipients[i].outcome);
}

const char *
report_state(const struct submission *s)
{
	if (s->queue.state != QUEUE_STATE_NONE)
		return queue_state_name(s->queue.state);
	if (submission_given(s, OPT_DRY_RUN) && !s->error.fault)
		return "dry run";
	if (report_fault(s) == FAULT_NONE)
		return "sent";
	return envelope_count(&s->envelope, OUTCOME_ACCEPTED) ? "partial" : "failed";
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
one_reason(const struct submission *s)
{
	const struct envelope *e = &s->envelope;

	for (size_t i = 0; i < e->count; i++)
		if (!e->recipients[i].why || queueing_has(s, i) ||
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
		if (r->outcome == OUTCOME_ACCEPTED || queueing_has(s, i) || !r->why)
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
	else if (one_reason(s))
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
	bool failure = report_fault(s) != FAULT_NONE || s->queue.loud || s->queue.unserved ||
		       s->queue.trouble.fault;
	const char *target = profile_text(&s->account, OPT_LOG);
	bool sendmail = s->args->personality == PERSONALITY_SENDMAIL;
	struct strbuf record = STRBUF_INIT(1 << 20);
	struct error why = ERROR_NONE;
	struct log log = LOG_NONE;

	/* cron, PHP and the like leave no other trace */
	if (sendmail && !profile_is_set(&s->account, OPT_LOG))
		target = "syslog";
	/* the service has written it down, with who asked for it */
	if (s->recorded || !target || strcmp(target, "none") == 0)
		return;
	report_add_record(&record, s);
	if (!log_open(&log, target, sendmail ? "sendmail" : "sendoff", &why) ||
		!log_write(&log, failure, record.s, &why))
		/* the message is more than its record: the status stays what it is */
		fprintf(stderr, "%s: %s\n", s->args->program, why.text);
	log_close(&log);
	strbuf_done(&record);
}

/* What the person should know about the queue: why it could not be used, that nobody serves it. */
static void
print_queue_notes(const struct submission *s)
{
	const struct queueing *q = &s->queue;

	if (q->trouble.fault)
		fprintf(stderr, "%s: note: the message could not be queued: %s\n", s->args->program,
			q->trouble.text);
	if (q->state != QUEUE_STATE_NONE && q->unserved)
		fprintf(stderr,
			"%s: warning: no runner is known to serve the queue in %s: see sendoff "
			"queue run, or run sendoff queue flush\n",
			s->args->program, q->directory);
}

static void
add_receipts(struct strbuf *out, const struct submission *s)
{
	bool sendmail = s->args->personality == PERSONALITY_SENDMAIL;

	if (envelope_count(&s->envelope, OUTCOME_ACCEPTED) && !sendmail) {
		receipt_add(out, s);
		strbuf_addc(out, '\n');
	}
	if (s->queue.state != QUEUE_STATE_NONE && (!sendmail || submission_given(s, OPT_VERBOSE))) {
		receipt_add_queued(out, s);
		strbuf_addc(out, '\n');
	}
}

/* The status is the message's, not that of what is said about it: a caller that saw another one
 * would send the message again. */
static void
print_out(const struct submission *s, const char *text, size_t n)
{
	if (fwrite(text, 1, n, stdout) != n || !status_printed())
		fprintf(stderr, "%s: note: the receipt could not be written to standard output\n",
			s->args->program);
}

/* --id: it was done before. */
static int
report_once(const struct submission *s)
{
	struct strbuf line = STRBUF_INIT(4096);
	json_t *o;

	if (submission_given(s, OPT_JSON)) {
		o = json_object();
		json_put(o, "state", json_text("done before"));
		json_put(o, "outcome", json_text(s->queue.seen.outcome));
		json_put(o, "status", json_integer(0));
		json_add_line(&line, o);
	} else if (!submission_given(s, OPT_QUIET)) {
		strbuf_addf(&line, "not sent again: %s\n", s->queue.seen.outcome);
	}
	print_out(s, line.s, line.len);
	strbuf_done(&line);
	return 0;
}

/* --dry-run has shown the message, or its object is to be printed. */
static int
report_shown(const struct submission *s)
{
	struct strbuf line = STRBUF_INIT(8 << 20);

	if (submission_given(s, OPT_JSON)) {
		report_add_json(&line, s);
		fwrite(line.s, 1, line.len, stdout);
	}
	strbuf_done(&line);
	return status_printed() ? 0 : fault_status(FAULT_IO);
}

int
report(const struct submission *s)
{
	enum fault fault = report_fault(s);
	struct strbuf line = STRBUF_INIT(8 << 20);
	bool sendmail = s->args->personality == PERSONALITY_SENDMAIL;

	if (submission_given(s, OPT_DRY_RUN) && !s->error.fault)
		return report_shown(s);
	if (s->queue.once)
		return report_once(s);
	report_record(s);
	if (submission_given(s, OPT_JSON)) {
		report_add_json(&line, s);
	} else if (!submission_given(s, OPT_QUIET)) {
		add_receipts(&line, s);
	}
	if (line.len)
		print_out(s, line.s, line.len);
	strbuf_done(&line);
	if (fault && !s->args->errors_quiet)
		print_failure(s);
	if (!submission_given(s, OPT_QUIET) && (!sendmail || submission_given(s, OPT_VERBOSE)))
		print_queue_notes(s);
	if (!submission_given(s, OPT_QUIET) && !submission_given(s, OPT_VERBOSE) &&
		!submission_given(s, OPT_DEBUG) && !sendmail)
		print_notes(s);
	return fault_status(fault);
}
