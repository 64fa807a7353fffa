/* The runner's words: for the log of the account, and on standard error for who watches. */
#include "courier_log.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "breaker.h"
#include "clock.h"
#include "courier.h"
#include "courier_show.h"
#include "history.h"
#include "log.h"
#include "strbuf.h"
#include "text.h"

#define VALUE_MAX 1024
#define SHOWN_MAX 100 /* recipients named in one record */

static void
add_envelope(struct strbuf *out, const struct envelope *e)
{
	address_add_pair(out, "from", &e->sender, VALUE_MAX);
	for (size_t i = 0; i < e->count && i < SHOWN_MAX; i++) {
		const struct recipient *r = &e->recipients[i];

		address_add_pair(out, "to", &r->address, VALUE_MAX);
		strbuf_addf(out, " outcome=%s", outcome_name(r->outcome));
		if (r->code)
			strbuf_addf(out, " code=%d", r->code);
		text_add_pair(out, "text", r->words, VALUE_MAX);
	}
	if (e->count > SHOWN_MAX)
		strbuf_addf(out, " recipients=%zu", e->count);
}

/* Where records about ACCOUNT go. */
static const char *
target_of(const struct courier *c, const char *account)
{
	const struct profile_list *l = &c->s->accounts;

	for (size_t i = 0; account && i < l->n; i++)
		if (strcmp(l->v[i].name, account) == 0 && profile_is_set(&l->v[i], OPT_LOG))
			return profile_text(&l->v[i], OPT_LOG);
	return c->system ? "syslog" : "none";
}

/* systemd says so (systemd.exec(5), JOURNAL_STREAM). */
static bool
stderr_is_journal(void)
{
	const char *stream = secure_getenv("JOURNAL_STREAM");
	char own[64];
	struct stat st;

	if (!stream || fstat(STDERR_FILENO, &st))
		return false;
	snprintf(own, sizeof(own), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return strcmp(stream, own) == 0;
}

static void
record(const struct courier *c, const char *account, bool loud, const char *line)
{
	const char *target = target_of(c, account);
	struct error why = ERROR_NONE;
	struct log log = LOG_NONE;

	if (!log_open(&log, target, "sendoff", &why) || !log_write(&log, loud, line, &why))
		fprintf(stderr, "%s: %s\n", c->s->args->program, why.text);
	log_close(&log);
	/* the journal has what syslog gets */
	if (!c->quiet && c->show == COURIER_RECORDS &&
		!(strcmp(target, "syslog") == 0 && stderr_is_journal())) {
		fprintf(stderr, "%s\n", line);
		fflush(stderr);
	}
}

/* To somebody who does not read records. */
static bool
is_shown(const struct courier *c)
{
	return !c->quiet && c->show != COURIER_RECORDS;
}

void
courier_event(void *ctx, const struct history_record *r, bool loud)
{
	struct courier *c = ctx;
	struct strbuf line = STRBUF_INIT(1 << 20);

	c->shown++;
	strbuf_addf(&line, "event=%s uid=%lu", history_name(r->event), (unsigned long)r->uid);
	text_add_pair(&line, "entry", r->id, VALUE_MAX);
	text_add_pair(&line, "account", r->account, VALUE_MAX);
	text_add_pair(&line, "message_id", r->message_id, VALUE_MAX);
	if (r->envelope)
		add_envelope(&line, r->envelope);
	text_add_pair(&line, "host", r->host, VALUE_MAX);
	text_add_pair(&line, "queue_id", r->queue_id, VALUE_MAX);
	text_add_pair(&line, "reason", r->text, VALUE_MAX);
	record(c, r->account, loud, line.s);
	if (is_shown(c))
		courier_show_event(c, r);
	strbuf_done(&line);
}

void
courier_breaker(void *ctx, const struct breaker *b)
{
	struct courier *c = ctx;
	struct strbuf line = STRBUF_INIT(4096);

	strbuf_addf(&line, "event=account state=%s",
		b->kind == BREAKER_CLOSED ? "usable" : breaker_name(b->kind));
	text_add_pair(&line, "account", b->account, VALUE_MAX);
	if (b->kind != BREAKER_CLOSED) {
		strbuf_addf(&line, " tries=%u", b->count);
		if (b->next != INT64_MAX) {
			strbuf_adds(&line, " next=");
			clock_add_rfc3339(&line, (time_t)b->next);
		}
		text_add_pair(&line, "reason", b->why.text, VALUE_MAX);
	}
	record(c, b->account, breaker_is_loud(b->kind), line.s);
	if (is_shown(c))
		courier_show_breaker(c, b);
	strbuf_done(&line);
}

void
courier_trouble(void *ctx, const struct error *err)
{
	struct courier *c = ctx;
	struct strbuf line = STRBUF_INIT(4096);

	strbuf_adds(&line, "event=trouble");
	text_add_pair(&line, "reason", err->text, VALUE_MAX);
	record(c, NULL, true, line.s);
	if (is_shown(c))
		courier_show_trouble(c, err);
	strbuf_done(&line);
}
