#include "sendmail.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "aliasing.h"
#include "error.h"
#include "queue.h"
#include "smtpd.h"
#include "status.h"

static const struct {
	const char *name;
	enum mode mode;
} names[] = {
	{ "sendmail", MODE_SUBMIT },
	{ "send-mail", MODE_SUBMIT },
	{ "mailq", MODE_QUEUE_LIST },
	{ "newaliases", MODE_ALIASES },
};

bool
sendmail_is_name(const char *name, enum mode *ret_mode)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(names[i].name, name) == 0) {
			*ret_mode = names[i].mode;
			return true;
		}
	*ret_mode = MODE_SUBMIT;
	return false;
}

bool
sendmail_mode(struct arguments *a, const char *letter, struct error *err)
{
	static const struct {
		char letter;
		enum mode mode;
	} modes[] = { { 'm', MODE_SUBMIT }, { 'a', MODE_SUBMIT }, { 's', MODE_SMTP },
		{ 'v', MODE_VERIFY }, { 'i', MODE_ALIASES }, { 'p', MODE_QUEUE_LIST },
		{ 'P', MODE_QUEUE_COUNT }, { 'q', MODE_QUEUE_RUN }, { 'h', MODE_NOTHING },
		{ 'H', MODE_NOTHING } };

	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++)
		if (letter[0] == modes[i].letter && !letter[1]) {
			/* -bs -q, -bp -q: the mode that does more was meant */
			if (modes[i].mode != MODE_QUEUE_RUN || a->mode == MODE_SUBMIT)
				a->mode = modes[i].mode;
			return true;
		}
	/* nobody writes a message to a daemon: do not wait for one */
	a->mode = MODE_NOTHING;
	if (a->personality == PERSONALITY_SENDOFF && letter[0] && letter[1])
		return error_set(err, FAULT_USAGE,
			"-b is sendmail's, as in -bp, and has no \"%.40s\" (--body TEXT is the text of "
			"a message, --bcc ADDRESS sends a copy)",
			letter);
	return error_set(err, FAULT_USAGE, "-b%s is not supported%s", letter,
		*letter && strchr("dDl", *letter) ? " (there is no daemon, and none is needed)"
						  : "");
}

/* A boolean as sendmail reads it: anything but f, F, n, N, 0 in front is true. */
static bool
is_true(const char *value)
{
	return !*value || !strchr("fFnN0", *value);
}

static void
set_error_mode(struct arguments *a, const char *value)
{
	a->errors_quiet = *value == 'q';
	a->errors_mailed = *value == 'm' || *value == 'e';
}

/* -odq and -odd: not now. -odb and -odi leave it to the account. */
static bool
set_delivery_mode(struct arguments *a, const char *value, struct error *err)
{
	if (*value != 'q' && *value != 'd')
		return true;
	return profile_set(&a->given, OPT_QUEUE, "always", "-od", err);
}

bool
sendmail_option(struct arguments *a, enum option_id id, const char *value, struct error *err)
{
	size_t n = strcspn(value, "=");
	const char *setting = value[n] ? value + n + 1 : value + n;

	if (id == OPT_ERROR_MODE) {
		set_error_mode(a, value);
		return true;
	}
	if (id == OPT_SENDMAIL_LONG_O) {
		if (n == 9 && strncasecmp(value, "ErrorMode", n) == 0)
			set_error_mode(a, setting);
		if (n == 10 && strncasecmp(value, "IgnoreDots", n) == 0 && is_true(setting))
			return profile_set(&a->given, OPT_IGNORE_DOTS, "", "-O", err);
		if (n == 12 && strncasecmp(value, "DeliveryMode", n) == 0)
			return set_delivery_mode(a, setting, err);
		return true;
	}
	switch (*value) {
	case 'i':
		/* -oit is no cluster: what follows is the value, here a true one */
		return !is_true(value + 1) ||
		       profile_set(&a->given, OPT_IGNORE_DOTS, "", "-oi", err);
	case 'v':
		return profile_set(&a->given, OPT_VERBOSE, "", "-ov", err);
	case 'e':
		set_error_mode(a, value + 1);
		return true;
	case 'd':
		return set_delivery_mode(a, value + 1, err);
	default:
		return true;
	}
}

int
sendmail_run(const struct arguments *a)
{
	switch (a->mode) {
	case MODE_QUEUE_LIST:
	case MODE_QUEUE_COUNT:
	case MODE_QUEUE_RUN:
		return queue_as_sendmail(a);
	case MODE_SMTP:
		return smtpd(a);
	case MODE_VERIFY:
		return aliases_verify(a);
	case MODE_ALIASES:
		return aliases_check(a);
	case MODE_SUBMIT:
	case MODE_NOTHING:
		break;
	}
	return status_printed() ? 0 : fault_status(FAULT_IO);
}
