/* What the tests of deliveries share: an envelope, a message, what is watched. */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "envelope.h"
#include "message.h"
#include "session.h"
#include "settings.h"

#define HEADER "Subject: test\r\n"

struct watch {
	struct strbuf trace;
	unsigned asked, marks[WIRE_ACCEPTED_BY_ALL + 1];
	bool fails;
};

static bool __attribute__((unused))
give_secret(void *ctx, int64_t deadline, struct strbuf *ret, struct error *err)
{
	struct watch *w = ctx;

	(void)deadline;
	w->asked++;
	if (w->fails)
		return error_set(err, FAULT_TEMPORARY, "the keyring is locked");
	strbuf_adds(ret, "s3cret-pass");
	return true;
}

static void
take_trace(void *ctx, enum wire_trace kind, const char *text, size_t n)
{
	struct watch *w = ctx;

	(void)kind;
	strbuf_add(&w->trace, text, n);
	strbuf_addc(&w->trace, '\n');
}

static void
take_progress(void *ctx, enum wire_mark mark)
{
	((struct watch *)ctx)->marks[mark]++;
}

static void
fill_envelope(struct envelope *e, size_t count)
{
	struct address_list l = ADDRESS_LIST_NONE;
	struct error err = ERROR_NONE;
	char text[64];

	if (!address_parse_sender("ann@example.org", 15, &e->sender, &err))
		abort();
	for (size_t i = 0; i < count; i++) {
		snprintf(text, sizeof(text), "r%zu@example.net", i);
		if (!address_list_parse(text, strlen(text), &l, &err))
			abort();
	}
	envelope_add_recipients(e, &l);
	address_list_done(&l);
}

static void
fill_message(struct message *m, const char *body)
{
	struct error err = ERROR_NONE;

	message_init(m);
	strbuf_adds(&m->header, HEADER);
	message_update_header_facts(m);
	if (!message_add_body(m, body, strlen(body), &err))
		abort();
}

static void
outcomes_of(const struct envelope *e, char *ret)
{
	for (size_t i = 0; i < e->count; i++)
		*ret++ = "-ATPD"[e->recipients[i].outcome];
	*ret = '\0';
}

/* What becomes of BODY by DATA. */
static void
add_dotted(struct strbuf *out, const char *body)
{
	for (; *body; body++) {
		if (*body == '.' && out->s[out->len - 1] == '\n')
			strbuf_addc(out, '.');
		strbuf_addc(out, *body);
	}
	strbuf_adds(out, ".\r\n");
}
