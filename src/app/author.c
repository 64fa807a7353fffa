#include <string.h>
#include <strings.h>

#include "address.h"
#include "alloc.h"
#include "header.h"
#include "identity.h"
#include "rewrite.h"
#include "submission.h"

enum { REWRITE_NEVER, REWRITE_MISSING, REWRITE_ALWAYS }; /* the order of the table's values */

/* The address: the account's, or the envelope sender if it is no null sender, or the caller's. */
static bool
author_address(
	const struct submission *s, bool account_first, struct address *ret, struct error *err)
{
	const char *from = profile_text(&s->account, OPT_FROM);
	const struct address *sender = &s->envelope.sender;

	if (from && (account_first || !submission_given(s, OPT_ENVELOPE_FROM) ||
			    address_is_null(sender)))
		return address_parse_sender(from, strlen(from), ret, err) ||
		       error_prefix(err, "from");
	*ret = (struct address)ADDRESS_NONE;
	if (address_is_null(sender)) {
		ret->local = xstrdup(identity_user());
		return true;
	}
	ret->local = xstrdup(sender->local);
	ret->domain = sender->domain ? xstrdup(sender->domain) : NULL;
	ret->name = sender->name ? xstrdup(sender->name) : NULL;
	return true;
}

/* The name where none is given: the user's own choice, or that of the passwd database for an
 * address that is the caller's beyond doubt. */
static const char *
default_name(const struct submission *s, const struct address *a)
{
	const char *name =
		s->args->personality == PERSONALITY_SENDMAIL ? identity_environment_name() : "";

	if (*name || profile_is_set(&s->account, OPT_FROM))
		return name;
	if (submission_given(s, OPT_ENVELOPE_FROM) &&
		!(strcmp(a->local, identity_user()) == 0 && identity_is_local(a->domain)))
		return name;
	return identity_full_name();
}

/* The author, for From fields. */
static bool
author(const struct submission *s, bool account_first, struct address *ret, struct error *err)
{
	const char *name = profile_text(&s->account, OPT_FROM_NAME);

	if (!author_address(s, account_first, ret, err))
		return false;
	address_qualify(ret, identity_domain(&s->account));
	if (!name && !ret->name)
		name = default_name(s, ret);
	if (name) {
		free_string(&ret->name);
		ret->name = *name ? xstrdup(name) : NULL;
	}
	return true;
}

static void
add_from(struct submission *s, const struct address *a)
{
	struct strbuf value = STRBUF_INIT(4096);

	address_add_header(&value, a);
	header_prepend(&s->message.header, "From", value.s);
	strbuf_done(&value);
}

/* True iff the domain means nothing on other machines: none, localhost, a host name without a dot.
 */
static bool
is_missing(const char *domain)
{
	return !domain ||
	       (identity_is_local(domain) &&
		       (!strchr(domain, '.') || strcasecmp(domain, "localhost.localdomain") == 0));
}

/* True iff the From field shall have the account's address instead of its own. */
static bool
wants_rewriting(const struct submission *s)
{
	int when = profile_choice(&s->account, OPT_REWRITE_FROM);
	struct address a = ADDRESS_NONE;
	bool wanted;

	if (when == REWRITE_ALWAYS)
		return true;
	if (when == REWRITE_NEVER || !profile_is_set(&s->account, OPT_FROM))
		return false;
	wanted = submission_from(s, &a) && is_missing(a.domain);
	address_done(&a);
	return wanted;
}

bool
author_complete(struct submission *s, struct error *err)
{
	struct strbuf *header = &s->message.header;
	bool there = header_has(header->s, header->len, "From");
	bool rewriting = there && wants_rewriting(s);
	bool keep = profile_yes(&s->account, OPT_KEEP_REPLY_TO) &&
		    profile_choice(&s->account, OPT_REWRITE_FROM) == REWRITE_ALWAYS;
	struct address a = ADDRESS_NONE;
	bool good = true;

	/* first, so that a Reply-To field gets an address that can be replied to */
	rewrite_qualify(header, identity_domain(&s->account));
	if (!there || rewriting)
		good = author(s, rewriting, &a, err);
	if (good && rewriting)
		rewrite_from(header, &a, keep);
	else if (good && !there)
		add_from(s, &a);
	address_done(&a);
	return good;
}
