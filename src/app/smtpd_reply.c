#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "report.h"
#include "smtpd_state.h"
#include "text.h"

#define LINE_TEXT 480 /* octets, so that a line has at most 512 (RFC 5321 4.5.3.1.5) */

void
smtpd_say(struct smtpd *d, int code, struct enhanced enhanced, const char *text)
{
	struct strbuf *out = &d->client.replies;
	const char *stop, *rest;
	char number[16];

	enhanced_print(enhanced, number);
	do {
		stop = text + strcspn(text, "\n");
		rest = *stop ? stop + 1 : stop;
		strbuf_addf(out, "%d%c%s%s", code, *rest ? '-' : ' ', number, *number ? " " : "");
		text_add_printable(out, text, (size_t)(stop - text), LINE_TEXT);
		strbuf_adds(out, "\r\n");
		text = rest;
	} while (*text);
}

void
smtpd_reply(struct smtpd *d, int code, unsigned short subject, unsigned short detail,
	const char *format, ...)
{
	struct enhanced enhanced = { (unsigned short)(code / 100), subject, detail };
	char text[1024];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	/* RFC 2034 section 4: none of these in class 3 */
	if (code / 100 == 3)
		enhanced.class = 0;
	smtpd_say(d, code, enhanced, text);
}

void
smtpd_reply_refusal(struct smtpd *d, const struct error *refusal)
{
	smtpd_say(d, refusal->smtp, refusal->code, refusal->text);
}

void
smtpd_reply_pass(struct smtpd *d, const struct relay_reply *reply)
{
	struct enhanced enhanced = reply->enhanced;

	/* we have announced them: one that says no more than the class stands in for a missing one
	 */
	if (!enhanced.class)
		enhanced = (struct enhanced){ (unsigned short)(reply->code / 100), 0, 0 };
	smtpd_say(d, reply->code, enhanced, reply->text.s);
}

#define ANY (-1)

/* The first row that fits decides. What only the administrator can mend is temporary, so that a
 * client with a queue keeps the message; what the smarthost will refuse again is not. */
static const struct {
	int fault, stage, subject, detail; /* of the error */
	int code;
	unsigned short said_subject, said_detail; /* where the error has none of that class */
} failures[] = {
	{ FAULT_DATA, ANY, 3, 4, 552, 3, 4 },
	{ FAULT_DATA, ANY, 6, 7, 553, 6, 7 },
	{ FAULT_DATA, ANY, ANY, ANY, 554, 6, 0 },
	{ FAULT_USAGE, ANY, ANY, ANY, 554, 5, 4 },
	{ FAULT_NOUSER, ANY, ANY, ANY, 550, 1, 1 },
	{ FAULT_NOHOST, ANY, ANY, ANY, 554, 4, 4 },
	{ FAULT_PERMISSION, ANY, ANY, ANY, 550, 7, 8 },
	{ FAULT_PROTOCOL, ANY, ANY, ANY, 554, 5, 0 },
	{ FAULT_UNAVAILABLE, STAGE_TLS, ANY, ANY, 554, 7, 5 },
	{ FAULT_UNAVAILABLE, STAGE_AUTH, ANY, ANY, 554, 7, 4 },
	{ FAULT_UNAVAILABLE, ANY, ANY, ANY, 554, 0, 0 },
	{ FAULT_CONFIG, ANY, ANY, ANY, 451, 3, 5 },
	{ FAULT_TEMPORARY, STAGE_NONE, ANY, ANY, 451, 3, 0 },
	{ FAULT_TEMPORARY, STAGE_RESOLVE, ANY, ANY, 451, 4, 3 },
	{ FAULT_TEMPORARY, STAGE_CONNECT, ANY, ANY, 451, 4, 1 },
	{ FAULT_TEMPORARY, STAGE_AUTH, ANY, ANY, 451, 7, 0 },
	{ FAULT_TEMPORARY, STAGE_RCPT, 5, 3, 452, 5, 3 },
	{ FAULT_TEMPORARY, ANY, ANY, ANY, 451, 4, 2 },
	{ ANY, ANY, ANY, ANY, 451, 3, 0 },
};

static bool
fits(int want, int have)
{
	return want == ANY || want == have;
}

void
smtpd_failure_code(const struct error *err, int *ret_code, struct enhanced *ret_enhanced)
{
	size_t i = 0;

	while (!fits(failures[i].fault, (int)err->fault) ||
		!fits(failures[i].stage, (int)err->stage) ||
		!fits(failures[i].subject, err->code.subject) ||
		!fits(failures[i].detail, err->code.detail))
		i++;
	*ret_code = failures[i].code;
	*ret_enhanced = (struct enhanced){ (unsigned short)(failures[i].code / 100),
		failures[i].said_subject, failures[i].said_detail };
	if (err->code.class == ret_enhanced->class)
		*ret_enhanced = err->code;
}

void
smtpd_reply_failure(struct smtpd *d, const struct error *err)
{
	const char *advice = hint(err);
	struct enhanced enhanced;
	char text[1024];
	int code;

	smtpd_failure_code(err, &code, &enhanced);
	snprintf(text, sizeof(text), "%s\n%s", err->text, advice ? advice : "");
	smtpd_say(d, code, enhanced, text);
}
