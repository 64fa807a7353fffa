/* Findings, as lines for people or an object for programs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checkup.h"
#include "json.h"
#include "report.h"
#include "status.h"
#include "strbuf.h"
#include "text.h"

#define TEXT_MAX 2000 /* octets of a line */
#define INDENT   40   /* columns before the text */

static const struct {
	char section[16], name[16];
} findings[] = {
#define FINDING(id, section, name, tells) { section, name },
#include "check.def"
#undef FINDING
};

static const struct {
	const char *word, *colour;
} states[] = {
	[CHECK_OK] = { "ok", "\033[32m" },
	[CHECK_WARNING] = { "warning", "\033[33m" },
	[CHECK_FAILURE] = { "failure", "\033[31m" },
};

void
check_datum(struct checkup *c, const char *key, json_t *value)
{
	if (!c->json) {
		json_decref(value);
		return;
	}
	if (!c->data)
		c->data = json_object();
	json_put(c->data, key, value);
}

void
check_text(struct checkup *c, const char *key, const char *value)
{
	if (value && *value)
		check_datum(c, key, json_text(value));
}

void
check_number(struct checkup *c, const char *key, int64_t value)
{
	check_datum(c, key, json_integer(value));
}

static void
add_json(struct checkup *c, enum finding f, enum check_state state, const char *text,
	const char *remedy)
{
	json_t *o = json_object();

	json_put_text(o, "account", c->account);
	json_put(o, "section", json_text(findings[f].section));
	json_put(o, "name", json_text(findings[f].name));
	json_put(o, "state", json_text(states[state].word));
	json_put(o, "text", json_text(text));
	json_put_text(o, "remedy", remedy ? remedy : "");
	json_put(o, "data", c->data ? c->data : json_object());
	c->data = NULL;
	if (json_array_append_new(c->findings, o) != 0)
		abort();
}

void
check_turn(struct checkup *c, const char *account)
{
	/* the machine's findings go on where they stopped */
	c->headed = c->headed && !*c->account && !*account;
	c->account = account;
}

static bool
has_told(const struct checkup *c)
{
	return c->counts[CHECK_OK] + c->counts[CHECK_WARNING] + c->counts[CHECK_FAILURE] > 0;
}

static void
head(struct checkup *c)
{
	if (!c->headed)
		printf("%s%s%s:\n", has_told(c) ? "\n" : "",
			*c->account ? "account " : "this machine", c->account);
	c->headed = true;
}

static void
print(struct checkup *c, enum finding f, enum check_state state, const char *text,
	const char *remedy)
{
	const char *section = findings[f].section, *name = findings[f].name;

	head(c);
	printf("  %s%-8s%s %-14s%-15s%s\n", c->colour ? states[state].colour : "",
		states[state].word, c->colour ? "\033[0m" : "", section, name, text);
	if (remedy && *remedy)
		printf("%*s-> %s\n", INDENT, "", remedy);
	fflush(stdout);
}

static void __attribute__((format(printf, 5, 0))) tell(struct checkup *c, enum finding f,
	enum check_state state, const char *remedy, const char *format, va_list ap)
{
	struct strbuf raw = STRBUF_INIT(16 << 10), text = STRBUF_INIT(TEXT_MAX + 8),
		      safe = STRBUF_INIT(TEXT_MAX + 8);

	strbuf_vaddf(&raw, format, ap);
	text_add_printable(&text, raw.s, raw.len, TEXT_MAX);
	if (remedy)
		text_add_printable(&safe, remedy, strlen(remedy), TEXT_MAX);
	if (c->json)
		add_json(c, f, state, text.s, safe.s);
	else
		print(c, f, state, text.s, safe.s);
	c->counts[state]++;
	strbuf_done(&raw);
	strbuf_done(&text);
	strbuf_done(&safe);
}

void
check_good(struct checkup *c, enum finding f, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	tell(c, f, CHECK_OK, NULL, format, ap);
	va_end(ap);
}

void
check_warn(struct checkup *c, enum finding f, const char *remedy, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	tell(c, f, CHECK_WARNING, remedy, format, ap);
	va_end(ap);
}

void
check_fail(struct checkup *c, enum finding f, enum fault fault, const char *remedy,
	const char *format, ...)
{
	va_list ap;

	error_set(&c->first, fault, "%s", findings[f].name);
	va_start(ap, format);
	tell(c, f, CHECK_FAILURE, remedy, format, ap);
	va_end(ap);
}

void
check_error(struct checkup *c, enum finding f, bool warn, const struct error *err,
	const char *otherwise)
{
	const char *advice = hint(err);

	if (!advice)
		advice = otherwise;
	if (c->json && err->smtp) {
		check_number(c, "code", err->smtp);
		check_text(c, "words", err->words);
	}
	check_text(c, "fault", fault_name(err->fault));
	if (warn)
		check_warn(c, f, advice, "%s", err->text);
	else
		check_fail(c, f, err->fault, advice, "%s", err->text);
}

static void
add_all(struct checkup *c, int status)
{
	struct strbuf out = STRBUF_INIT(16 << 20);
	json_t *o = json_object();

	json_put(o, "status", json_integer(status));
	for (int i = 0; i < CHECK_STATES; i++)
		json_put(o, states[i].word, json_integer((json_int_t)c->counts[i]));
	json_put(o, "findings", c->findings);
	json_add_line(&out, o);
	fputs(out.s, stdout);
	strbuf_done(&out);
}

int
check_conclude(struct checkup *c)
{
	int status = fault_status(c->first.fault);
	unsigned bad = c->counts[CHECK_FAILURE], odd = c->counts[CHECK_WARNING];

	json_decref(c->data);
	if (c->json)
		add_all(c, status);
	else
		printf("%s%u failure%s, %u warning%s, %u ok\n", has_told(c) ? "\n" : "", bad,
			bad == 1 ? "" : "s", odd, odd == 1 ? "" : "s", c->counts[CHECK_OK]);
	return status_printed() ? status : fault_status(FAULT_IO);
}
