#include <stdio.h>
#include <string.h>

#include "aliasing.h"
#include "alloc.h"
#include "header.h"
#include "identity.h"
#include "strbuf.h"
#include "submission.h"
#include "text.h"

/* the order of the table's values */
enum { SENDER_AUTO, SENDER_FORCE, SENDER_HEADER };
enum { PARTIAL_SEND, PARTIAL_ABORT };

static bool
parse(const char *text, const char *what, struct address *ret, struct error *err)
{
	return address_parse_sender(text, strlen(text), ret, err) || error_prefix(err, "%s", what);
}

/* An address that means "somebody on this machine". */
static bool
is_host_local(const struct address *a)
{
	return !a->domain || identity_is_local(a->domain);
}

static bool
default_sender(const struct submission *s, struct address *ret, struct error *err)
{
	const char *from = profile_text(&s->account, OPT_FROM);

	if (from)
		return parse(from, "from", ret, err);
	*ret = (struct address){ .local = xstrdup(identity_user()) };
	return true;
}

static bool
find_sender(const struct submission *s, struct address *ret, struct error *err)
{
	int how = profile_choice(&s->account, OPT_SENDER);
	bool header = how == SENDER_HEADER || submission_given(s, OPT_READ_ENVELOPE_FROM);

	if (how == SENDER_FORCE && profile_text(&s->account, OPT_FROM))
		return default_sender(s, ret, err);
	if (submission_given(s, OPT_ENVELOPE_FROM)) {
		if (!parse(profile_text(&s->args->given, OPT_ENVELOPE_FROM), "-f", ret, err))
			return false;
		/* cron's -f root means nothing to a smarthost where the account has an address */
		if (address_is_null(ret) || !is_host_local(ret) ||
			!profile_text(&s->account, OPT_FROM))
			return true;
		address_done(ret);
		return default_sender(s, ret, err);
	}
	if (header && submission_from(s, ret))
		return true;
	return default_sender(s, ret, err);
}

/* Addresses from the command line: RFC 5322 lists, but on one line (a field may be folded, an
 * argument that is holds an attack). */
static bool
add_argument(const char *text, const char *what, struct address_list *l, struct error *err)
{
	size_t n = strlen(text);

	if (text_has_control(text, n))
		return error_set(err, FAULT_DATA,
			"%s: unable to use the address '%s': it holds control characters, or is "
			"not UTF-8",
			what, text);
	return address_list_parse(text, n, l, err) || error_prefix(err, "%s", what);
}

/* --to, --cc and --bcc; the first two stand in the composed message as well. */
static bool
add_options(const struct submission *s, struct address_list *l, struct error *err)
{
	static const enum option_id ids[] = { OPT_TO, OPT_CC, OPT_BCC };
	const char *const *v;
	char what[32];
	size_t n;

	for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
		v = profile_list_of(&s->args->given, ids[i], &n);
		snprintf(what, sizeof(what), "--%s", options[ids[i]].name);
		for (size_t k = 0; k < n; k++)
			if (!add_argument(v[k], what, l, err))
				return false;
	}
	return true;
}

bool
envelope_refuse_empty(struct error *err)
{
	return error_set(err, FAULT_USAGE,
		"no recipients (name them on the command line, or use -t to take them from the "
		"message)");
}

static bool
find_recipients(const struct submission *s, struct address_list *l, struct error *err)
{
	const struct strbuf *header = &s->message.header;

	for (size_t i = 0; i < s->args->operand_count; i++)
		if (!add_argument(s->args->operands[i], "recipient", l, err))
			return false;
	if (!add_options(s, l, err))
		return false;
	if (submission_given(s, OPT_READ_RECIPIENTS) &&
		!header_recipients(header->s, header->len, l, err))
		return false;
	if (l->n)
		return true;
	if (submission_given(s, OPT_READ_RECIPIENTS))
		return error_set(err, FAULT_DATA,
			"the message names no recipient in To, Cc or Bcc, and the command line "
			"none");
	return envelope_refuse_empty(err);
}

/* What the account or the command line asks of notifications. */
static bool
take_dsn(struct submission *s, struct error *err)
{
	const char *notify = profile_text(&s->account, OPT_DSN_NOTIFY);
	const char *ret = profile_text(&s->account, OPT_DSN_RETURN);
	const char *envid = profile_text(&s->account, OPT_ENVID);

	if ((notify && !dsn_notify_parse(notify, &s->envelope.dsn_notify, err)) ||
		(ret && !dsn_return_parse(ret, &s->envelope.dsn_return, err)))
		return false;
	if (envid && text_has_control(envid, strlen(envid)))
		return error_set(err, FAULT_DATA, "-V: the envelope id holds control characters");
	if (envid)
		s->envelope.envid = xstrdup(envid);
	return true;
}

/* Who asks for notifications wants them to name the address that was used (RFC 3461 4.2). */
static void
name_originals(struct submission *s)
{
	struct strbuf original = STRBUF_INIT(1024);
	struct recipient *r;

	for (size_t i = 0; s->envelope.dsn_notify && i < s->envelope.count; i++) {
		r = &s->envelope.recipients[i];
		strbuf_clear(&original);
		if (address_add_smtp(&original, &r->address, false, NULL))
			r->orcpt = xstrdup(original.s);
	}
	strbuf_done(&original);
}

bool
envelope_begin(struct submission *s, struct error *err)
{
	struct address *sender = &s->envelope.sender;

	if (!find_sender(s, sender, err))
		return false;
	if (!address_is_null(sender) && !sender->domain)
		address_qualify(sender, identity_domain(&s->account));
	return take_dsn(s, err);
}

bool
recipients_resolve(
	struct submission *s, struct address_list *l, struct envelope *refused, struct error *err)
{
	const char *domain = NULL;

	if (!aliases_expand(s, l, refused, err))
		return false;
	for (size_t i = 0; i < l->n; i++)
		if (!l->v[i].domain)
			address_qualify(&l->v[i],
				domain ? domain : (domain = identity_domain(&s->account)));
	address_list_unique(l);
	return true;
}

/* Adds what the aliases refused to the recipients; with partial = abort it stops all. */
static bool
take_refused(struct submission *s, struct envelope *refused, struct error *err)
{
	if (refused->count && profile_choice(&s->account, OPT_PARTIAL) == PARTIAL_ABORT)
		*err = *refused->recipients[0].why;
	for (size_t i = 0; i < refused->count; i++)
		envelope_add_refused(
			&s->envelope, &refused->recipients[i].address, refused->recipients[i].why);
	envelope_done(refused);
	return !err->fault;
}

bool
envelope_fill(struct submission *s, struct error *err)
{
	struct address_list l = ADDRESS_LIST_NONE;
	struct envelope refused = ENVELOPE_NONE;
	bool good = envelope_begin(s, err) && find_recipients(s, &l, err) &&
		    recipients_resolve(s, &l, &refused, err);

	if (good) {
		envelope_add_recipients(&s->envelope, &l);
		name_originals(s);
		good = take_refused(s, &refused, err);
	}
	envelope_done(&refused);
	address_list_done(&l);
	return good;
}
