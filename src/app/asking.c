#include "asking.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "channel.h"
#include "clock.h"
#include "error.h"
#include "field.h"
#include "secret.h"
#include "settings.h"

#define SEND_MS       (60 * CLOCK_SECOND)
#define ANSWER_MAX    (SECRET_MAX + 4096)
#define SALT_MAX      1024
#define HASHED_MAX    64 /* hexadecimal digits of a SHA-256 */
#define ITERATION_MAX 1000000

/* Asks, and waits for the answer, whose body is secret: the caller's to be done with. */
static void
ask(int fd, enum asking_kind kind, const struct strbuf *question, struct channel_parcel *answer)
{
	channel_parcel_init(answer, ANSWER_MAX);
	answer->body.secret = true;
	if (!channel_send(fd, kind, question, NULL, 0, clock_in(SEND_MS), NULL) ||
		channel_receive(fd, answer, CLOCK_NEVER) != CHANNEL_PARCEL ||
		answer->kind != ASKING_ANSWER)
		_exit(1);
}

static bool
ask_secret(void *ctx, int64_t deadline, struct strbuf *ret, struct error *err)
{
	struct channel_parcel answer;
	struct error why = ERROR_NONE;
	const char *at, *end, *value;
	size_t n;
	bool good;

	/* who answers knows the deadline */
	(void)deadline;
	ask(*(int *)ctx, ASKING_SECRET, NULL, &answer);
	at = answer.body.s;
	end = at + answer.body.len;
	good = field_take_error(&at, end, &why);
	if (!good || (!why.fault && !field_take(&at, end, &value, &n)))
		_exit(1);
	if (!why.fault)
		strbuf_add(ret, value, n);
	else if (err && !err->fault)
		*err = why;
	channel_parcel_done(&answer);
	return !why.fault;
}

static void
add_hashed(struct strbuf *out, const char *hash, const char *salt, unsigned iterations)
{
	field_add_text(out, hash);
	field_add_text(out, salt);
	field_add_number(out, iterations);
}

static bool
ask_salted(void *ctx, const char *hash, const char *salt, unsigned iterations, struct strbuf *ret)
{
	struct strbuf question = STRBUF_INIT(SALT_MAX + 128);
	struct channel_parcel answer;
	bool good;

	add_hashed(&question, hash, salt, iterations);
	if (question.full) {
		strbuf_done(&question);
		return false;
	}
	ask(*(int *)ctx, ASKING_SALTED, &question, &answer);
	strbuf_add(ret, answer.body.s, answer.body.len);
	good = answer.body.len && !ret->full;
	channel_parcel_done(&answer);
	strbuf_done(&question);
	return good;
}

static void
tell_salted(void *ctx, const char *hash, const char *salt, unsigned iterations,
	const struct strbuf *value)
{
	struct strbuf told = STRBUF_INIT_SECRET(SALT_MAX + 128 + HASHED_MAX);

	add_hashed(&told, hash, salt, iterations);
	field_add(&told, value ? value->s : "", value ? value->len : 0);
	if (!told.full &&
		!channel_send(*(int *)ctx, ASKING_KEEP, &told, NULL, 0, clock_in(SEND_MS), NULL))
		_exit(1);
	strbuf_done(&told);
}

static int
ask_socket(void *ctx)
{
	struct channel_parcel answer;
	int fd = -1, sys = 0;
	const char *at;

	ask(*(int *)ctx, ASKING_SOCKET, NULL, &answer);
	at = answer.body.s;
	if (!field_take_int(&at, at + answer.body.len, &sys) || (!sys && answer.fd_count != 1))
		_exit(1);
	if (answer.fd_count) {
		fd = answer.fds[0];
		answer.fd_count = 0;
	}
	channel_parcel_done(&answer);
	errno = sys;
	return fd;
}

void
asking_fill(struct wire_settings *settings, int *fd, bool reach)
{
	if (settings->secret) {
		settings->secret = ask_secret;
		settings->secret_ctx = fd;
	}
	if (settings->salted.get)
		settings->salted = (struct wire_salted){ ask_salted, tell_salted, fd };
	if (settings->socket && reach) {
		settings->reach = ask_socket;
		settings->reach_ctx = fd;
	}
}

static bool
answer(int fd, const struct strbuf *body, const int *passed, struct error *err)
{
	return channel_send(
		fd, ASKING_ANSWER, body, passed, passed ? 1 : 0, clock_in(SEND_MS), err);
}

static bool
answer_secret(int fd, const struct wire_settings *settings, struct error *err)
{
	struct strbuf value = STRBUF_INIT_SECRET(SECRET_MAX), body = STRBUF_INIT_SECRET(ANSWER_MAX);
	struct error why = ERROR_NONE;
	bool good;

	if (!settings->secret)
		error_set(&why, FAULT_CONFIG, "there is no password");
	else
		(void)!settings->secret(
			settings->secret_ctx, wire_deadline(settings), &value, &why);
	field_add_error(&body, &why);
	if (!why.fault)
		field_add(&body, value.s, value.len);
	good = answer(fd, &body, NULL, err);
	strbuf_done(&value);
	strbuf_done(&body);
	return good;
}

/* What a key is named after, and what stands in it: nothing that could be taken for something else
 * there. */
struct hashed {
	char hash[16], salt[SALT_MAX];
	uint64_t iterations;
	const char *value; /* of ASKING_KEEP */
	size_t len;
};

static bool
take_hashed(const struct channel_parcel *p, struct hashed *ret)
{
	static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				     "0123456789+/=";
	const char *at = p->body.s, *end = at + p->body.len;
	size_t digits;

	if (!field_take_text(&at, end, ret->hash, sizeof(ret->hash)) ||
		!field_take_text(&at, end, ret->salt, sizeof(ret->salt)) ||
		!field_take_number(&at, end, ITERATION_MAX, &ret->iterations))
		return false;
	digits = strcmp(ret->hash, "SHA-256") == 0 ? HASHED_MAX
		 : strcmp(ret->hash, "SHA-1") == 0 ? 40
						   : 0;
	if (!digits || !*ret->salt || ret->salt[strspn(ret->salt, base64)])
		return false;
	if (p->kind == ASKING_SALTED)
		return at == end;
	return field_take(&at, end, &ret->value, &ret->len) && at == end &&
	       (!ret->len ||
		       (ret->len == digits && strspn(ret->value, "0123456789abcdef") >= digits));
}

static bool
answer_salted(int fd, const struct hashed *h, const struct wire_salted *kept, struct error *err)
{
	struct strbuf value = STRBUF_INIT_SECRET(HASHED_MAX);
	bool good;

	if (!kept->get || !kept->get(kept->ctx, h->hash, h->salt, (unsigned)h->iterations, &value))
		strbuf_clear(&value);
	good = answer(fd, &value, NULL, err);
	strbuf_done(&value);
	return good;
}

static void
keep_salted(const struct hashed *h, const struct wire_salted *kept)
{
	struct strbuf value = STRBUF_INIT_SECRET(HASHED_MAX);

	strbuf_add(&value, h->value, h->len);
	if (kept->put)
		kept->put(kept->ctx, h->hash, h->salt, (unsigned)h->iterations,
			h->len ? &value : NULL);
	strbuf_done(&value);
}

/* Where it leads the settings say, not who asks. */
static bool
answer_socket(int fd, const struct wire_settings *settings, struct error *err)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	struct strbuf body = STRBUF_INIT(64);
	int s, sys = 0;
	bool good;

	if (!settings->socket || strlen(settings->socket) >= sizeof(to.sun_path))
		return error_set(err, FAULT_PROTOCOL, "it asks for a socket that there is not");
	snprintf(to.sun_path, sizeof(to.sun_path), "%s", settings->socket);
	s = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s < 0 || connect(s, (const struct sockaddr *)&to, sizeof(to)) != 0)
		sys = errno;
	field_add_number(&body, (uint64_t)sys);
	good = answer(fd, &body, sys ? NULL : &s, err);
	if (s >= 0)
		close(s);
	strbuf_done(&body);
	return good;
}

bool
asking_answer(int fd, const struct channel_parcel *p, const struct wire_settings *settings,
	bool *ret_asked, struct error *err)
{
	struct hashed h = { .iterations = 0 };

	*ret_asked = p->kind >= ASKING_SECRET && p->kind < ASKING_ANSWER;
	if (p->kind == ASKING_SECRET)
		return answer_secret(fd, settings, err);
	if (p->kind == ASKING_SOCKET)
		return answer_socket(fd, settings, err);
	if (!*ret_asked)
		return true;
	if (!take_hashed(p, &h))
		return error_set(err, FAULT_PROTOCOL, "it asks for what cannot be understood");
	if (p->kind == ASKING_SALTED)
		return answer_salted(fd, &h, &settings->salted, err);
	keep_salted(&h, &settings->salted);
	return true;
}
