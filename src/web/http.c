#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "clock.h"
#include "error.h"
#include "field.h"
#include "http_private.h"
#include "io.h"
#include "text.h"

#define ANSWER_MAX (HTTP_MAX + HTTP_URL + 8192) /* with what stands beside the body */
#define GRACE_MS   500 /* so that the child says what took so long, if it can */

/* What the child is to do. */
struct job {
	const struct http_request *request;
	int ms;
};

const char *
http_host(const char *url, char out[HTTP_HOST])
{
	const char *host = strstr(url, "://");

	host = host ? host + 3 : url;
	text_printable(out, HTTP_HOST, host, strcspn(host, "/?#"));
	return out;
}

/* What is made of it by others must begin where it is thought to: printable ASCII, and no user. */
bool
http_check_url(const char *url, struct error *err)
{
	size_t n = strlen(url), host;

	if (strncasecmp(url, "http://", 7) == 0)
		return error_set(err, FAULT_CONFIG,
			"%.200s: https:// is wanted, what is sent there is secret", url);
	if (strncasecmp(url, "https://", 8) != 0)
		return error_set(err, FAULT_CONFIG, "\"%.200s\" is no https:// URL", url);
	host = strcspn(url + 8, "/?#");
	if (!host || n >= HTTP_URL || memchr(url + 8, '@', host))
		return error_set(err, FAULT_CONFIG, "\"%.200s\" is no URL that can be used", url);
	for (size_t i = 0; i < n; i++)
		if (url[i] <= ' ' || url[i] > '~')
			return error_set(err, FAULT_CONFIG,
				"\"%.200s\": in a URL this has to be percent-encoded", url);
	return true;
}

/* In the child: the answer, or what the digest makes of it. */
static bool
make_answer(const struct job *j, struct strbuf *out, struct error *err)
{
	struct strbuf digest = STRBUF_INIT_SECRET(HTTP_MAX);
	const struct http_request *r = j->request;
	struct http_reply reply = HTTP_REPLY_NONE;
	char host[HTTP_HOST];

	if (!http_perform(r, j->ms, &reply, err))
		return false;
	if (r->digest) {
		if (!r->digest(r->digest_ctx, reply.status, reply.body.s, reply.body.len, &digest,
			    err))
			return error_prefix(err, "%s", http_host(r->url, host));
		strbuf_move(&reply.body, &digest);
	}
	if (reply.body.full)
		return error_set(err, FAULT_PROTOCOL, "%s: the answer is too large",
			http_host(r->url, host));
	field_add_number(out, (uint64_t)reply.status);
	field_add_text(out, reply.url);
	field_add_number(out, reply.retry_after);
	field_add(out, reply.body.s, reply.body.len);
	http_reply_done(&reply);
	return true;
}

static int
run(void *ctx, int out, int error)
{
	struct strbuf answer = STRBUF_INIT_SECRET(ANSWER_MAX);
	struct strbuf message = STRBUF_INIT_SECRET(ANSWER_MAX + 64);
	struct error why = ERROR_NONE;
	bool good;

	(void)error;
	signal(SIGPIPE, SIG_IGN);
	good = make_answer(ctx, &answer, &why);
	field_add_number(&message, good);
	if (good)
		strbuf_add(&message, answer.s, answer.len);
	else
		field_add_error(&message, &why);
	good = !message.full && io_write_full(out, message.s, message.len);
	strbuf_done(&message);
	strbuf_done(&answer);
	return good ? 0 : fault_status(FAULT_IO);
}

/* The child has read what a server said: what it says is believed no more than that. */
static bool
take_reply(const char **at, const char *end, struct http_reply *ret)
{
	uint64_t status, retry;
	const char *body;
	size_t n;

	if (!field_take_number(at, end, 999, &status) ||
		!field_take_text(at, end, ret->url, sizeof(ret->url)) ||
		!field_take_number(at, end, HTTP_RETRY, &retry) ||
		!field_take(at, end, &body, &n) || *at != end || n > HTTP_MAX)
		return false;
	ret->status = (int)status;
	ret->retry_after = (unsigned)retry;
	strbuf_clear(&ret->body);
	strbuf_add(&ret->body, body, n);
	return !ret->body.full;
}

static bool
take_answer(
	const struct strbuf *answer, const char *host, struct http_reply *ret, struct error *err)
{
	const char *at = answer->s, *end = answer->s + answer->len;
	struct error why = ERROR_NONE;
	bool good;

	if (field_take_bool(&at, end, &good)) {
		if (good && take_reply(&at, end, ret))
			return true;
		if (!good && field_take_error(&at, end, &why) && at == end && why.fault) {
			if (err && !err->fault)
				*err = why;
			return false;
		}
	}
	return error_set(err, FAULT_SOFTWARE, "%s: the helper's answer is none", host);
}

bool
http_fetch(
	const struct http_request *r, int64_t deadline, struct http_reply *ret, struct error *err)
{
	struct strbuf answer = STRBUF_INIT_SECRET(ANSWER_MAX + 64);
	struct error why = ERROR_NONE;
	struct job job = { .request = r };
	struct child child = CHILD_NONE;
	char host[HTTP_HOST];
	bool good;

	deadline = clock_sooner(deadline, clock_in(HTTP_SECONDS * CLOCK_SECOND));
	job.ms = clock_left(deadline);
	if (!http_check_url(r->url, err))
		return false;
	http_host(r->url, host);
	if (!job.ms)
		return error_set(err, FAULT_TEMPORARY, "%s: no time is left to ask", host);
	if (!child_start_function(&child, host, run, &job, err))
		return false;
	good = child_wait(&child, deadline + GRACE_MS, &answer, NULL, &why);
	/* no fault of the configuration: it ran out of memory, or was killed */
	if (!good && why.fault == FAULT_CONFIG)
		why.fault = FAULT_TEMPORARY;
	if (!good && err && !err->fault)
		*err = why;
	good = good && take_answer(&answer, host, ret, err);
	strbuf_done(&answer);
	return good;
}

void
http_reply_done(struct http_reply *r)
{
	strbuf_done(&r->body);
	r->status = 0;
	r->retry_after = 0;
	*r->url = '\0';
}
