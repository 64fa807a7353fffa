/* What is said once the connection stands: greeting, extensions, login, envelope. */
#include <stdio.h>
#include <string.h>

#include "checkup.h"
#include "probe.h"
#include "queue_text.h"
#include "report.h"
#include "strbuf.h"

static void
check_greeting(struct checkup *c, const struct probe *p)
{
	if (p->error.stage == STAGE_GREETING) {
		check_text(c, "greeting", p->greeting);
		check_error(c, FINDING_GREETING, false, &p->error,
			"the server takes no mail from this machine now: try later, or ask its "
			"administrator");
	} else if (*p->greeting) {
		check_text(c, "greeting", p->greeting);
		check_good(c, FINDING_GREETING, "%s", p->greeting);
	}
}

static void
add_words(struct strbuf *out, const struct capability *k)
{
	const struct {
		bool there;
		const char *word;
	} words[] = { { k->pipelining, "PIPELINING (fewer round trips)" },
		{ k->chunking, "CHUNKING (bodies as they are)" },
		{ k->eightbit, "8BITMIME (8-bit text)" },
		{ k->smtputf8, "SMTPUTF8 (addresses in any script)" },
		{ k->dsn, "DSN (notifications on demand)" },
		{ k->enhanced, "ENHANCEDSTATUSCODES (reasons by number)" },
		{ k->require_tls, "REQUIRETLS (TLS all the way)" },
		{ k->deliver_by, "DELIVERBY (a time limit)" },
		{ k->priority, "MT-PRIORITY (priorities)" },
		{ k->future_release, "FUTURERELEASE (holds messages)" },
		{ k->rcpt_max || k->mail_max || k->domain_max,
			"LIMITS (says how much it takes)" } };
	const char *between = "";

	if (k->size) {
		strbuf_adds(out, "SIZE (");
		if (k->size_max)
			strbuf_adds(out, "messages up to "), queue_add_size(out, k->size_max);
		else
			strbuf_adds(out, "no limit named");
		strbuf_addc(out, ')');
		between = ", ";
	}
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (words[i].there) {
			strbuf_addf(out, "%s%s", between, words[i].word);
			between = ", ";
		}
}

static void
check_extensions(struct checkup *c, const struct wire_settings *w, const struct probe *p)
{
	struct strbuf words = STRBUF_INIT(2000);

	check_text(c, "ehlo", p->ehlo.s);
	if (p->error.stage == STAGE_EHLO) {
		check_error(c, FINDING_EXTENSIONS, false, &p->error,
			w->lmtp ? "if the server speaks SMTP, remove protocol = lmtp"
				: "try another ehlo-name; set protocol = lmtp if the server speaks "
				  "that; ask its administrator");
	} else if (p->helo) {
		check_warn(c, FINDING_EXTENSIONS,
			"ask the server's administrator: a filter between may break EHLO",
			"the server knows HELO only: no login, no extension");
	} else if (p->reached >= STAGE_EHLO) {
		add_words(&words, &p->capability);
		check_number(c, "size", (int64_t)p->capability.size_max);
		check_good(c, FINDING_EXTENSIONS, "%s", words.len ? words.s : "none");
	}
	strbuf_done(&words);
}

/* Mechanisms that a listener learns something from, or whose passwords lie open at the server. */
static bool
is_old(const char *mechanism)
{
	return strcmp(mechanism, "CRAM-MD5") == 0 || strcmp(mechanism, "DIGEST-MD5") == 0 ||
	       strcmp(mechanism, "NTLM") == 0;
}

static void
check_mechanism(struct checkup *c, const struct wire_settings *w, const struct probe *p)
{
	const char *all = p->capability.mechanisms, *before = p->clear_mechanisms;
	const char *used = *p->mechanism ? p->mechanism : p->choice;
	struct strbuf text = STRBUF_INIT(4000);

	check_text(c, "offered", all);
	check_text(c, "clear", before);
	check_text(c, "chosen", used);
	strbuf_addf(
		&text, "offered:%.*s", (int)(*all ? strlen(all) - 1 : 8), *all ? all : " nothing");
	if (*before)
		strbuf_addf(&text, " (before TLS:%s, which is not used)", before);
	if (p->choice_error.fault)
		check_error(c, FINDING_MECHANISM, false, &p->choice_error,
			"set auth to one that is offered, or none");
	else if (!*used)
		check_good(c, FINDING_MECHANISM, "%s; no login is wanted", text.s);
	else if (is_old(used))
		check_warn(c, FINDING_MECHANISM,
			"ask the server's administrator for SCRAM-SHA-256, or for PLAIN under TLS",
			"%s; %s is used, which is weak", text.s, used);
	else
		check_good(c, FINDING_MECHANISM, "%s; %s is used, %s", text.s, used,
			w->mechanism ? "which auth names"
				     : "the strongest of them that this account can use");
	strbuf_done(&text);
}

static void
check_login(struct checkup *c, const struct wire_settings *w, const struct probe *p)
{
	if (p->error.stage == STAGE_AUTH && !p->choice_error.fault)
		check_error(c, FINDING_LOGIN, false, &p->error,
			"check user and password: sendoff password ACCOUNT stores another");
	else if (*p->mechanism)
		check_good(c, FINDING_LOGIN, "%s%slogged in by %s, %lld ms", w->user ? w->user : "",
			w->user ? " " : "", p->mechanism, (long long)p->ms[WIRE_PHASE_AUTH]);
}

static void
check_senders(struct checkup *c, const struct profile *p, const struct probe *probe)
{
	const char *from = profile_text(p, OPT_FROM);
	const struct probe_sender *null = &probe->others[0];

	if (probe->sender_error.fault)
		check_error(c, FINDING_SENDER, false, &probe->sender_error,
			"set from to an address that this login may use");
	else if (probe->sender_good && from)
		check_good(c, FINDING_SENDER, "%s is accepted", from);
	else if (probe->sender_good)
		check_warn(c, FINDING_SENDER, "set from to the account's address",
			"%s is accepted, but from is not set: senders are USER@HOST of this "
			"machine",
			profile_text(p, OPT_USER));
	else if (null->asked && !from)
		check_warn(c, FINDING_SENDER, "set from to the account's address",
			"from is not set: senders are USER@HOST of this machine, which few servers "
			"accept");
	if (null->good)
		check_good(c, FINDING_NULL_SENDER, "accepted, as notifications have it");
	else if (null->error.fault && profile_is_set(p, OPT_BOUNCE_FROM))
		check_good(c, FINDING_NULL_SENDER,
			"refused; notifications are from %s (bounce-from)",
			profile_text(p, OPT_BOUNCE_FROM));
	else if (null->error.fault)
		check_warn(c, FINDING_NULL_SENDER,
			"set bounce-from to the account's address, for notifications of the queue",
			"%s", null->error.text);
}

void
check_smtp(struct checkup *c, const struct profile *p, const struct wire_settings *w,
	const struct probe *probe)
{
	const struct error *why = &probe->error;

	check_greeting(c, probe);
	check_extensions(c, w, probe);
	if (probe->reached < STAGE_EHLO || (why->stage && why->stage <= STAGE_EHLO))
		return;
	check_mechanism(c, w, probe);
	check_login(c, w, probe);
	check_senders(c, p, probe);
	if (why->stage == STAGE_MAIL)
		check_error(c, FINDING_SENDER, false, why, "try again later");
	if (probe->recipient_good)
		check_good(c, FINDING_RECIPIENT, "%s is accepted", c->to);
	else if (probe->recipient_error.fault)
		check_error(c, FINDING_RECIPIENT, false, &probe->recipient_error,
			*probe->mechanism
				? "check the address; ask the server's administrator"
				: "check the address; nobody was logged in, and most servers relay "
				  "only for those who are: set user and a password source");
	else if (why->stage == STAGE_RCPT)
		check_error(c, FINDING_RECIPIENT, false, why, "try again later");
}
