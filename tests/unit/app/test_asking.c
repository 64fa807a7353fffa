/* Questions of a sandboxed process and their answers; and what whoever has taken it over might ask.
 */
#include "asking.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "channel.h"
#include "clock.h"
#include "error.h"
#include "field.h"
#include "settings.h"
#include "strbuf.h"

#include "tap.h"

#define SHA256 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define SHA1   "0123456789abcdef0123456789abcdef01234567"
#define SALT   "c2FsdHNhbHRzYWx0"

/* What the callbacks were called for. */
static struct {
	unsigned secrets, gets, puts;
	bool refuse, dropped;
	char hash[16], salt[2048], value[128];
	unsigned iterations;
} seen;

static bool
secret(void *ctx, int64_t deadline, struct strbuf *ret, struct error *err)
{
	(void)ctx;
	(void)deadline;
	seen.secrets++;
	if (seen.refuse)
		return error_set(err, FAULT_PERMISSION, "no password today");
	strbuf_adds(ret, "wonder\1land");
	return true;
}

static void
note(const char *hash, const char *salt, unsigned iterations)
{
	snprintf(seen.hash, sizeof(seen.hash), "%s", hash);
	snprintf(seen.salt, sizeof(seen.salt), "%s", salt);
	seen.iterations = iterations;
}

static bool
get(void *ctx, const char *hash, const char *salt, unsigned iterations, struct strbuf *ret)
{
	(void)ctx;
	seen.gets++;
	note(hash, salt, iterations);
	if (seen.refuse)
		return false;
	strbuf_adds(ret, SHA256);
	return true;
}

static void
put(void *ctx, const char *hash, const char *salt, unsigned iterations, const struct strbuf *value)
{
	(void)ctx;
	seen.puts++;
	note(hash, salt, iterations);
	seen.dropped = !value;
	snprintf(seen.value, sizeof(seen.value), "%s", value ? value->s : "");
}

static struct wire_settings
all(void)
{
	return (struct wire_settings){
		.secret = secret, .salted = { get, put, NULL }, .deadline = CLOCK_NEVER
	};
}

/* In the process that asks: 0 iff everything came as it should. */
static int
asks(int fd, bool refused)
{
	struct strbuf value = STRBUF_INIT_SECRET(256), kept = STRBUF_INIT_SECRET(128);
	struct wire_settings s = all();
	struct error err = ERROR_NONE;
	bool good;

	asking_fill(&s, &fd, false);
	if (s.secret == secret || s.salted.get == get || s.salted.put == put || s.reach)
		return 1;
	good = s.secret(s.secret_ctx, CLOCK_NEVER, &value, &err);
	if (refused)
		return good || err.fault != FAULT_PERMISSION ||
		       strcmp(err.text, "no password today") != 0 || value.len ||
		       s.salted.get(s.salted.ctx, "SHA-256", SALT, 4096, &kept);
	if (!good || strcmp(value.s, "wonder\1land") != 0)
		return 2;
	if (!s.salted.get(s.salted.ctx, "SHA-256", SALT, 4096, &kept) ||
		strcmp(kept.s, SHA256) != 0)
		return 3;
	s.salted.put(s.salted.ctx, "SHA-256", SALT, 4096, &kept);
	s.salted.put(s.salted.ctx, "SHA-256", SALT, 5000, NULL);
	return 0;
}

/* Answers whatever comes until the other process ends; its status. */
static int
answer_all(int fd, pid_t pid, const struct wire_settings *s)
{
	struct channel_parcel p;
	bool asked, good = true;
	int status;

	channel_parcel_init(&p, 1 << 20);
	while (good && channel_receive(fd, &p, clock_in(20000)) == CHANNEL_PARCEL) {
		good = asking_answer(fd, &p, s, &asked, NULL) && asked;
		channel_parcel_clear(&p);
	}
	channel_parcel_done(&p);
	close(fd);
	waitpid(pid, &status, 0);
	return good && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
test_both(bool refused)
{
	struct wire_settings s = all();
	int pair[2];
	pid_t pid;

	memset(&seen, 0, sizeof(seen));
	seen.refuse = refused;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		exit(1);
	pid = fork();
	if (!pid) {
		close(pair[0]);
		_exit(asks(pair[1], refused));
	}
	close(pair[1]);
	ok(answer_all(pair[0], pid, &s) == 0, "what is asked is answered, refused: %d", refused);
	ok(seen.secrets == 1 && seen.gets == 1, "each was asked for once");
	ok(seen.puts == (refused ? 0 : 2) && (refused || (seen.dropped && seen.iterations == 5000)),
		"what was made of the password was kept, then dropped");
}

/* One parcel as it may come; true iff it was taken for a question that is in order. */
static bool
take(unsigned kind, const struct strbuf *body, const struct wire_settings *s, enum fault *ret)
{
	struct channel_parcel p;
	struct error err = ERROR_NONE;
	bool asked, good;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		exit(1);
	channel_parcel_init(&p, 1 << 20);
	p.kind = kind;
	strbuf_add(&p.body, body->s, body->len);
	good = asking_answer(pair[0], &p, s, &asked, &err) && asked;
	*ret = err.fault;
	channel_parcel_done(&p);
	close(pair[0]);
	close(pair[1]);
	return good;
}

static const struct row {
	const char *what, *hash, *salt, *value;
	uint64_t iterations;
	bool good;
} rows[] = {
	{ "SHA-256", "SHA-256", SALT, SHA256, 4096, true },
	{ "SHA-1", "SHA-1", SALT, SHA1, 1000000, true },
	{ "nothing: drop it", "SHA-1", SALT, "", 4096, true },
	{ "a hash that there is not", "SHA-512", SALT, SHA256, 4096, false },
	{ "another account's name", "SHA-256 evil bob", SALT, SHA256, 4096, false },
	{ "no hash", "", SALT, SHA256, 4096, false },
	{ "a salt with a blank", "SHA-256", "c2Fs dHNh", SHA256, 4096, false },
	{ "a salt with a control", "SHA-256", "c2Fs\n", SHA256, 4096, false },
	{ "no salt", "SHA-256", "", SHA256, 4096, false },
	{ "more iterations than any server wants", "SHA-256", SALT, SHA256, 1000001, false },
	{ "a value that is too short", "SHA-256", SALT, SHA1, 4096, false },
	{ "one that is too long", "SHA-1", SALT, SHA256, 4096, false },
	{ "one that is not hexadecimal", "SHA-1", SALT, "0123456789abcdef0123456789abcdef0123456 ",
		4096, false },
	{ "capitals", "SHA-1", SALT, "0123456789ABCDEF0123456789abcdef01234567", 4096, false },
};

static void
add(struct strbuf *body, const struct row *r, bool value)
{
	field_add_text(body, r->hash);
	field_add_text(body, r->salt);
	field_add_number(body, r->iterations);
	if (value)
		field_add_text(body, r->value);
}

static void
test_hostile(void)
{
	struct strbuf body = STRBUF_INIT(1 << 16), most = STRBUF_INIT(1 << 16);
	struct wire_settings s = all(), none = { .deadline = CLOCK_NEVER };
	enum fault fault;
	bool good;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		memset(&seen, 0, sizeof(seen));
		strbuf_clear(&body);
		add(&body, &rows[i], true);
		good = take(ASKING_KEEP, &body, &s, &fault);
		ok(good == rows[i].good && seen.puts == good &&
				(good ? strcmp(seen.value, rows[i].value) == 0 &&
							strcmp(seen.salt, SALT) == 0
				      : fault == FAULT_PROTOCOL),
			"keep: %s", rows[i].what);
	}
	strbuf_clear(&body);
	add(&body, &rows[0], true);
	for (size_t n = 0; n < body.len; n++) {
		strbuf_clear(&most);
		strbuf_add(&most, body.s, n);
		memset(&seen, 0, sizeof(seen));
		if (take(ASKING_KEEP, &most, &s, &fault) || seen.puts)
			ok(false, "cut after %zu octets it is taken", n);
	}
	strbuf_addc(&body, 'x');
	ok(!take(ASKING_KEEP, &body, &s, &fault) && !seen.puts,
		"an octet more than there should be");
	strbuf_clear(&body);
	add(&body, &rows[0], true);
	ok(!take(ASKING_SALTED, &body, &s, &fault) && !seen.gets, "a question with a value");
	for (size_t i = 0; i < 300; i++)
		strbuf_adds(&most, "AAAAAAAAAAAAAAAA");
	strbuf_clear(&body);
	add(&body, &(struct row){ .hash = "SHA-256", .salt = most.s, .iterations = 4096 }, false);
	ok(!take(ASKING_SALTED, &body, &s, &fault) && !seen.gets, "a salt of some thousand octets");
	strbuf_clear(&body);
	ok(!take(ASKING_SOCKET, &body, &s, &fault) && fault == FAULT_PROTOCOL,
		"a socket where there is none");
	ok(!take(ASKING_ANSWER, &body, &s, &fault) && !fault, "an answer is no question");
	ok(take(ASKING_SECRET, &body, &none, &fault), "a password where there is none is answered");
	strbuf_clear(&body);
	add(&body, &rows[0], true);
	memset(&seen, 0, sizeof(seen));
	ok(take(ASKING_KEEP, &body, &none, &fault) && !seen.puts,
		"nothing is kept where that is off");
	strbuf_done(&body);
	strbuf_done(&most);
}

static int
reaches(int fd)
{
	struct wire_settings s = { .socket = "/nowhere", .deadline = CLOCK_NEVER };
	int got;

	asking_fill(&s, &fd, true);
	if (!s.reach || s.secret)
		return 1;
	got = s.reach(s.reach_ctx);
	if (got < 0 || write(got, "x", 1) != 1)
		return 2;
	close(got);
	return s.reach(s.reach_ctx) >= 0 || errno != ENOENT ? 3 : 0;
}

/* The socket that the settings name is connected to, whatever the other process says of it. */
static void
test_socket(void)
{
	char directory[] = "/tmp/asking-XXXXXX", path[64], octet = 0;
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	struct wire_settings s = { .socket = path, .deadline = CLOCK_NEVER };
	struct channel_parcel p;
	int pair[2], l, c, status = -1;
	bool asked, good;
	pid_t pid;

	if (!mkdtemp(directory) || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		exit(1);
	snprintf(path, sizeof(path), "%s/s", directory);
	memcpy(to.sun_path, path, strlen(path) + 1);
	l = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(l, (struct sockaddr *)&to, sizeof(to)) != 0 || listen(l, 1) != 0)
		exit(1);
	pid = fork();
	if (!pid) {
		close(pair[0]);
		_exit(reaches(pair[1]));
	}
	close(pair[1]);
	channel_parcel_init(&p, 4096);
	good = channel_receive(pair[0], &p, clock_in(20000)) == CHANNEL_PARCEL &&
	       asking_answer(pair[0], &p, &s, &asked, NULL) && asked;
	channel_parcel_clear(&p);
	c = accept4(l, NULL, NULL, SOCK_CLOEXEC);
	ok(good && read(c, &octet, 1) == 1 && octet == 'x', "a connection is handed over");
	unlink(path);
	good = channel_receive(pair[0], &p, clock_in(20000)) == CHANNEL_PARCEL &&
	       asking_answer(pair[0], &p, &s, &asked, NULL) && asked;
	channel_parcel_done(&p);
	waitpid(pid, &status, 0);
	ok(good && WIFEXITED(status) && WEXITSTATUS(status) == 0,
		"or the reason why there is none: status %x", (unsigned)status);
	close(c);
	close(l);
	close(pair[0]);
	rmdir(directory);
}

int
main(void)
{
	test_both(false);
	test_both(true);
	test_hostile();
	test_socket();
	return tap_done();
}
