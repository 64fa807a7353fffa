/* A certificate that does not fit: shown, and never passed over in silence. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "ask.h"
#include "error.h"
#include "setup_state.h"
#include "trusted.h"

/* Whose certificate it should be. */
static const char *
name_wanted(const struct setup *s, const struct probe *p)
{
	const char *name = profile_text(&s->account, OPT_TLS_NAME);

	return name ? name : setup_by_srv(s) ? s->host : p->host;
}

static void
show(const struct setup *s, const struct probe *p)
{
	const struct probe_certificate *c = &p->chain[0];
	char date[32] = "?";
	struct tm tm;

	setup_head("The certificate of %s port %u is not the right one:", p->host, p->port);
	if (!p->chain_good)
		setup_say(SETUP_BAD, "chain", "%s", p->verdict);
	if (!p->name_good)
		setup_say(SETUP_BAD, "name", "it is not for %s", name_wanted(s, p));
	if (localtime_r(&c->expires, &tm))
		strftime(date, sizeof(date), "%Y-%m-%d", &tm);
	setup_say(SETUP_PLAIN, "names", "%s", *c->names ? c->names : "none");
	setup_say(SETUP_PLAIN, "issuer", "%s", c->issuer);
	setup_say(SETUP_PLAIN, "valid until", "%s", date);
	setup_say(SETUP_PLAIN, "its key", "%s", c->pin);
}

static bool
take_trust(void *ctx, const char *text, struct error *err)
{
	struct setup *s = ctx;
	const char *path;

	if (!setup_set(s, OPT_TLS_TRUST, text, err))
		return false;
	path = profile_text(&s->account, OPT_TLS_TRUST);
	if (*path == '/' && trusted_check(path, TRUSTED_PUBLIC, err))
		return true;
	profile_unset(&s->account, OPT_TLS_TRUST);
	return error_set(err, FAULT_CONFIG, "Name a file of authorities, PEM.");
}

static bool
pin(struct setup *s, const struct probe *p, struct error *err)
{
	bool yes = false;

	setup_advise("Compare the key above with what the server's administrator tells you by "
		     "another way: telephone, paper, a shell on that machine.");
	if (!ask_yes("Is it the same", false, "--tls-pin and --tls-trust none", &yes, err))
		return false;
	if (!yes)
		return true;
	setup_say(SETUP_WARN, "pinned",
		"this key alone identifies the server from now on; when it "
		"changes, sending stops until tls-pin is changed too");
	return setup_set(s, OPT_TLS_PIN, p->chain[0].pin, err) &&
	       setup_set(s, OPT_TLS_TRUST, "none", err);
}

bool
setup_certificate(struct setup *s, const struct probe *p, bool *ret_host, struct error *err)
{
	static const char *const choices[] = { "name another host",
		"trust the authorities in a file", "trust this very key from now on", "give up" };
	struct strbuf answer = STRBUF_INIT(4096);
	size_t choice = 3;
	bool good;

	show(s, p);
	if (!setup_may_ask()) {
		*err = p->error;
		return error_set(err, FAULT_UNAVAILABLE, "the certificate does not fit");
	}
	if (!ask_choice(
		    "What now", choices, 4, 3, "--host, --tls-trust or --tls-pin", &choice, err))
		return false;
	if (choice == 0) {
		*ret_host = true;
		good = setup_ask_host(s, "Host of the smarthost", NULL, err);
	} else if (choice == 1) {
		good = ask_line("File", NULL, "--tls-trust FILE", take_trust, s, &answer, err);
	} else if (choice == 2) {
		good = pin(s, p, err);
	} else {
		*err = p->error;
		good = error_set(err, FAULT_UNAVAILABLE, "the certificate does not fit");
	}
	strbuf_done(&answer);
	return good;
}
