/* The words of a notification. */
#include <stdio.h>
#include <string.h>

#include "bounce_private.h"
#include "clock.h"
#include "error.h"
#include "header.h"
#include "text.h"

#define COLUMNS   72
#define SHOWN_MAX 50 /* recipients that are named to a person; the report has all */

/* Appends words separated by blanks, in lines that begin with INDENT blanks. */
static void
add_wrapped(struct strbuf *out, size_t indent, const char *text)
{
	size_t column = 0, n;

	while (*text) {
		text += strspn(text, " ");
		n = strcspn(text, " ");
		if (!n)
			break;
		if (column && column + 1 + n > COLUMNS) {
			strbuf_adds(out, "\r\n");
			column = 0;
		}
		if (!column) {
			strbuf_addf(out, "%*s", (int)indent, "");
			column = indent;
		} else {
			strbuf_addc(out, ' ');
			column++;
		}
		strbuf_add(out, text, n);
		column += n;
		text += n;
	}
	strbuf_adds(out, "\r\n");
}

static void
add_duration(struct strbuf *out, int64_t seconds)
{
	static const struct {
		int64_t seconds;
		const char *name;
	} units[] = { { 86400, "day" }, { 3600, "hour" }, { 60, "minute" }, { 1, "second" } };
	size_t i = 0;
	int64_t n;

	/* "36 hours" says more than "1 day" */
	while (units[i].seconds > 1 && seconds < 2 * units[i].seconds &&
		seconds != units[i].seconds)
		i++;
	n = seconds / units[i].seconds;
	strbuf_addf(out, "%lld %s%s", (long long)n, units[i].name, n == 1 ? "" : "s");
}

/* What a refusal means to a person. Fields that are ANY fit everything; the first row that fits. */
#define ANY (-1)
static const struct {
	int fault, subject, detail;
	const char *text;
} hints[] = {
	{ ANY, 1, 1, "There is no such mailbox: check the address." },
	{ ANY, 1, 2, "The domain does not exist: check what stands behind the @." },
	{ FAULT_NOUSER, 1, ANY, "The address is refused: check it." },
	{ FAULT_NOUSER, 0, ANY, "There is no such mailbox: check the address." },
	{ FAULT_NOHOST, ANY, ANY, "The domain does not exist: check what stands behind the @." },
	{ ANY, 2, 1, "The mailbox does not take mail at present: its owner can change that." },
	{ ANY, 2, 2, "The mailbox is full: its owner can change that." },
	{ ANY, 2, 3, "The message is too large for this mailbox: send less at once." },
	{ ANY, 3, 4, "The message is too large for the server: send less at once." },
	{ FAULT_PERMISSION, ANY, ANY,
		"The server does not let this sender be used: ask those who run it." },
	{ FAULT_DATA, ANY, ANY, "The server cannot take a message of this form." },
	{ ANY, 7, ANY, "The server's rules forbid it: its words say what it wants." },
};

static const char *
hint_of(const struct recipient *r)
{
	int fault = r->why ? (int)r->why->fault : ANY;

	for (size_t i = 0; i < sizeof(hints) / sizeof(*hints); i++)
		if ((hints[i].fault == ANY || hints[i].fault == fault) &&
			(hints[i].subject == ANY || hints[i].subject == r->enhanced.subject) &&
			(hints[i].detail == ANY || hints[i].detail == r->enhanced.detail))
			return hints[i].text;
	return NULL;
}

/* The server's words with its codes; our own where it said nothing. */
static void
add_answer(struct strbuf *out, const struct recipient *r)
{
	char enhanced[16];

	if (r->code) {
		strbuf_addf(out, "%d ", r->code);
		/* an enhanced status of our own (4.4.7) is not what the server said */
		if (r->enhanced.class == r->code / 100 && *enhanced_print(r->enhanced, enhanced) &&
			!(r->enhanced.subject == 4 && r->enhanced.detail == 7))
			strbuf_addf(out, "%s ", enhanced);
		strbuf_adds(out, r->words ?: "");
	} else if (r->why) {
		strbuf_adds(out, r->why->text);
	}
}

static void
add_recipient(struct strbuf *out, const struct recipient *r, enum bounce_kind kind)
{
	struct strbuf line = STRBUF_INIT(4096);
	const char *hint = hint_of(r);

	strbuf_addc(&line, '<');
	(void)!address_add_smtp(&line, &r->address, false, NULL);
	strbuf_addc(&line, '>');
	add_wrapped(out, 0, line.s);
	strbuf_clear(&line);
	add_answer(&line, r);
	if (line.len)
		add_wrapped(out, 4, line.s);
	/* "given up after ..." stands in the error's text, the server's last words above */
	strbuf_clear(&line);
	if (r->code && r->why && strncmp(r->why->text, "given up", 8) == 0)
		strbuf_addf(&line, "It was %s.", r->why->text);
	else if (hint && kind == BOUNCE_FAILED)
		strbuf_adds(&line, hint);
	if (line.len)
		add_wrapped(out, 4, line.s);
	strbuf_adds(out, "\r\n");
	strbuf_done(&line);
}

/* A field of the original, where a person can read it as it is. */
static void
add_field(struct strbuf *out, const struct entry *e, const char *name)
{
	const struct strbuf *block = &e->message.header;
	struct strbuf value = STRBUF_INIT(HEADER_MAX);
	struct header_field f;
	size_t pos = 0;

	if (!header_find(block->s, block->len, &pos, name, &f))
		return;
	header_add_unfolded(&value, &f);
	if (value.len && !strstr(value.s, "=?")) {
		strbuf_addf(out, "    %s: ", name);
		text_add_printable(out, value.s, value.len, 200);
		strbuf_adds(out, "\r\n");
	}
	strbuf_done(&value);
}

static void
add_beginning(struct strbuf *out, const struct entry *e, enum bounce_kind kind, size_t count,
	const struct bounce_settings *how)
{
	struct strbuf line = STRBUF_INIT(4096);
	const char *whom = count == 1 ? "the recipient" : "the recipients";

	strbuf_addf(&line, "This is the mail system of %s.", how->host);
	add_wrapped(out, 0, line.s);
	strbuf_clear(&line);
	if (kind == BOUNCE_FAILED)
		strbuf_addf(&line,
			"Your message could not be delivered to %s below, and is not tried "
			"again.",
			whom);
	else
		strbuf_addf(&line,
			"Your message could not be delivered to %s below yet. You need not send "
			"it again: it is tried until it has been delivered, or for ",
			whom);
	if (kind == BOUNCE_DELAYED) {
		add_duration(&line, e->lifetime);
		strbuf_adds(&line, " in all; if it fails then you will be told.");
	}
	strbuf_adds(out, "\r\n");
	add_wrapped(out, 0, line.s);
	strbuf_adds(out, "\r\n");
	strbuf_done(&line);
	add_field(out, e, "Subject");
	add_field(out, e, "Date");
	add_field(out, e, "To");
	add_field(out, e, "Message-ID");
	strbuf_adds(out, "\r\n");
}

void
bounce_add_text(struct strbuf *out, const struct entry *e, enum bounce_kind kind,
	const struct bounce_settings *how)
{
	struct strbuf line = STRBUF_INIT(1024);
	size_t count = 0, shown = 0;
	bool again;

	for (size_t i = 0; i < e->envelope.count; i++)
		count += bounce_is_about(e, kind, i);
	add_beginning(out, e, kind, count, how);
	for (size_t i = 0; i < e->envelope.count && shown < SHOWN_MAX; i++)
		if (bounce_is_about(e, kind, i)) {
			add_recipient(out, &e->envelope.recipients[i], kind);
			shown++;
		}
	if (count > shown) {
		strbuf_addf(
			&line, "%zu more are named in the report that is attached.", count - shown);
		add_wrapped(out, 0, line.s);
		strbuf_adds(out, "\r\n");
		strbuf_clear(&line);
	}
	/* one that is not to be late would only come back again */
	again = kind == BOUNCE_FAILED && e->envelope.wishes.late != LATE_WISH_RETURN;
	strbuf_addf(&line,
		"Attached are a report for programs and what is returned of your message. %s has "
		"it as %s%s",
		how->host, e->id,
		again ? "; for some weeks it can be sent again from there:" : ".");
	add_wrapped(out, 0, line.s);
	if (again)
		strbuf_addf(out, "\r\n    sendoff queue retry %s\r\n", e->id);
	strbuf_done(&line);
}
