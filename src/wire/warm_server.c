#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "packing.h"
#include "warm.h"

/* How long a client may take for what it says at once. */
#define CLIENT_MS (5 * CLOCK_SECOND)

struct serving {
	int fd;
	struct wire_link *link;
	struct strbuf data;
	bool gone; /* the client does not listen any more */
};

static void
say(struct serving *w, enum warm_word word, const void *data, size_t n)
{
	w->gone = w->gone || !warm_say(w->fd, word, data, n, -1, clock_in(CLIENT_MS));
}

static void
relay_trace(void *ctx, enum wire_trace kind, const char *text, size_t n)
{
	struct serving *w = ctx;

	strbuf_clear(&w->data);
	strbuf_addc(&w->data, (char)kind);
	strbuf_add(&w->data, text, n);
	say(w, WARM_TRACE, w->data.s, w->data.len);
}

/* The end of the content leaves only when the client has said that it knows. */
static void
relay_mark(void *ctx, enum wire_mark mark)
{
	struct serving *w = ctx;
	enum warm_word word;
	unsigned char octet = (unsigned char)mark;

	say(w, WARM_MARK, &octet, 1);
	if (mark != WIRE_SENT)
		return;
	if (w->gone || !warm_hear(w->fd, &word, &w->data, NULL, clock_in(CLIENT_MS)) ||
		word != WARM_GO) {
		w->gone = true;
		wire_link_cut(w->link);
	}
}

/* The file that a body stands in, as far as it must be there. */
static bool
take_file(struct warm_request *r, int passed)
{
	struct stat st;

	if (passed < 0)
		return !r->in_file;
	r->message.fd = passed;
	return r->in_file && !fstat(passed, &st) && S_ISREG(st.st_mode) &&
	       (uint64_t)st.st_size >= r->message.base + r->in_file;
}

static void
deliver(struct serving *w, struct wire_settings *settings, struct warm_request *r)
{
	const struct wire_settings own = *settings;
	struct wire_report report;

	settings->deadline = r->patience < 0 ? CLOCK_NEVER : clock_in(r->patience);
	settings->budget = r->budget < 0 ? 0 : clock_in(r->budget);
	settings->partial_abort = r->partial_abort;
	settings->strict_body = r->strict_body;
	settings->wishes = r->wishes;
	if (r->trace) {
		settings->trace = relay_trace;
		settings->trace_ctx = w;
	}
	wire_report_init(&report);
	wire_link_continue(w->link, &r->envelope, &r->message, relay_mark, w, &report);
	*settings = own;
	strbuf_clear(&w->data);
	warm_add_result(&w->data, &report, &r->envelope);
	if (!w->data.full)
		say(w, WARM_END, w->data.s, w->data.len);
	wire_report_done(&report);
}

enum warm_service
warm_serve(int fd, struct wire_link *l, struct wire_settings *settings, const struct memo_key *key)
{
	struct serving w = { .fd = fd, .link = l, .data = STRBUF_INIT(WARM_MAX) };
	struct warm_request r = { .message = MESSAGE_NONE };
	enum warm_service service = WARM_NOTHING;
	enum warm_word word;
	int passed = -1;
	bool good = warm_hear(fd, &word, &w.data, &passed, clock_in(CLIENT_MS)) &&
		    word == WARM_REQUEST && warm_take_request(w.data.s, w.data.len, &r);

	if (!good && passed >= 0)
		close(passed);
	good = good && take_file(&r, passed);
	if (good && memcmp(&r.key, key, sizeof(*key)) != 0)
		service = WARM_OTHER_KEY;
	else if (good && wire_link_is_open(l)) {
		strbuf_clear(&w.data);
		packing_add_report(&w.data, wire_link_facts(l));
		say(&w, WARM_READY, w.data.s, w.data.len);
		if (!w.gone)
			deliver(&w, settings, &r);
		service = WARM_SERVED;
	}
	warm_request_done(&r);
	strbuf_done(&w.data);
	return service;
}
