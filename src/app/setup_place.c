/* A look at one place, in a process of its own, so that several go on side by side. */
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "error.h"
#include "io.h"
#include "setup_state.h"
#include "smarthost.h"
#include "submission.h"

static bool
set_place(struct profile *p, const struct setup_look *l, struct error *err)
{
	static const char *const modes[] = { "implicit", "starttls", "none" };
	char port[8];

	snprintf(port, sizeof(port), "%u", l->port);
	profile_override(p, &l->setup->account);
	return profile_set(p, OPT_HOST, l->host, SETUP_ORIGIN, err) &&
	       profile_set(p, OPT_PORT, port, SETUP_ORIGIN, err) &&
	       profile_set(p, OPT_TLS, modes[l->tls], SETUP_ORIGIN, err);
}

static int
look(void *ctx, int out, int error)
{
	struct setup_look *l = ctx;
	struct smarthost h = SMARTHOST_NONE;
	struct probe_plan plan = { .log_in = false };
	struct error err = ERROR_NONE;
	struct submission s;
	struct profile p;

	(void)error;
	submission_init(&s, l->setup->args);
	profile_init(&p, SETUP_ORIGIN, SETUP_ORIGIN);
	if (set_place(&p, l, &err) && smarthost_prepare(&h, &s, &p, &err)) {
		h.settings.user = NULL;
		h.settings.memory = NULL;
		h.settings.deadline = clock_in(SETUP_SECONDS * CLOCK_SECOND);
		probe_run(&h.settings, &plan, &l->probe);
	} else {
		l->probe.error = err;
	}
	return io_write_full(out, &l->probe, sizeof(l->probe)) ? 0 : 1;
}

void
setup_look_start(struct setup_look *l)
{
	l->child = (struct child)CHILD_NONE;
	l->probe = (struct probe){ .port = l->port };
	(void)!child_start_function(&l->child, "the look at a server", look, l, &l->probe.error);
}

/* The text of what came out of a process that has read a server's octets. */
static void
end_texts(struct probe *p)
{
	char *const texts[] = { p->host + sizeof(p->host), p->address + sizeof(p->address),
		p->verdict + sizeof(p->verdict), p->greeting + sizeof(p->greeting),
		p->error.text + sizeof(p->error.text), p->error.words + sizeof(p->error.words),
		p->tls.version + sizeof(p->tls.version), p->tls.issuer + sizeof(p->tls.issuer),
		p->tls.cipher + sizeof(p->tls.cipher),
		p->capability.mechanisms + sizeof(p->capability.mechanisms) };

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		texts[i][-1] = '\0';
	for (size_t i = 0; i < PROBE_CERTIFICATES; i++) {
		struct probe_certificate *c = &p->chain[i];

		c->subject[sizeof(c->subject) - 1] = c->issuer[sizeof(c->issuer) - 1] = '\0';
		c->names[sizeof(c->names) - 1] = c->pin[sizeof(c->pin) - 1] = '\0';
	}
	p->ehlo = (struct strbuf)STRBUF_INIT(1);
	if (p->chain_length > PROBE_CERTIFICATES)
		p->chain_length = 0;
	if (p->error.fault >= FAULT_COUNT || p->error.stage >= STAGE_COUNT)
		p->error.fault = FAULT_PROTOCOL;
}

void
setup_look_wait(struct setup_look *l)
{
	struct strbuf out = STRBUF_INIT(sizeof(l->probe));
	struct error err = ERROR_NONE;

	if (l->probe.error.fault)
		return;
	if (child_wait(&l->child, clock_in((SETUP_SECONDS + 3) * CLOCK_SECOND), &out, NULL, &err) &&
		out.len == sizeof(l->probe)) {
		memcpy(&l->probe, out.s, sizeof(l->probe));
		end_texts(&l->probe);
	} else {
		error_set(&err, FAULT_SOFTWARE, "no answer from the process that looks");
		l->probe.error = err;
	}
	child_stop(&l->child);
	strbuf_done(&out);
}
