/* A grant by a code that a person enters elsewhere (RFC 8628). */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "error.h"
#include "login_flow.h"
#include "profile.h"
#include "provider.h"
#include "token_settings.h"

#define ASK_MS  (30 * CLOCK_SECOND)
#define SLOWER  5 /* seconds, RFC 8628 section 3.5 */
#define SLOWEST 300

static void
tell(const struct oauth_device *d)
{
	fprintf(stderr, "Open this address in a browser, on any machine:\n\n    %s\n\n", d->uri);
	fprintf(stderr, "and enter this code:\n\n    %s\n\n", d->user_code);
	if (*d->complete)
		fprintf(stderr, "This address holds the code already:\n\n    %s\n\n", d->complete);
	fprintf(stderr, "Waiting for access to be granted (%u minutes)...\n",
		(unsigned)(d->seconds + 59) / 60);
}

static void
pause_for(uint64_t seconds, int64_t until)
{
	int64_t deadline = clock_sooner(clock_in((int64_t)seconds * CLOCK_SECOND), until);

	while (clock_left(deadline) > 0)
		poll(NULL, 0, clock_left(deadline));
}

/* Asks until there is an answer. A network that fails is asked less often, and no reason to give up
 * (RFC 8628 section 3.5). */
static bool
wait_for_grant(const struct token_settings *t, const struct oauth_device *d,
	struct oauth_grant *ret, struct error *err)
{
	int64_t until = clock_in((int64_t)d->seconds * CLOCK_SECOND);
	uint64_t interval = d->interval;
	struct error why;

	for (;;) {
		pause_for(interval, until);
		why = (struct error)ERROR_NONE;
		ret->refusal = OAUTH_NOT_REFUSED;
		if (clock_left(until) == 0)
			return error_set(err, FAULT_PERMISSION,
				"the code has expired, and nobody has entered it: try again");
		if (oauth_device_ask(&t->server, &t->client, d,
			    clock_sooner(until, clock_in(ASK_MS)), ret, &why))
			return true;
		if (ret->refusal == OAUTH_PENDING)
			continue;
		if (ret->refusal == OAUTH_SLOW_DOWN)
			interval += SLOWER;
		else if (why.fault == FAULT_TEMPORARY || why.fault == FAULT_NOHOST ||
			 why.fault == FAULT_PROTOCOL)
			interval = interval < SLOWEST / 2 ? interval * 2 : SLOWEST;
		else
			break;
	}
	if (ret->refusal == OAUTH_EXPIRED)
		return error_set(err, FAULT_PERMISSION,
			"the code has expired, and nobody has entered it: try again");
	if (ret->refusal == OAUTH_DENIED)
		return error_set(err, FAULT_PERMISSION, "access was not granted: %s", why.text);
	return token_settings_explain(t, ret->refusal, &why, err);
}

bool
login_by_device(const struct token_settings *t, struct oauth_grant *ret, struct error *err)
{
	struct oauth_device d = OAUTH_DEVICE_NONE;
	struct error why = ERROR_NONE;
	bool good;

	if (t->known && t->server.device && !t->known->device_mail &&
		!profile_is_set(t->profile, OPT_OAUTH_DEVICE_URL))
		return error_set(err, FAULT_CONFIG,
			"%s does not give access to mail by a code: use --browser, or --paste "
			"where "
			"there is no browser",
			t->known->name);
	if (!t->server.device)
		return error_set(err, FAULT_CONFIG,
			"account %s: the provider has no device grant: use --browser, or --paste "
			"where there is no browser",
			t->profile->name);
	good = oauth_device_begin(&t->server, &t->client, t->scope, clock_in(ASK_MS), &d, &why);
	if (good) {
		tell(&d);
		good = wait_for_grant(t, &d, ret, err);
	} else {
		token_settings_explain(t, ret->refusal, &why, err);
	}
	oauth_device_done(&d);
	return good;
}
