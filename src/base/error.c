#include "error.h"

#include <stdio.h>
#include <string.h>

#include "text.h"

static const struct {
	int status;
	const char *name, *phrase;
} faults[] = {
	[FAULT_NONE] = { 0, "EX_OK", "every recipient was accepted" },
	[FAULT_USAGE] = { 64, "EX_USAGE", "the command line is wrong" },
	[FAULT_DATA] = { 65, "EX_DATAERR", "the message or an address is malformed or too large" },
	[FAULT_NOINPUT] = { 66, "EX_NOINPUT", "the input cannot be read" },
	[FAULT_NOUSER] = { 67, "EX_NOUSER", "a recipient does not exist" },
	[FAULT_NOHOST] = { 68, "EX_NOHOST", "a host does not exist" },
	[FAULT_UNAVAILABLE] = { 69, "EX_UNAVAILABLE",
		"refused for good, a required extension is missing, or the certificate was "
		"refused" },
	[FAULT_SOFTWARE] = { 70, "EX_SOFTWARE", "an internal error" },
	[FAULT_SYSTEM] = { 71, "EX_OSERR", "an operating system error" },
	[FAULT_CREATE] = { 73, "EX_CANTCREAT", "a file cannot be created" },
	[FAULT_IO] = { 74, "EX_IOERR", "local input or output failed" },
	[FAULT_TEMPORARY] = { 75, "EX_TEMPFAIL", "a temporary failure; try again later" },
	[FAULT_PROTOCOL] = { 76, "EX_PROTOCOL", "the other side does not speak SMTP" },
	[FAULT_PERMISSION] = { 77, "EX_NOPERM",
		"credentials are refused or missing, or the sender is not allowed" },
	[FAULT_CONFIG] = { 78, "EX_CONFIG", "the configuration is wrong" },
};
_Static_assert(sizeof(faults) / sizeof(*faults) == FAULT_COUNT, "one row per fault");

static const char *const stages[] = {
	[STAGE_NONE] = "local",
	[STAGE_RESOLVE] = "resolve",
	[STAGE_CONNECT] = "connect",
	[STAGE_TLS] = "tls",
	[STAGE_GREETING] = "greeting",
	[STAGE_EHLO] = "ehlo",
	[STAGE_AUTH] = "auth",
	[STAGE_MAIL] = "mail",
	[STAGE_RCPT] = "rcpt",
	[STAGE_DATA] = "data",
	[STAGE_BODY] = "body",
	[STAGE_END] = "end",
};
_Static_assert(sizeof(stages) / sizeof(*stages) == STAGE_COUNT, "one name per stage");

static void __attribute__((format(printf, 5, 0)))
set(struct error *err, enum stage stage, enum fault fault, int sys, const char *format, va_list ap)
{
	char raw[sizeof(err->text)];
	size_t n;

	if (!err || err->fault)
		return;
	vsnprintf(raw, sizeof(raw), format, ap);
	if (sys) {
		n = strlen(raw);
		snprintf(raw + n, sizeof(raw) - n, ": %s", strerrordesc_np(sys) ?: "unknown error");
	}
	err->fault = fault;
	err->stage = stage;
	err->sys = sys;
	text_printable(err->text, sizeof(err->text), raw, strlen(raw));
}

bool
error_set(struct error *err, enum fault fault, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	set(err, STAGE_NONE, fault, 0, format, ap);
	va_end(ap);
	return false;
}

bool
error_sys(struct error *err, enum fault fault, int sys, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	set(err, STAGE_NONE, fault, sys, format, ap);
	va_end(ap);
	return false;
}

bool
error_at(struct error *err, enum stage stage, enum fault fault, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	set(err, stage, fault, 0, format, ap);
	va_end(ap);
	return false;
}

bool
error_prefix(struct error *err, const char *format, ...)
{
	char raw[2 * sizeof(err->text) + 2];
	va_list ap;
	size_t n;

	if (!err || !err->fault)
		return false;
	va_start(ap, format);
	vsnprintf(raw, sizeof(err->text), format, ap);
	va_end(ap);
	n = strlen(raw);
	snprintf(raw + n, sizeof(raw) - n, ": %s", err->text);
	/* what is printable already comes out as it is */
	text_printable(err->text, sizeof(err->text), raw, strlen(raw));
	return false;
}

void
error_clear(struct error *err)
{
	*err = (struct error)ERROR_NONE;
}

int
fault_status(enum fault fault)
{
	return faults[fault].status;
}

const char *
fault_name(enum fault fault)
{
	return faults[fault].name;
}

const char *
fault_phrase(enum fault fault)
{
	return faults[fault].phrase;
}

const char *
stage_name(enum stage stage)
{
	return stages[stage];
}

static size_t
parse_part(const char *s, size_t n, unsigned short *ret)
{
	size_t i;

	for (*ret = 0, i = 0; i < n && i < 3 && s[i] >= '0' && s[i] <= '9'; i++)
		*ret = (unsigned short)(*ret * 10 + (s[i] - '0'));
	if (!i || (i > 1 && s[0] == '0'))
		return 0;
	return i;
}

size_t
enhanced_parse(const char *s, size_t n, struct enhanced *ret)
{
	struct enhanced code;
	size_t at = 2, part;

	if (n < 5 || (s[0] != '2' && s[0] != '4' && s[0] != '5') || s[1] != '.')
		return 0;
	code.class = (unsigned short)(s[0] - '0');
	if (!(part = parse_part(s + at, n - at, &code.subject)))
		return 0;
	at += part;
	if (at >= n || s[at] != '.')
		return 0;
	at++;
	if (!(part = parse_part(s + at, n - at, &code.detail)))
		return 0;
	at += part;
	if (at < n && s[at] != ' ' && s[at] != '\t')
		return 0;
	*ret = code;
	return at;
}

const char *
enhanced_print(struct enhanced code, char out[16])
{
	out[0] = '\0';
	if (code.class)
		snprintf(out, 16, "%u.%u.%u", code.class % 10u, code.subject % 1000u,
			code.detail % 1000u);
	return out;
}
