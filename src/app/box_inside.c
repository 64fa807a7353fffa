#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "asking.h"
#include "box.h"
#include "clock.h"
#include "privilege.h"
#include "remember.h"
#include "sandbox.h"
#include "strbuf.h"

void
boxed_tell(const struct boxed *b, unsigned kind, const struct strbuf *body)
{
	if (!channel_send(b->fd, kind, body, NULL, 0, clock_in(BOX_SEND_MS), NULL))
		_exit(1);
}

static void
tell_trace(void *ctx, enum wire_trace kind, const char *text, size_t n)
{
	struct strbuf body = STRBUF_INIT(BOX_PARCEL);

	strbuf_addc(&body, (char)kind);
	strbuf_add(&body, text, n);
	boxed_tell(ctx, BOX_TRACE, &body);
	strbuf_done(&body);
}

void
boxed_init(struct boxed *b, int fd, const struct wire_settings *settings)
{
	*b = (struct boxed){ .fd = fd, .settings = *settings };
	if (settings->trace) {
		b->settings.trace = tell_trace;
		b->settings.trace_ctx = b;
	}
}

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
step_down(struct boxed *b, const struct box_rules *rules, bool *ret_switched)
{
	const struct passwd *user = getpwnam(PRIVILEGE_USER);

	if (user)
		remember_prepare(user->pw_uid, user->pw_gid);
	if (!privilege_step_down(ret_switched, &b->broken))
		return false;
	privilege_harden();
	/* what was set ends with the user that it was set for */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (*ret_switched)
		b->settings.memory = rules->remember ? remember_system() : NULL;
	return true;
}

/* Who has asked for the dialogue is told by whom it is held. */
static void
tell_rules(struct boxed *b, bool switched, const struct sandbox_state *state)
{
	char line[160];
	int n = snprintf(line, sizeof(line),
		"user %s talks to the smarthost, in a sandbox: Landlock ABI %d, %s",
		switched ? PRIVILEGE_USER : "root, without capabilities,", state->landlock,
		state->seccomp ? "seccomp" : "no seccomp");

	if (b->settings.trace)
		tell_trace(b, WIRE_TRACE_NOTE, line, (size_t)n);
}

bool
boxed_shut(struct boxed *b, const struct box_rules *rules)
{
	struct sandbox_state state = { 0 };
	bool switched = false;

	if (rules->open) {
		asking_fill(&b->settings, &b->fd, false);
		return true;
	}
	if ((rules->down && !step_down(b, rules, &switched)) ||
		!shut(&b->settings, &state, &b->broken)) {
		b->broken.fault = FAULT_TEMPORARY;
		return false;
	}
	asking_fill(&b->settings, &b->fd, switched);
	if (rules->down)
		tell_rules(b, switched, &state);
	return true;
}
