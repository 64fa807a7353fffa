#include "peer.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "address.h"
#include "alloc.h"
#include "clock.h"
#include "error.h"
#include "profile.h"
#include "slot.h"
#include "spool.h"
#include "spool_usage.h"
#include "strbuf.h"
#include "text.h"

#define GROUPS 1024

void
peer_of_uid(struct peer *ret, uid_t uid)
{
	struct passwd *entry = getpwuid(uid);

	*ret = (struct peer){ .uid = uid, .named = entry != NULL };
	if (entry)
		snprintf(ret->user, sizeof(ret->user), "%s", entry->pw_name);
	else
		snprintf(ret->user, sizeof(ret->user), "uid-%lu", (unsigned long)uid);
}

void
peer_of_name(struct peer *ret, const char *name)
{
	struct passwd *entry = getpwnam(name);

	*ret = (struct peer){ .uid = entry && entry->pw_uid ? entry->pw_uid : PEER_NOBODY,
		.named = true };
	snprintf(ret->user, sizeof(ret->user), "%s", name);
}

bool
peer_of_socket(struct peer *ret, int fd, struct error *err)
{
	struct ucred who;
	socklen_t size = sizeof(who);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0 || size != sizeof(who))
		return error_sys(err, FAULT_SYSTEM, errno, "unable to learn who the client is");
	peer_of_uid(ret, who.uid);
	ret->pid = who.pid;
	return true;
}

/* By the databases, not by what groups the process happens to have. */
static bool
is_member(const struct peer *p, const char *name)
{
	struct group *group = getgrnam(name);
	struct passwd *entry = getpwuid(p->uid);
	gid_t wanted, groups[GROUPS];
	int n = GROUPS;

	if (!group || !entry)
		return false;
	wanted = group->gr_gid;
	if (getgrouplist(entry->pw_name, entry->pw_gid, groups, &n) < 0)
		n = GROUPS;
	for (int i = 0; i < n; i++)
		if (groups[i] == wanted)
			return true;
	return false;
}

static bool
is_meant(const struct peer *p, const char *word)
{
	uint64_t number;

	if (*word == '@')
		return is_member(p, word + 1);
	if (p->named && strcmp(word, p->user) == 0)
		return true;
	return text_number(word, 0, UINT32_MAX - 1, &number) && number == p->uid;
}

bool
peer_may_use(const struct peer *p, const struct profile *account, struct error *err)
{
	const char *const *v;
	size_t n;

	v = profile_list_of(account, OPT_USERS, &n);
	if (!n || p->uid == 0)
		return true;
	for (size_t i = 0; i < n; i++)
		if (is_meant(p, v[i]))
			return true;
	return error_set(err, FAULT_PERMISSION, "user %s may not use account %s (key users)",
		p->user, account->name);
}

/* A pattern with %u replaced; false where the name would not mean itself in a pattern. */
static bool
add_pattern(struct strbuf *out, const char *pattern, const struct peer *p)
{
	const char *at;

	for (; (at = strstr(pattern, "%u")); pattern = at + 2) {
		if (!p->named || strpbrk(p->user, "*?%"))
			return false;
		strbuf_add(out, pattern, (size_t)(at - pattern));
		strbuf_adds(out, p->user);
	}
	strbuf_adds(out, pattern);
	return !out->full;
}

static bool
sender_fits(const struct peer *p, const char *pattern, const char *sender)
{
	struct strbuf whole CLEANUP(strbuf_done) = STRBUF_INIT(4096);

	/* the null sender is meant by its own name only */
	if (!*sender)
		return strcmp(pattern, "<>") == 0;
	return add_pattern(&whole, pattern, p) && profile_fits(whole.s, sender);
}

/* sender = force: the account's own address, whatever the client says. */
static bool
is_forced(const struct profile *account, const struct address *sender, struct error *err)
{
	const char *from = profile_text(account, OPT_FROM);
	struct address own = ADDRESS_NONE;
	bool same;

	if (profile_choice(account, OPT_SENDER) != 1 || !from)
		return true;
	same = address_parse_sender(from, strlen(from), &own, NULL) && address_equal(&own, sender);
	address_done(&own);
	return same || error_set(err, FAULT_PERMISSION,
			       "account %s sends as %s only (sender = force)", account->name, from);
}

bool
peer_may_stand_in(const struct peer *p, const struct profile *account, const struct address *sender,
	struct error *err)
{
	struct strbuf text CLEANUP(strbuf_done) = STRBUF_INIT(1024);
	const char *const *v;
	size_t n;

	if (!peer_may_use(p, account, err))
		return false;
	v = profile_list_of(account, OPT_ALLOW_SENDERS, &n);
	if (!n || p->uid == 0)
		return true;
	strbuf_adds(&text, sender->local ? sender->local : "");
	if (sender->domain)
		strbuf_addf(&text, "@%s", sender->domain);
	for (size_t i = 0; i < n; i++)
		if (sender_fits(p, v[i], text.s))
			return true;
	return error_set(err, FAULT_PERMISSION,
		"user %s may not send as <%s> by account %s (key allow-senders)", p->user, text.s,
		account->name);
}

bool
peer_may_send(const struct peer *p, const struct profile *account, const struct address *sender,
	unsigned long long octets, struct error *err)
{
	uint64_t most = profile_number(account, OPT_MESSAGE_OCTETS);

	if (!peer_may_stand_in(p, account, sender, err) ||
		(p->uid != 0 && !is_forced(account, sender, err)))
		return false;
	return octets <= most ||
	       error_set(err, FAULT_DATA,
		       "the message is larger than the %llu octets that the service takes (key "
		       "message-octets)",
		       (unsigned long long)most);
}

bool
peer_take_leave(
	const struct peer *p, const struct profile *account, struct spool *s, struct error *err)
{
	const char *rate = profile_text(account, OPT_USER_RATE);
	int64_t seconds, when = 0;
	char name[64];
	unsigned number;

	if (!rate || p->uid == 0)
		return true;
	if (!clock_parse_rate(rate, &number, &seconds, err))
		return error_prefix(err, "user-rate");
	/* no account has a name with a slash in it that could be meant by this */
	snprintf(name, sizeof(name), "/user/%lu", (unsigned long)p->uid);
	if (!rate_take(s, name, number, seconds, clock_wall(), &when, NULL) || !when)
		return true;
	return error_set(err, FAULT_TEMPORARY,
		"user %s has sent as many messages as key user-rate allows (%s)", p->user, rate);
}

static bool
count(void *ctx, const char *id)
{
	(void)id;
	return ++*(uint64_t *)ctx < UINT32_MAX;
}

/* However the queue is shared out, nobody can have too much of it. */
static bool
is_far_away(const struct profile *account, struct spool *s)
{
	uint64_t all = 1;

	return spool_names(s, false, count, &all, NULL) &&
	       all <= profile_number(account, OPT_USER_MESSAGES) &&
	       all <= profile_number(account, OPT_USER_OCTETS) /
			       profile_number(account, OPT_MESSAGE_OCTETS);
}

bool
peer_may_queue(const struct peer *p, const struct profile *account, struct spool *s,
	unsigned long long octets)
{
	struct usage all = { .n = 0 };
	struct usage_row *row;
	bool may;

	if (p->uid == 0 || is_far_away(account, s) || !usage_count(&all, s, NULL))
		return true;
	row = usage_of(&all, p->uid);
	may = row->messages < profile_number(account, OPT_USER_MESSAGES) &&
	      row->octets + octets <= profile_number(account, OPT_USER_OCTETS);
	usage_done(&all);
	return may;
}
