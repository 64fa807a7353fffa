#include "network_box.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "answer.h"
#include "channel.h"
#include "clock.h"
#include "envelope.h"
#include "message.h"
#include "sandbox.h"
#include "session.h"
#include "settings.h"

#define READ_MAX 32
#define SEND_MS  (60 * CLOCK_SECOND)

struct box {
	int fd;
	struct wire_settings settings;
	const struct network_secret *secret;
	struct error unsafe; /* there is no sandbox where there should be one */
};

static void
add_file(const char **list, size_t *n, const char *path)
{
	if (path && *path == '/' && *n < READ_MAX)
		list[(*n)++] = path;
}

static bool
shut(const struct wire_settings *s, struct error *err)
{
	const char *read[READ_MAX + 1] = { NULL }, *write[4] = { NULL };
	struct sandbox_state state;
	const struct sandbox rules = { read, write };
	size_t n = 0, w = 0;

	for (; n < SANDBOX_PUBLIC; n++)
		read[n] = sandbox_public[n];
	add_file(read, &n, s->tls_settings.trust);
	add_file(read, &n, s->tls_settings.crl);
	add_file(read, &n, s->tls_settings.cert);
	add_file(read, &n, s->tls_settings.key);
	if (s->memory)
		write[w++] = s->memory;
	/* for a body that must be re-encoded: a file without a name */
	write[w++] = s->temporary_directory ? s->temporary_directory : "/var/tmp";
	return sandbox_enter(&rules, &state, err);
}

static bool
get_secret(void *ctx, int64_t deadline, struct strbuf *ret, struct error *err)
{
	const struct network_secret *secret = ctx;

	(void)deadline;
	if (secret->err.fault) {
		if (err && !err->fault)
			*err = secret->err;
		return false;
	}
	strbuf_add(ret, secret->value.s, secret->value.len);
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

static bool
refuse(const struct box *b, struct envelope *e, struct error *err)
{
	*err = b->unsafe;
	err->fault = FAULT_TEMPORARY;
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
	if (b->unsafe.fault)
		a.good = refuse(b, &envelope, &why);
	else
		a.good = wire_link_deliver(link, &envelope, &message, tell_mark, b, &report, &why);
	strbuf_addc(&body, (char)wire_link_is_open(link));
	answer_add(&body, &a);
	if (body.full)
		_exit(1);
	tell(b->fd, NETWORK_ANSWER, &body);
	strbuf_done(&body);
	wishes_done(&b->settings.wishes);
	message_done(&message);
	envelope_done(&envelope);
	wire_report_done(&report);
}

void
network_serve(int fd, const struct wire_settings *settings, const struct network_secret *secret)
{
	struct box b = { .fd = fd, .settings = *settings, .secret = secret };
	struct channel_parcel p;
	struct wire_link *link;

	b.settings.secret = get_secret;
	b.settings.secret_ctx = (void *)secret;
	/* the kernel's keyring is not for whoever talks to servers in here */
	b.settings.salted = (struct wire_salted){ .get = NULL };
	if (settings->trace) {
		b.settings.trace = tell_trace;
		b.settings.trace_ctx = &b;
	}
	(void)!shut(settings, &b.unsafe);
	link = wire_link_new(&b.settings);
	channel_parcel_init(&p, NETWORK_PARCEL);
	while (channel_receive(fd, &p, CLOCK_NEVER) == CHANNEL_PARCEL &&
		p.kind == NETWORK_DELIVER) {
		serve_one(&b, link, &p);
		channel_parcel_clear(&p);
	}
	wire_link_free(link);
	_exit(0);
}
