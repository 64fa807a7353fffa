#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "address.h"
#include "alloc.h"
#include "compose.h"
#include "header.h"
#include "io.h"
#include "submission.h"
#include "text.h"

#define DRAIN_MS 10000      /* without a single octet */
#define TEXT_MAX (64 << 20) /* octets of --body or --html as an argument or file kept in memory */

/* Any of these means: do not read a message, make one. Returns it, or OPT_COUNT. */
static enum option_id
composing_option(const struct submission *s)
{
	static const enum option_id composing[] = { OPT_TO, OPT_CC, OPT_BCC, OPT_REPLY_TO,
		OPT_SUBJECT, OPT_BODY, OPT_HTML, OPT_ATTACH, OPT_HEADER };

	for (size_t i = 0; i < sizeof(composing) / sizeof(*composing); i++)
		if (submission_given(s, composing[i]))
			return composing[i];
	return OPT_COUNT;
}

/* The addresses of a repeated option. */
static bool
addresses(
	const struct submission *s, enum option_id id, struct address_list *ret, struct error *err)
{
	size_t n;
	const char *const *v = profile_list_of(&s->args->given, id, &n);

	for (size_t i = 0; i < n; i++)
		if (!address_list_parse(v[i], strlen(v[i]), ret, err))
			return error_prefix(err, "--%s", options[id].name);
	return true;
}

/* Whom the header names is said by options, or by fields that were given whole. */
static bool
header_is_addressed(const struct submission *s, const struct composition *c)
{
	static const char names[][5] = { "To:", "Cc:", "Bcc:" };

	if (submission_given(s, OPT_TO) || submission_given(s, OPT_CC) ||
		submission_given(s, OPT_BCC))
		return true;
	for (size_t i = 0; i < c->header_count; i++)
		for (size_t k = 0; k < sizeof(names) / sizeof(*names); k++)
			if (strncasecmp(c->headers[i], names[k], strlen(names[k])) == 0)
				return true;
	return false;
}

/* The To field: recipients that are operands too, as with mail(1), where nothing else is said. */
static bool
take_to(const struct submission *s, const struct composition *c, struct address_list *ret,
	struct error *err)
{
	const struct arguments *args = s->args;

	if (header_is_addressed(s, c))
		return addresses(s, OPT_TO, ret, err);
	for (size_t i = 0; i < args->operand_count; i++)
		if (!address_list_parse(args->operands[i], strlen(args->operands[i]), ret, err))
			return error_prefix(err, "recipient");
	return true;
}

/* --body @FILE: the descriptor to read, -1 if the value is the text itself. */
static bool
text_source(const struct submission *s, enum option_id id, const char **ret_text, int *ret_fd,
	const char **ret_name, struct error *err)
{
	const char *value = submission_given(s, id) ? profile_text(&s->args->given, id) : NULL;

	*ret_text = NULL;
	*ret_fd = -1;
	if (!value || *value != '@') {
		*ret_text = value;
		return true;
	}
	*ret_name = value[1] == '-' && !value[2] ? "standard input" : value + 1;
	*ret_fd =
		value[1] == '-' && !value[2] ? STDIN_FILENO : open(value + 1, O_RDONLY | O_CLOEXEC);
	if (*ret_fd < 0)
		return error_sys(err, FAULT_NOINPUT, errno, "unable to open %s", value + 1);
	return true;
}

/* The HTML version is kept in memory. */
static bool
read_html(int fd, const char *name, struct strbuf *out, struct error *err)
{
	char *at;
	ssize_t n;

	do {
		if (!(at = strbuf_reserve(out, 64 << 10)))
			return error_set(
				err, FAULT_DATA, "%s is larger than %d octets", name, TEXT_MAX);
		n = io_read(fd, at, 64 << 10);
		if (n < 0)
			return error_sys(err, FAULT_NOINPUT, errno, "unable to read %s", name);
		strbuf_advance(out, (size_t)n);
	} while (n);
	return true;
}

static bool
check_headers(const char *const *lines, size_t n, struct error *err)
{
	for (size_t i = 0; i < n; i++)
		if (!header_check_line(lines[i], strlen(lines[i]), err))
			return error_prefix(err, "--header");
	return true;
}

/* What the message cannot change: whether there is an account at all, and one of the name. */
static bool
check_account(struct submission *s, struct error *err)
{
	return (s->accounts.n > 1 && !submission_given(s, OPT_ACCOUNT)) || account_choose(s, err);
}

/* A person who types a message is told so, and before it is typed that nobody would get it.
 * TERMINAL: standard input is one. */
static bool
greet(struct submission *s, bool terminal, struct error *err)
{
	const struct arguments *args = s->args;
	struct strbuf first = STRBUF_INIT(400);

	if (args->personality != PERSONALITY_SENDOFF || !terminal)
		return true;
	if (!args->operand_count && !submission_given(s, OPT_READ_RECIPIENTS) &&
		!submission_given(s, OPT_TO) && !submission_given(s, OPT_CC) &&
		!submission_given(s, OPT_BCC))
		return envelope_refuse_empty(err);
	if (!check_account(s, err))
		return false;
	if (!isatty(STDERR_FILENO) || submission_given(s, OPT_QUIET))
		return true;
	if (args->operand_count)
		text_add_printable(&first, args->operands[0], strlen(args->operands[0]), 80);
	fprintf(stderr,
		"%s: note: type the message%s%s, and Ctrl-D at the start of a line; Ctrl-C gives "
		"up\n",
		args->program, first.len ? " for " : "", first.len ? first.s : "");
	strbuf_done(&first);
	return true;
}

static bool
build(struct submission *s, struct composition *c, struct error *err)
{
	struct address_list to = ADDRESS_LIST_NONE, cc = ADDRESS_LIST_NONE,
			    reply = ADDRESS_LIST_NONE;
	struct strbuf html = STRBUF_INIT(TEXT_MAX);
	const char *html_name = NULL;
	int html_fd = -1;
	bool good;

	c->to = &to, c->cc = &cc, c->reply_to = &reply;
	good = take_to(s, c, &to, err) && addresses(s, OPT_CC, &cc, err) &&
	       addresses(s, OPT_REPLY_TO, &reply, err) &&
	       check_headers(c->headers, c->header_count, err) &&
	       text_source(s, OPT_BODY, &c->body, &c->body_fd, &c->body_name, err) &&
	       text_source(s, OPT_HTML, &c->html, &html_fd, &html_name, err) &&
	       (html_fd < 0 || read_html(html_fd, html_name, &html, err));
	if (good && html_fd >= 0)
		c->html = html.s;
	/* without a body option the text comes from standard input, as with mail(1) */
	if (good && !c->body && c->body_fd < 0 && !c->html && !c->attachment_count) {
		c->body_fd = STDIN_FILENO;
		c->body_name = "standard input";
	}
	good = good && (c->body_fd != STDIN_FILENO || greet(s, isatty(STDIN_FILENO), err)) &&
	       compose(c, &s->message, err);
	s->input_read = c->body_fd == STDIN_FILENO || html_fd == STDIN_FILENO;
	if (c->body_fd > STDERR_FILENO)
		close(c->body_fd);
	if (html_fd > STDERR_FILENO)
		close(html_fd);
	strbuf_done(&html);
	address_list_done(&to);
	address_list_done(&cc);
	address_list_done(&reply);
	return good;
}

/* What mail(1) and its kin attach or send copies by means nothing to sendmail: passing it over
 * would lose an attachment, and make a recipient of its name. */
static bool
refuse_letters(const struct submission *s, struct error *err)
{
	if (submission_given(s, OPT_IGNORE_A))
		return error_set(err, FAULT_USAGE,
			"-A attaches nothing here, it is an option of sendmail (--attach FILE "
			"attaches a file)");
	if (submission_given(s, OPT_IGNORE_C))
		return error_set(err, FAULT_USAGE,
			"-c names nobody here, it is an option of sendmail (--cc ADDRESS sends a "
			"copy)");
	return true;
}

static bool
compose_message(struct submission *s, struct error *err)
{
	const struct profile *flags = &s->args->given;
	struct composition c = { .body_fd = -1,
		.subject = submission_given(s, OPT_SUBJECT) ? profile_text(flags, OPT_SUBJECT)
							    : NULL };

	if (submission_given(s, OPT_READ_RECIPIENTS))
		return error_set(err, FAULT_USAGE,
			"-t reads recipients from a message, but --%s composes one",
			options[composing_option(s)].name);
	if (!refuse_letters(s, err))
		return false;
	c.attachments = profile_list_of(flags, OPT_ATTACH, &c.attachment_count);
	c.headers = profile_list_of(flags, OPT_HEADER, &c.header_count);
	if (c.subject && text_has_control(c.subject, strlen(c.subject)))
		return error_set(
			err, FAULT_DATA, "--subject: it holds control characters, or is not UTF-8");
	return build(s, &c, err);
}

bool
input_get(struct submission *s, struct error *err)
{
	struct message_reading how = { .directory = NULL };
	struct strbuf directory = STRBUF_INIT(4096);
	bool terminal, good;

	message_done(&s->message);
	if (composing_option(s) != OPT_COUNT)
		return compose_message(s, err);
	terminal = isatty(STDIN_FILENO);
	if (!greet(s, terminal, err))
		return false;
	if (!submission_given(s, OPT_IGNORE_DOTS)) {
		/* as strict, sendmail's whole rule: a doubled dot at a line's start is undone too
		 */
		how.dot_doubled = profile_choice(&s->account, OPT_DOT) == 1;
		how.dot_ends = terminal || how.dot_doubled;
		how.dot_is_last_line = !how.dot_ends;
	}
	message_init(&s->message);
	/* should it be queued, its file is there already */
	queueing_add_directory(&directory, s);
	s->message.base = ENTRY_BLOCK;
	how.directory = directory.len && !directory.full ? directory.s : NULL;
	s->input_read = true;
	good = message_read(&s->message, STDIN_FILENO, &how, err);
	s->message.directory = NULL;
	strbuf_done(&directory);
	return good;
}

void
input_drain(const struct submission *s)
{
	struct pollfd ready = { .fd = STDIN_FILENO, .events = POLLIN };
	struct stat st;
	char waste[65536];

	if (s->input_read || fstat(STDIN_FILENO, &st) != 0 ||
		(!S_ISFIFO(st.st_mode) && !S_ISSOCK(st.st_mode)))
		return;
	while (poll(&ready, 1, DRAIN_MS) > 0 && io_read(STDIN_FILENO, waste, sizeof(waste)) > 0)
		continue;
}
