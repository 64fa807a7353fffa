/* Handing a message over to a process that has kept a connection: what is packed is unpacked as the
 * same; and both sides, each against one that goes away, says nonsense, or is slow to understand.
 */
#include "script.h"

#include <errno.h>
#include <fcntl.h>

#include "clock.h"
#include "delivery.h"
#include "dialogue_words.h"
#include "packing.h"
#include "tap.h"
#include "warm.h"

#define BODY ".\r\nlast\r\n"

static const struct memo_key key = { "a key" }, other_key = { "another" };

static void
put(char *to, size_t size, const char *text)
{
	snprintf(to, size, "%s", text);
}

static void
fill_report(struct wire_report *r)
{
	wire_report_init(r);
	put(r->host, sizeof(r->host), "mx.example");
	put(r->address, sizeof(r->address), "192.0.2.1");
	put(r->tls.version, sizeof(r->tls.version), "TLS1.3");
	put(r->mechanism, sizeof(r->mechanism), "PLAIN");
	put(r->words, sizeof(r->words), "queued as 1");
	r->port = 465;
	r->connected = r->tls.verified = true;
	r->code = 250;
	r->enhanced = (struct enhanced){ 2, 0, 0 };
	r->round_trips = 1;
	r->ms[WIRE_PHASE_DATA] = 7;
	strbuf_adds(&r->notes, "one note\nand another\n");
}

static struct wire_settings
settings_for(const char *const *servers, struct watch *w)
{
	return (struct wire_settings){
		.hosts = servers,
		.host_count = 1,
		.tls = WIRE_TLS_NONE,
		.ehlo_name = "me.example",
		.deadline = clock_in(5000),
		.connect_ms = 3000,
		.trace = take_trace,
		.trace_ctx = w,
	};
}

static void
fail_one(struct recipient *r)
{
	struct error why = ERROR_NONE;

	error_at(&why, STAGE_RCPT, FAULT_NOUSER, "nobody is there");
	why.smtp = 550;
	why.code = (struct enhanced){ 5, 1, 1 };
	put(why.words, sizeof(why.words), "no such user");
	recipient_fail(r, &why);
}

static void
test_request(void)
{
	struct strbuf packed = STRBUF_INIT(WARM_MAX);
	struct watch w = { .fails = false };
	struct wire_settings settings = settings_for(NULL, &w);
	struct envelope e = ENVELOPE_NONE;
	struct warm_request r;
	struct message m;

	settings.wishes = (struct wishes){ .tls = TLS_WISH_IF_OFFERED,
		.late = LATE_WISH_NOTIFY,
		.priority_set = true,
		.priority = -9,
		.hold_until = 1234567890,
		.mail_auth = (char[]){ "<>" },
		.deliver_by = 1234567891 };
	settings.partial_abort = true;
	fill_envelope(&e, 3);
	fail_one(&e.recipients[1]);
	e.dsn_return = DSN_RETURN_HEADERS;
	e.dsn_notify = DSN_SUCCESS | DSN_DELAY;
	e.envid = strdup("an id");
	e.recipients[2].orcpt = strdup("r3+x@example.net");
	fill_message(&m, BODY);
	warm_add_request(&packed, &key, &settings, &e, &m);
	ok(!packed.full && warm_take_request(packed.s, packed.len, &r), "a request");
	ok(memcmp(&r.key, &key, sizeof(key)) == 0 && r.trace && r.partial_abort && !r.strict_body,
		"key and flags");
	ok(r.patience > 4000 && r.patience <= 5000, "the time that is left");
	ok(r.wishes.tls == TLS_WISH_IF_OFFERED && r.wishes.late == LATE_WISH_NOTIFY &&
			r.wishes.priority_set && r.wishes.priority == -9 &&
			r.wishes.deliver_by == 1234567891 && r.wishes.hold_until == 1234567890 &&
			strcmp(r.wishes.mail_auth, "<>") == 0,
		"wishes");
	ok(r.envelope.count == 2 && address_equal(&r.envelope.sender, &e.sender) &&
			address_equal(&r.envelope.recipients[1].address, &e.recipients[2].address),
		"who is pending");
	ok(r.envelope.dsn_return == DSN_RETURN_HEADERS && r.envelope.dsn_notify == e.dsn_notify &&
			strcmp(r.envelope.envid, e.envid) == 0 &&
			strcmp(r.envelope.recipients[1].orcpt, "r3+x@example.net") == 0 &&
			!r.envelope.recipients[0].orcpt,
		"DSN");
	ok(message_size(&r.message) == message_size(&m) && !r.in_file &&
			memcmp(&r.message.facts, &m.facts, sizeof(m.facts)) == 0 &&
			strcmp(r.message.memory.s, m.memory.s) == 0,
		"the message");
	warm_request_done(&r);
	for (size_t n = 0; n < packed.len; n++) {
		if (warm_take_request(packed.s, n, &r))
			ok(false, "cut at %zu", n);
		warm_request_done(&r);
	}
	strbuf_addc(&packed, 'x');
	ok(!warm_take_request(packed.s, packed.len, &r), "an octet too many");
	warm_request_done(&r);
	message_done(&m);
	envelope_done(&e);
	strbuf_done(&packed);
}

static void
test_result(void)
{
	struct strbuf packed = STRBUF_INIT(WARM_MAX);
	struct envelope e = ENVELOPE_NONE, to = ENVELOPE_NONE;
	struct wire_report report, got;
	bool good;

	fill_report(&report);
	fill_envelope(&e, 2);
	fill_envelope(&to, 3);
	recipient_set(
		&e.recipients[0], OUTCOME_ACCEPTED, 250, (struct enhanced){ 2, 0, 0 }, "ok", NULL);
	fail_one(&e.recipients[1]);
	fail_one(&to.recipients[1]);
	warm_add_result(&packed, &report, &e);
	for (size_t n = 0; n < packed.len; n++) {
		wire_report_init(&got);
		good = warm_take_result(packed.s, n, &got, &to);
		wire_report_done(&got);
		if (good || envelope_count(&to, OUTCOME_PENDING) != 2)
			ok(false, "cut at %zu", n);
	}
	wire_report_init(&got);
	ok(warm_take_result(packed.s, packed.len, &got, &to), "a result");
	ok(strcmp(got.host, "mx.example") == 0 && got.port == 465 && got.code == 250 &&
			got.round_trips == 1 && got.ms[WIRE_PHASE_DATA] == 7 && got.tls.verified &&
			strcmp(got.notes.s, report.notes.s) == 0,
		"the report");
	ok(to.recipients[0].outcome == OUTCOME_ACCEPTED &&
			strcmp(to.recipients[0].words, "ok") == 0 && !to.recipients[0].why,
		"who was accepted");
	ok(to.recipients[2].outcome == OUTCOME_PERMANENT &&
			to.recipients[2].why->fault == FAULT_NOUSER &&
			to.recipients[2].why->smtp == 550 &&
			strcmp(to.recipients[2].why->words, "no such user") == 0,
		"who was not, and why");
	wire_report_done(&got);
	strbuf_clear(&packed);
	put(report.words, sizeof(report.words), "an \033 escape");
	packing_add_report(&packed, &report);
	wire_report_init(&got);
	ok(!warm_take_report(packed.s, packed.len, &got), "controls are refused");
	wire_report_done(&got);
	wire_report_done(&report);
	envelope_done(&e);
	envelope_done(&to);
	strbuf_done(&packed);
}

/* What a process says, octet by octet of SCRIPT: R ready, S the mark before the content's end and
 * the wait for "go", A and B the marks of acceptance, E a result, t a trace line, x nonsense, ? the
 * death of the process. */
static void __attribute__((noreturn)) play_process(int fd, const char *script)
{
	struct strbuf data = STRBUF_INIT(WARM_MAX);
	struct wire_report report;
	struct envelope e = ENVELOPE_NONE;
	enum warm_word word;
	unsigned char mark;
	bool good;

	fill_report(&report);
	fill_envelope(&e, 2);
	recipient_set(
		&e.recipients[0], OUTCOME_ACCEPTED, 250, (struct enhanced){ 2, 0, 0 }, "ok", NULL);
	fail_one(&e.recipients[1]);
	good = warm_hear(fd, &word, &data, NULL, clock_in(3000)) && word == WARM_REQUEST;
	for (; good && *script; script++) {
		strbuf_clear(&data);
		switch (*script) {
		case 'R':
			packing_add_report(&data, &report);
			good = warm_say(fd, WARM_READY, data.s, data.len, -1, clock_in(3000));
			break;
		case 'S':
		case 'A':
		case 'B':
			mark = *script == 'S'   ? WIRE_SENT
			       : *script == 'A' ? WIRE_ACCEPTED
						: WIRE_ACCEPTED_BY_ALL;
			good = warm_say(fd, WARM_MARK, &mark, 1, -1, clock_in(3000));
			if (good && *script == 'S')
				good = warm_hear(fd, &word, &data, NULL, clock_in(3000)) &&
				       word == WARM_GO;
			break;
		case 'E':
			warm_add_result(&data, &report, &e);
			good = warm_say(fd, WARM_END, data.s, data.len, -1, clock_in(3000));
			break;
		case 't':
			good = warm_say(fd, WARM_TRACE, "\1<- 250 ok", 10, -1, clock_in(3000));
			break;
		default:
			good = warm_say(
				fd, (enum warm_word) * script, "abc", 3, -1, clock_in(3000));
		}
	}
	_exit(!good);
}

static const struct {
	const char *script, *outcomes, *marks, *what;
} processes[] = {
	{ "RSABE", "AP", "111", "as it should be" },
	{ "RtStAtE", "AP", "110", "with the dialogue" },
	{ "", "--", "000", "gone at once" },
	{ "x", "--", "000", "nonsense at once" },
	{ "E", "--", "000", "a result that nobody has asked for yet" },
	{ "R", "--", "000", "gone before the content has left" },
	{ "Rt", "--", "000", "gone after some words" },
	{ "Rx", "--", "000", "nonsense before the content has left" },
	{ "RR", "--", "000", "ready twice" },
	{ "RA", "--", "000", "accepted before it has left" },
	{ "RE", "AP", "000", "a result without content: refused before" },
	{ "RS", "DD", "100", "gone when the content has left" },
	{ "RSx", "DD", "100", "nonsense when the content has left" },
	{ "RSA", "DD", "110", "gone when somebody was accepted" },
	{ "RSAB", "AA", "111", "gone when all were accepted" },
	{ "RSSAE", "AP", "210", "two transactions" },
};

static void
test_client(void)
{
	for (size_t i = 0; i < sizeof(processes) / sizeof(*processes); i++) {
		struct watch w = { .trace = STRBUF_INIT(1 << 16) };
		struct wire_settings settings = settings_for(NULL, &w);
		struct envelope e = ENVELOPE_NONE;
		struct wire_report report;
		struct message m;
		char got[8], marks[16];
		int fd[2], status;
		pid_t pid;

		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd))
			abort();
		fflush(stdout);
		pid = fork();
		if (!pid) {
			close(fd[0]);
			play_process(fd[1], processes[i].script);
		}
		close(fd[1]);
		fill_envelope(&e, 2);
		fill_message(&m, BODY);
		wire_report_init(&report);
		warm_ask(fd[0], &key, &settings, &e, &m, take_progress, &w, &report);
		close(fd[0]);
		waitpid(pid, &status, 0);
		outcomes_of(&e, got);
		same(got, strlen(got), processes[i].outcomes, processes[i].what);
		snprintf(marks, sizeof(marks), "%u%u%u", w.marks[0], w.marks[1], w.marks[2]);
		same(marks, strlen(marks), processes[i].marks, "and the marks");
		if (got[0] == 'D')
			ok(e.recipients[0].why->in_doubt && e.recipients[0].why->stage == STAGE_END,
				"the doubt is said");
		wire_report_done(&report);
		message_done(&m);
		envelope_done(&e);
		strbuf_done(&w.trace);
	}
}

/* The process, with a connection that has carried one message, and one client: what the client does
 * is done by ACT. */
struct round {
	const char *name, *script;
	void (*act)(int fd, struct message *m, struct envelope *e);
	enum warm_service service;
	bool open;
};

static void
ask_with(int fd, const struct memo_key *with, struct message *m, struct envelope *e,
	const char *want)
{
	struct watch w = { .trace = STRBUF_INIT(1 << 16) };
	struct wire_settings settings = settings_for(NULL, &w);
	struct wire_report report;
	char got[16];

	wire_report_init(&report);
	warm_ask(fd, with, &settings, e, m, take_progress, &w, &report);
	outcomes_of(e, got);
	same(got, strlen(got), want, "what the client learns");
	if (*want == 'A')
		ok(report.round_trips == 2 && report.code == 250 &&
				strcmp(report.address, "127.0.0.1") == 0 &&
				strstr(w.trace.s, "RCPT TO"),
			"receipt and trace");
	wire_report_done(&report);
	strbuf_done(&w.trace);
}

static void
act_well(int fd, struct message *m, struct envelope *e)
{
	ask_with(fd, &key, m, e, "A");
}

static void
act_with_other_key(int fd, struct message *m, struct envelope *e)
{
	ask_with(fd, &other_key, m, e, "-");
}

static void
act_in_vain(int fd, struct message *m, struct envelope *e)
{
	ask_with(fd, &key, m, e, "-");
}

static void
act_nothing(int fd, struct message *m, struct envelope *e)
{
	(void)fd, (void)m, (void)e;
}

static void
act_nonsense(int fd, struct message *m, struct envelope *e)
{
	(void)m, (void)e;
	ok(warm_say(fd, WARM_REQUEST, "abc", 3, 0, clock_in(1000)), "with a descriptor");
}

/* Hands the message over and is gone before it has said "go". */
static void
act_and_leave(int fd, struct message *m, struct envelope *e)
{
	struct strbuf data = STRBUF_INIT(WARM_MAX);
	struct watch w = { .fails = false };
	struct wire_settings settings = settings_for(NULL, &w);
	enum warm_word word;

	settings.trace = NULL;
	warm_add_request(&data, &key, &settings, e, m);
	ok(warm_say(fd, WARM_REQUEST, data.s, data.len, -1, clock_in(1000)) &&
			warm_hear(fd, &word, &data, NULL, clock_in(3000)) && word == WARM_READY,
		"handed over");
	strbuf_done(&data);
}

/* Its body stands in a file that is shorter than it says. */
static void
act_with_short_file(int fd, struct message *m, struct envelope *e)
{
	int file = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	strbuf_clear(&m->memory);
	m->fd = file;
	if (write(file, ".\r\n", 3) != 3)
		abort();
	ask_with(fd, &key, m, e, "-");
}

static void
act_with_file(int fd, struct message *m, struct envelope *e)
{
	int file = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	strbuf_clear(&m->memory);
	m->fd = file;
	if (write(file, BODY, strlen(BODY)) != (ssize_t)strlen(BODY))
		abort();
	ask_with(fd, &key, m, e, "A");
}

#define FIRST  PIPE NEXT
#define NEXT   MAIL RCPT(0) ">DATA\n" OK OK "<354 go\n.\n" OK
#define BEFORE MAIL RCPT(0) ">DATA\n" OK OK "<354 go\n"

static const struct round rounds[] = {
	{ "a message", FIRST NEXT QUIT, act_well, WARM_SERVED, true },
	{ "a body in a file", FIRST NEXT QUIT, act_with_file, WARM_SERVED, true },
	{ "another key", FIRST QUIT, act_with_other_key, WARM_OTHER_KEY, true },
	{ "a client that says nothing", FIRST QUIT, act_nothing, WARM_NOTHING, true },
	{ "a client that says nonsense", FIRST QUIT, act_nonsense, WARM_NOTHING, true },
	{ "a file that is too short", FIRST QUIT, act_with_short_file, WARM_NOTHING, true },
	{ "a client that leaves before the content", FIRST BEFORE "*\n", act_and_leave, WARM_SERVED,
		false },
	{ "a connection that is closed", FIRST "!\n", act_in_vain, WARM_NOTHING, false },
	{ "a connection that is just being closed", FIRST MAIL "!\n", act_in_vain, WARM_SERVED,
		false },
};

static void
play_round(const struct round *r)
{
	struct strbuf dotted = STRBUF_INIT(1000);
	struct peer peer = { .script = r->script, .plain = HEADER "\r\n" BODY };
	struct watch w = { .trace = STRBUF_INIT(1 << 16) };
	struct envelope e = ENVELOPE_NONE, first = ENVELOPE_NONE;
	char host[32], why[500];
	const char *servers[] = { host };
	struct wire_settings settings = settings_for(servers, &w);
	struct wire_link *l = wire_link_new(&settings);
	struct wire_report report;
	struct message m;
	int fd[2], status;
	pid_t pid;

	strbuf_adds(&dotted, HEADER "\r\n");
	add_dotted(&dotted, BODY);
	peer.dotted = dotted.s;
	peer_start(&peer);
	snprintf(host, sizeof(host), "127.0.0.1:%u", peer.port);
	fill_message(&m, BODY);
	fill_envelope(&first, 1);
	fill_envelope(&e, 1);
	wire_report_init(&report);
	ok(wire_link_deliver(l, &first, &m, NULL, NULL, &report, NULL), "%s: the first", r->name);
	poll(NULL, 0, 30);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd))
		abort();
	fflush(stdout);
	pid = fork();
	if (!pid) {
		/* the client counts its own checks */
		close(fd[1]);
		close(peer.done);
		tap_count = tap_failed = 0;
		if (!freopen("/dev/null", "w", stdout))
			_exit(99);
		r->act(fd[0], &m, &e);
		_exit(tap_failed);
	}
	close(fd[0]);
	settings.trace = NULL;
	ok(warm_serve(fd[1], l, &settings, &key) == r->service, "%s: served", r->name);
	close(fd[1]);
	waitpid(pid, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s: the client", r->name);
	ok(wire_link_is_open(l) == r->open && !settings.trace, "%s: the connection", r->name);
	wire_link_free(l);
	if (!ok(peer_stop(&peer, why, sizeof(why)), "%s: the dialogue", r->name))
		printf("# peer: %s\n", why);
	wire_report_done(&report);
	message_done(&m);
	envelope_done(&e);
	envelope_done(&first);
	strbuf_done(&w.trace);
	strbuf_done(&dotted);
}

int
main(void)
{
	test_request();
	test_result();
	test_client();
	for (size_t i = 0; i < sizeof(rounds) / sizeof(*rounds); i++)
		play_round(&rounds[i]);
	return tap_done();
}
