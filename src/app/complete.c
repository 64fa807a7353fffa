#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "address.h"
#include "clock.h"
#include "header.h"
#include "identity.h"
#include "submission.h"

static bool
has(const struct submission *s, const char *name)
{
	return header_has(s->message.header.s, s->message.header.len, name);
}

/* Puts a field at offset AT of the header. */
static void
add_field(struct submission *s, size_t at, const char *name, const char *value)
{
	struct strbuf field = STRBUF_INIT(1024);

	strbuf_addf(&field, "%s: %s\r\n", name, value);
	strbuf_insert(&s->message.header, at, field.s, field.len);
	strbuf_done(&field);
}

static void
add_date(struct submission *s, size_t at, const char *name)
{
	struct strbuf value = STRBUF_INIT(64);

	clock_add_rfc5322(&value, s->when);
	add_field(s, at, name, value.s);
	strbuf_done(&value);
}

/* Unique by time and 80 random bits; the domain is the author's, so that it says nothing more about
 * this machine than the From field does. */
static void
add_message_id(struct submission *s, size_t at, const char *name)
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuv";
	struct strbuf value = STRBUF_INIT(512), domain = STRBUF_INIT(256);
	struct address a = ADDRESS_NONE;
	unsigned char random[16] = { 0 };

	if (!submission_from(s, &a) || !a.domain || address_domain_is_utf8(&a))
		strbuf_adds(&domain, identity_domain(&s->account));
	else
		strbuf_adds(&domain, a.domain);
	address_done(&a);
	(void)!getrandom(random, sizeof(random), 0);
	strbuf_addf(&value, "<%llx.", (unsigned long long)s->when);
	for (size_t i = 0; i < sizeof(random); i++)
		strbuf_addc(&value, digits[random[i] % 32]);
	strbuf_addf(&value, "@%s>", domain.s);
	add_field(s, at, name, value.s);
	strbuf_done(&value);
	strbuf_done(&domain);
}

/* The identification of a message that is sent on by somebody (RFC 5322 3.6.6), in the block of
 * fields of who did it last. */
static void
complete_resent(struct submission *s)
{
	const struct strbuf *header = &s->message.header;
	size_t start, end;
	bool date, id;

	if (!header_first_resent(header->s, header->len, &start, &end))
		return;
	date = header_has(header->s + start, end - start, "Resent-Date");
	id = header_has(header->s + start, end - start, "Resent-Message-ID");
	if (!id && profile_yes(&s->account, OPT_ADD_MESSAGE_ID))
		add_message_id(s, start, "Resent-Message-ID");
	if (!date && profile_yes(&s->account, OPT_ADD_DATE))
		add_date(s, start, "Resent-Date");
}

void
submission_keep_id(struct submission *s)
{
	struct header_field field;
	struct strbuf value = STRBUF_INIT(HEADER_MAX);
	size_t at = 0;

	if (header_find(s->message.header.s, s->message.header.len, &at, "Message-ID", &field)) {
		header_add_unfolded(&value, &field);
		snprintf(s->message_id, sizeof(s->message_id), "%s", value.s);
	}
	strbuf_done(&value);
}

/* Lines over 998 octets: as quoted-printable where nothing forbids it. */
static bool
shorten_lines(struct submission *s, struct error *err)
{
	struct message shorter;
	const char *why = NULL;
	bool strict = profile_yes(&s->account, OPT_STRICT_BODY);

	if (s->message.facts.longest_header > MESSAGE_LINE && !strict)
		(void)!message_fold_header(&s->message);
	if (s->message.facts.longest_line <= MESSAGE_LINE)
		return true;
	if (strict)
		return error_set(err, FAULT_DATA,
			"a line of the message has %llu octets, more than %d, and strict-body "
			"forbids to "
			"re-encode it",
			(unsigned long long)s->message.facts.longest_line, MESSAGE_LINE);
	if (!message_can_reencode(&s->message, &why)) {
		strbuf_addf(&s->report.notes,
			"lines longer than %d octets were sent as they are: %s\n", MESSAGE_LINE,
			why);
		return true;
	}
	if (!message_reencode(&s->message, &shorter, err))
		return false;
	message_done(&s->message);
	s->message = shorter;
	strbuf_addf(&s->report.notes,
		"the body was re-encoded as quoted-printable: a line was longer than %d octets\n",
		MESSAGE_LINE);
	return true;
}

static void
note_changes(struct submission *s)
{
	const struct message_facts *facts = &s->message.facts;

	if (facts->nul_removed)
		strbuf_addf(&s->report.notes, "%llu NUL octets were removed\n",
			(unsigned long long)facts->nul_removed);
	if (facts->cr_changed)
		strbuf_addf(&s->report.notes, "%llu stray carriage returns were made line ends\n",
			(unsigned long long)facts->cr_changed);
}

bool
message_complete(struct submission *s, struct error *err)
{
	struct strbuf *header = &s->message.header;

	note_changes(s);
	if (profile_yes(&s->account, OPT_STRICT_BODY) &&
		(s->message.facts.nul_removed || s->message.facts.cr_changed))
		return error_set(err, FAULT_DATA,
			"the message holds NUL octets or stray carriage returns, and strict-body "
			"forbids "
			"to change them");
	header_clean(header, profile_yes(&s->account, OPT_KEEP_BCC));
	if (profile_yes(&s->account, OPT_UNDISCLOSED_RECIPIENTS)) {
		header_drop(header, "To");
		header_drop(header, "Cc");
		header_prepend(header, "To", "undisclosed-recipients:;");
	}
	if (!author_complete(s, err))
		return false;
	complete_resent(s);
	if (!has(s, "Message-ID") && profile_yes(&s->account, OPT_ADD_MESSAGE_ID))
		add_message_id(s, 0, "Message-ID");
	if (!has(s, "Date") && profile_yes(&s->account, OPT_ADD_DATE))
		add_date(s, 0, "Date");
	if (header->full)
		return error_set(err, FAULT_DATA, "the header of the message is too long");
	message_update_header_facts(&s->message);
	submission_keep_id(s);
	return shorten_lines(s, err);
}
