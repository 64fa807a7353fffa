#include "smtpd.h"

#include <stdio.h>
#include <unistd.h>

#include "clock.h"
#include "identity.h"
#include "report.h"
#include "service.h"
#include "smtpd_state.h"

/* What a client may cost before it has sent a message: a command one, a mistake more. */
#define WASTE_MAX 200000

void
smtpd_end(struct smtpd *d, int status)
{
	if (!d->over)
		d->status = status;
	d->over = true;
}

void
smtpd_record(struct smtpd *d, const struct error *why)
{
	struct submission *s = &d->s;
	struct wire_report own = s->report;

	if (why)
		s->error = *why;
	s->finished = clock_ms();
	if (d->up)
		s->report = d->up->report;
	report_record(s);
	s->report = own;
}

/* An abandoned transaction leaves a record when somebody was refused in it. */
static bool
worth_a_record(const struct smtpd *d)
{
	const struct envelope *e = &d->s.envelope;

	return d->mail && envelope_count(e, OUTCOME_PENDING) < e->count;
}

void
smtpd_reset(struct smtpd *d)
{
	struct submission *s = &d->s;

	if (worth_a_record(d)) {
		s->attempted = true;
		smtpd_record(d, NULL);
	}
	smtpd_content_forget(d);
	if (d->up)
		network_relay_reset(d->up->relay);
	envelope_done(&s->envelope);
	message_done(&s->message);
	wire_report_done(&s->report);
	wire_report_init(&s->report);
	error_clear(&s->error);
	s->message_id[0] = '\0';
	s->attempted = false;
	d->up = NULL;
	d->mail = false;
	d->asked = d->taken = 0;
}

static void
greet(struct smtpd *d, const struct smtpd_command *c)
{
	const char *name = *c->argument ? c->argument : "you";
	struct strbuf text = STRBUF_INIT(8192);

	smtpd_reset(d);
	strbuf_addf(&text, "%s greets %.200s\n", identity_host(), name);
	if (c->verb == SMTPD_EHLO)
		strbuf_adds(&text, "PIPELINING\nSIZE\n8BITMIME\nSMTPUTF8\nDSN\nCHUNKING\n"
				   "ENHANCEDSTATUSCODES\n");
	if (c->verb == SMTPD_EHLO && d->of->password_file)
		strbuf_adds(&text, "AUTH PLAIN\n");
	/* RFC 2034 section 4: no enhanced code here */
	smtpd_say(d, 250, (struct enhanced){ 0, 0, 0 }, text.s);
	strbuf_done(&text);
}

static void
quit(struct smtpd *d)
{
	smtpd_reset(d);
	smtpd_reply(d, 221, 0, 0, "%s closes the connection", identity_host());
	smtpd_end(d, d->lost ? fault_status(FAULT_TEMPORARY) : 0);
}

static enum client_event
obey(struct smtpd *d, const struct smtpd_command *c)
{
	switch (c->verb) {
	case SMTPD_HELO:
	case SMTPD_EHLO:
		greet(d, c);
		break;
	case SMTPD_MAIL:
		smtpd_mail(d, c);
		break;
	case SMTPD_RCPT:
		smtpd_rcpt(d, c);
		break;
	case SMTPD_DATA:
		return smtpd_data(d);
	case SMTPD_BDAT:
		return smtpd_bdat(d, c);
	case SMTPD_RSET:
		smtpd_reset(d);
		smtpd_reply(d, 250, 0, 0, "nothing is left");
		break;
	case SMTPD_NOOP:
		smtpd_reply(d, 250, 0, 0, "yes");
		break;
	case SMTPD_VRFY:
		/* RFC 5321 3.5.3: who it is, only the smarthost could say */
		smtpd_reply(d, 252, 5, 2, "try to send a message, and it will be known");
		break;
	case SMTPD_HELP:
		smtpd_reply(d, 214, 0, 0,
			"HELO EHLO MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT (RFC 5321)");
		break;
	case SMTPD_QUIT:
		quit(d);
		break;
	case SMTPD_COUNT:
		break;
	}
	return CLIENT_READY;
}

static void
mistake(struct smtpd *d, const struct error *refusal)
{
	if (d->wary) {
		smtpd_reply(d, 421, 5, 0,
			"this is no command: the message was not wanted, so its content ends here");
		smtpd_end(d, fault_status(FAULT_PROTOCOL));
		return;
	}
	smtpd_reply_refusal(d, refusal);
	d->waste += SMTPD_MISTAKE;
}

static enum client_event
take_line(struct smtpd *d, const char *line, size_t n)
{
	struct smtpd_command c;
	struct error refusal = ERROR_NONE;
	enum client_event event = CLIENT_READY;

	if (smtpd_listened(d, line)) {
		d->wary = false;
	} else if (smtpd_command_parse(line, n, &c, &refusal)) {
		d->wary = false;
		event = obey(d, &c);
	} else {
		mistake(d, &refusal);
	}
	smtpd_command_done(&c);
	return event;
}

/* The input is over, one way or another. */
static void
input_over(struct smtpd *d, enum client_event event)
{
	bool inside = d->mail;

	smtpd_reset(d);
	switch (event) {
	case CLIENT_END:
		smtpd_end(d, inside    ? fault_status(FAULT_DATA)
			     : d->lost ? fault_status(FAULT_TEMPORARY)
				       : 0);
		break;
	case CLIENT_LATE:
		smtpd_reply(d, 421, 4, 2, "nothing was heard for too long");
		smtpd_end(d, fault_status(FAULT_TEMPORARY));
		break;
	case CLIENT_ENDLESS:
		smtpd_reply(d, 421, 5, 0, "the line does not end");
		smtpd_end(d, fault_status(FAULT_PROTOCOL));
		break;
	case CLIENT_READY:
	case CLIENT_LONG:
	case CLIENT_BARE_LF:
	case CLIENT_BROKEN:
		smtpd_end(d, fault_status(FAULT_IO));
		break;
	}
}

static void
serve(struct smtpd *d)
{
	struct error refusal;
	enum client_event event;
	char *line;
	size_t n;

	while (!d->over) {
		if (++d->waste > WASTE_MAX) {
			smtpd_reply(
				d, 421, 7, 0, "too many mistakes, or commands without a message");
			smtpd_end(d, fault_status(FAULT_PROTOCOL));
			break;
		}
		refusal = (struct error)ERROR_NONE;
		event = client_line(&d->client, &line, &n);
		if (event == CLIENT_READY)
			event = take_line(d, line, n);
		else if (event == CLIENT_LONG)
			smtpd_refuse(&refusal, 500, 5, 2, "the line is longer than %d octets",
				CLIENT_LINE);
		else if (event == CLIENT_BARE_LF)
			smtpd_refuse(&refusal, 500, 5, 2,
				"the line does not end in CRLF as those before it do");
		if (refusal.fault)
			mistake(d, &refusal);
		else if (event != CLIENT_READY)
			input_over(d, event);
	}
}

/* Serves, with the configuration read. */
static void
start(struct smtpd *d)
{
	struct error err = ERROR_NONE;
	struct enhanced enhanced;
	char greeting[512];
	int code;

	if (account_load(&d->s, &err) && smtpd_shut(d, &err)) {
		snprintf(greeting, sizeof(greeting), "%s ESMTP sendoff", identity_host());
		smtpd_say(d, 220, (struct enhanced){ 0, 0, 0 }, greeting);
		serve(d);
		return;
	}
	smtpd_failure_code(&err, &code, &enhanced);
	smtpd_say(d, 421, enhanced.class == 4 ? enhanced : (struct enhanced){ 4, 3, 5 }, err.text);
	fprintf(stderr, "%s: unable to serve: %s\n", d->called->program, err.text);
	smtpd_end(d, fault_status(err.fault));
}

int
smtpd_serve(const struct arguments *args, const struct smtpd_client_of *client)
{
	struct smtpd d = { .called = args, .args = *args, .of = client };

	profile_init(&d.args.given, args->given.name, args->given.origin);
	profile_override(&d.args.given, &args->given);
	d.s.args = &d.args;
	d.s.message = (struct message)MESSAGE_NONE;
	d.s.started = clock_ms();
	d.s.peer = client->peer;
	profile_init(&d.s.account, "", "");
	wire_report_init(&d.s.report);
	client_init(&d.client, client->in, client->out);
	start(&d);
	smtpd_reset(&d);
	if (!d.silent)
		client_flush(&d.client);
	smtpd_upstreams_close(&d);
	if (d.s.keeper)
		close(d.keeper);
	client_done(&d.client);
	wire_report_done(&d.s.report);
	profile_done(&d.s.account);
	profile_list_done(&d.s.accounts);
	profile_done(&d.args.given);
	return d.status;
}

int
smtpd(const struct arguments *args)
{
	const struct smtpd_client_of own = { .in = STDIN_FILENO, .out = STDOUT_FILENO };
	struct error err = ERROR_NONE;
	struct profile account;
	int status;
	bool service;

	/* what is wrong with the configuration the dialogue says */
	if (!service_settings(args, &account, NULL))
		return smtpd_serve(args, &own);
	service = profile_choice(&account, OPT_SUBMIT) == 1;
	if (service && !service_talk(&account, args, SERVICE_SMTP, &status, &err)) {
		printf("421 4.3.2 %s\r\n", err.text);
		status = fflush(stdout) == 0 ? fault_status(err.fault) : fault_status(FAULT_IO);
	}
	profile_done(&account);
	if (service)
		return status;
	return smtpd_serve(args, &own);
}
