/* What a person, a program and the log get to know of a submission: one structure, three forms. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct error;
struct strbuf;
struct submission;

/* Prints the receipt or the failure, writes the log record; returns the exit status. */
int report(const struct submission *s);
/* Writes the log record only. */
void report_record(const struct submission *s);

/* What became of recipient I in a word: its outcome, or "queued". */
const char *report_outcome(const struct submission *s, size_t i);
/* What became of the whole in a word: "sent", "queued", "held", "partial", "failed", "dry run". */
const char *report_state(const struct submission *s);

/* The exit status and why: of the whole if nothing was attempted, else from the recipients. */
enum fault report_fault(const struct submission *s);

/* receipt.c: appends the human receipt line (without its end). */
void receipt_add(struct strbuf *out, const struct submission *s);
/* The line for what was queued. */
void receipt_add_queued(struct strbuf *out, const struct submission *s);
/* report_json.c: appends the JSON object, one line with its end. */
void report_add_json(struct strbuf *out, const struct submission *s);
/* record.c: appends the log record, key=value, every value that comes from outside quoted. */
void report_add_record(struct strbuf *out, const struct submission *s);
/* The server's name for the message in its final words ("queued as 4XYZ"), or "". */
void report_add_queue_id(struct strbuf *out, const char *words);

/* hint.c: what to do about an error, or NULL. */
const char *hint(const struct error *err);

/* dryrun.c: shows envelope and message on standard output. */
bool
report_dry_run(const struct submission *s, struct error *err) __attribute__((warn_unused_result));
