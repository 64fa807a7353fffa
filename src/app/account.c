#include <string.h>
#include <unistd.h>

#include "address.h"
#include "fallback.h"
#include "header.h"
#include "submission.h"

bool
submission_given(const struct submission *s, enum option_id id)
{
	return profile_is_set(&s->args->given, id);
}

const char *
submission_used(const struct submission *s)
{
	return s->used ? s->used->name : s->account.name;
}

/* The command line says where to connect. */
static bool
names_place(const struct submission *s)
{
	return submission_given(s, OPT_HOST) || submission_given(s, OPT_SOCKET);
}

struct profile_sources
submission_sources(const struct submission *s)
{
	return (struct profile_sources){
		.file = submission_given(s, OPT_CONFIG) ? profile_text(&s->args->given, OPT_CONFIG)
							: NULL,
		.use_environment = !s->peer && getuid() == geteuid() && getgid() == getegid(),
		/* callers of sendmail pass on arguments that an attacker may have chosen */
		.root_only = !s->peer && s->args->personality == PERSONALITY_SENDMAIL,
	};
}

bool
account_load(struct submission *s, struct error *err)
{
	const struct profile *flags = &s->args->given;
	const struct profile_sources where = submission_sources(s);
	struct profile *early;

	/* a host on the command line makes an account of its own: it must not be given the
	 * credentials of another one */
	if (!names_place(s) || submission_given(s, OPT_ACCOUNT)) {
		if (!profile_load(&where, &s->accounts, err))
			return false;
	}
	early = s->accounts.n ? profile_select(&s->accounts,
					submission_given(s, OPT_ACCOUNT)
						? profile_text(flags, OPT_ACCOUNT)
						: NULL,
					NULL, NULL)
			      : NULL;
	profile_override(&s->account, early ? early : flags);
	profile_override(&s->account, flags);
	return true;
}

/* The address that decides which account it is: -f, --from, or the From field. */
static bool
matching_sender(const struct submission *s, struct address *ret, struct error *err)
{
	const char *text = submission_given(s, OPT_ENVELOPE_FROM)
				   ? profile_text(&s->args->given, OPT_ENVELOPE_FROM)
			   : submission_given(s, OPT_FROM) ? profile_text(&s->args->given, OPT_FROM)
							   : NULL;

	if (text)
		return address_parse_sender(text, strlen(text), ret, err);
	if (!submission_from(s, ret))
		*ret = (struct address)ADDRESS_NONE;
	return true;
}

bool
account_choose(struct submission *s, struct error *err)
{
	const struct profile *flags = &s->args->given;
	struct address sender = ADDRESS_NONE;
	struct profile *chosen = NULL;

	if (!matching_sender(s, &sender, err))
		return error_prefix(err, "the sender");
	if (!names_place(s) || submission_given(s, OPT_ACCOUNT)) {
		chosen = profile_select(&s->accounts,
			submission_given(s, OPT_ACCOUNT) ? profile_text(flags, OPT_ACCOUNT) : NULL,
			sender.local ? &sender : NULL, err);
		address_done(&sender);
		if (!chosen)
			return false;
	}
	address_done(&sender);
	profile_done(&s->account);
	profile_init(&s->account, chosen ? chosen->name : flags->name,
		chosen ? chosen->origin : flags->origin);
	if (chosen)
		profile_override(&s->account, chosen);
	profile_override(&s->account, flags);
	/* what is only shown needs no server */
	return submission_given(s, OPT_DRY_RUN) ||
	       (profile_check(&s->account, err) && fallback_check(s, err));
}

bool
submission_from(const struct submission *s, struct address *ret)
{
	const struct strbuf *block = &s->message.header;
	struct address_list list = ADDRESS_LIST_NONE;
	struct header_field field;
	size_t at = 0;
	bool found;

	if (!header_find(block->s, block->len, &at, "From", &field) ||
		!address_list_parse(field.value, field.value_len, &list, NULL))
		return false;
	found = list.n > 0;
	if (found) {
		*ret = list.v[0];
		list.v[0] = (struct address)ADDRESS_NONE;
	}
	address_list_done(&list);
	return found;
}
