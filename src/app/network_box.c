#include "network_box.h"

#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "answer.h"
#include "asking.h"
#include "channel.h"
#include "clock.h"
#include "envelope.h"
#include "message.h"
#include "privilege.h"
#include "remember.h"
#include "sandbox.h"
#include "session.h"
#include "settings.h"
#include "strbuf.h"

#define SEND_MS (60 * CLOCK_SECOND)

struct box {
	int fd;
	struct wire_settings settings;
	/* what was not there when it was to be opened, or the sandbox that there should be */
	struct error broken;
};

static bool
shut(const struct wire_settings *s, struct sandbox_state *state, struct error *err)
{
	const char *read[SANDBOX_PUBLIC + 1] = { NULL }, *write[4] = { NULL };
	const struct sandbox rules = { read, write };
	size_t w = 0;

	for (size_t n = 0; n < SANDBOX_PUBLIC; n++)
		read[n] = sandbox_public[n];
	if (s->memory)
		write[w++] = s->memory;
	/* for a body that must be re-encoded: a file without a name */
	write[w++] = s->temporary_directory ? s->temporary_directory : "/var/tmp";
	return sandbox_enter(&rules, state, err);
}

/* Root's part is over. */
static bool
step_down(struct box *b, const struct network_rules *rules, bool *ret_switched, struct error *err)
{
	const struct passwd *user = getpwnam(PRIVILEGE_USER);

	if (user)
		remember_prepare(user->pw_uid, user->pw_gid);
	if (!privilege_step_down(ret_switched, err))
		return false;
	privilege_harden();
	/* what was set ends with the user that it was set for */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (*ret_switched)
		b->settings.memory = rules->remember ? remember_system() : NULL;
	return true;
}

/* Nobody to tell it to is the end. */
static void
tell(int fd, enum network_kind kind, const struct strbuf *body)
{
	if (!channel_send(fd, kind, body, NULL, 0, clock_in(SEND_MS), NULL))
		_exit(1);
}

static void
tell_mark(void *ctx, enum wire_mark mark)
{
	struct box *b = ctx;
	char octet[2] = { (char)mark, '\0' };
	/* nothing may be allocated here */
	struct strbuf body = { octet, 1, 0, 1, false, false };
	struct channel_parcel go;

	tell(b->fd, NETWORK_MARK, &body);
	if (mark != WIRE_SENT)
		return;
	channel_parcel_init(&go, 0);
	if (channel_receive(b->fd, &go, CLOCK_NEVER) != CHANNEL_PARCEL || go.kind != NETWORK_GO)
		_exit(1);
}

static void
tell_trace(void *ctx, enum wire_trace kind, const char *text, size_t n)
{
	struct box *b = ctx;
	struct strbuf body = STRBUF_INIT(NETWORK_PARCEL);

	strbuf_addc(&body, (char)kind);
	strbuf_add(&body, text, n);
	tell(b->fd, NETWORK_TRACE, &body);
	strbuf_done(&body);
}

/* Who has asked for the dialogue is told by whom it is held. */
static void
tell_rules(struct box *b, bool switched, const struct sandbox_state *state)
{
	char line[160];
	int n = snprintf(line, sizeof(line),
		"user %s talks to the smarthost, in a sandbox: Landlock ABI %d, %s",
		switched ? PRIVILEGE_USER : "root, without capabilities,", state->landlock,
		state->seccomp ? "seccomp" : "no seccomp");

	if (b->settings.trace)
		tell_trace(b, WIRE_TRACE_NOTE, line, (size_t)n);
}

/* Opens what must be opened, and gives up the rest. */
static bool
prepare(struct box *b, struct wire_link *link, const struct network_rules *rules)
{
	struct sandbox_state state = { 0 };
	bool switched = false;

	if (!wire_link_prepare(link, &b->broken))
		return false;
	if ((rules->down && !step_down(b, rules, &switched, &b->broken)) ||
		!shut(&b->settings, &state, &b->broken)) {
		b->broken.fault = FAULT_TEMPORARY;
		return false;
	}
	asking_fill(&b->settings, &b->fd, switched);
	if (rules->down)
		tell_rules(b, switched, &state);
	return true;
}

static bool
refuse(const struct box *b, struct envelope *e, struct error *err)
{
	*err = b->broken;
	envelope_fail_pending(e, err);
	return false;
}

static void
serve_one(struct box *b, struct wire_link *link, const struct channel_parcel *p)
{
	struct strbuf body = STRBUF_INIT(NETWORK_PARCEL);
	struct envelope envelope = ENVELOPE_NONE;
	struct error why = ERROR_NONE;
	struct wire_report report;
	struct message message;
	struct answer a = {
		.envelope = &envelope, .report = &report, .error = &why, .attempted = true
	};

	wire_report_init(&report);
	if (!network_take_job(p->body.s, p->body.len, p->fd_count ? p->fds[0] : -1, &envelope,
		    &message, &b->settings))
		_exit(1);
	if (b->broken.fault)
		a.good = refuse(b, &envelope, &why);
	else
		a.good = wire_link_deliver(link, &envelope, &message, tell_mark, b, &report, &why);
	strbuf_addc(&body, (char)wire_link_is_open(link));
	answer_add(&body, &a);
	if (body.full)
		_exit(1);
	tell(b->fd, NETWORK_ANSWER, &body);
	strbuf_done(&body);
	message_done(&message);
	envelope_done(&envelope);
	wire_report_done(&report);
}

void
network_serve(int fd, const struct wire_settings *settings, const struct network_rules *rules)
{
	struct box b = { .fd = fd, .settings = *settings };
	struct channel_parcel p;
	struct wire_link *link;

	if (settings->trace) {
		b.settings.trace = tell_trace;
		b.settings.trace_ctx = &b;
	}
	link = wire_link_new(&b.settings);
	(void)!prepare(&b, link, rules);
	channel_parcel_init(&p, NETWORK_PARCEL);
	while (channel_receive(fd, &p, CLOCK_NEVER) == CHANNEL_PARCEL &&
		p.kind == NETWORK_DELIVER) {
		serve_one(&b, link, &p);
		channel_parcel_clear(&p);
	}
	wire_link_free(link);
	_exit(0);
}
