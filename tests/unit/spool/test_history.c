/* What is remembered of every message. */
#include "history.h"

#include <sys/wait.h>

#include "fake.h"
#include "state.h"
#include "text.h"

static void
add(enum history_event event, int64_t when, const char *id, uid_t uid, struct envelope *v,
	const char *text)
{
	struct history_record r = { .event = event,
		.when = when,
		.id = id,
		.uid = uid,
		.account = "work",
		.message_id = "<m@example.org>",
		.envelope = v,
		.host = "smtp.example.net",
		.queue_id = "4XyZ",
		.text = text };
	struct error err = ERROR_NONE;

	if (!history_add(&s, &r, &err))
		printf("# %s\n", err.text);
}

/* What a reading has found. */
static struct {
	unsigned lines, recipients;
	size_t left_out;
	int64_t last;
	bool sorted, stop;
	char text[1024], sender[256], address[256], words[256], id[64], queue_id[64], host[64];
	char message_id[64], account[64], outcome[32], enhanced[16];
	int code;
	enum history_event event;
} found;

static void
copy(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from);
}

static bool
take(void *ctx, const struct history_line *l)
{
	(void)ctx;
	found.sorted = found.sorted && l->when >= found.last;
	found.last = l->when;
	found.lines++;
	found.recipients += (unsigned)l->count;
	found.left_out += l->left_out;
	found.event = l->event;
	copy(found.text, sizeof(found.text), l->text);
	copy(found.sender, sizeof(found.sender), l->sender);
	copy(found.id, sizeof(found.id), l->id);
	copy(found.host, sizeof(found.host), l->host);
	copy(found.queue_id, sizeof(found.queue_id), l->queue_id);
	copy(found.message_id, sizeof(found.message_id), l->message_id);
	copy(found.account, sizeof(found.account), l->account);
	if (l->count) {
		copy(found.address, sizeof(found.address), l->recipients[0].address);
		copy(found.words, sizeof(found.words), l->recipients[0].text);
		copy(found.outcome, sizeof(found.outcome), l->recipients[0].outcome);
		copy(found.enhanced, sizeof(found.enhanced), l->recipients[0].enhanced);
		found.code = l->recipients[0].code;
	}
	return !found.stop;
}

static unsigned
find(struct history_filter f)
{
	struct error err = ERROR_NONE;
	bool stop = found.stop;

	memset(&found, 0, sizeof(found));
	found.stop = stop;
	found.sorted = true;
	if (!history_read(&s, &f, take, NULL, &err))
		printf("# %s\n", err.text);
	return found.lines;
}

static void
test_events(void)
{
	const struct error why = {
		.fault = FAULT_NOUSER, .smtp = 550, .code = { 5, 1, 1 }, .text = "refused"
	};
	struct envelope v;

	begin();
	ok(find((struct history_filter){ .everybody = true }) == 0, "nothing at first");
	envelope_make(&v, "alice@example.org", "bob@Example.NET, \"a \\\"b\\\\\"@example.net");
	add(HISTORY_QUEUED, T0, "0000000000000001", 1000, &v, NULL);
	recipient_set(&v.recipients[0], OUTCOME_PERMANENT, 550, (struct enhanced){ 5, 1, 1 },
		"say \"no\"\nuid=0 event=sent \\ \x1b[31m", &why);
	add(HISTORY_FAILED, T0 + 1, "0000000000000001", 1000, &v, "a \"note\" to=\"x\"");
	add(HISTORY_HELD, T0 + 2, "0000000000000002", 1001, NULL, NULL);
	ok(find((struct history_filter){ .everybody = true }) == 3 && found.sorted,
		"all, in order");
	ok(find((struct history_filter){ .uid = 1000 }) == 2, "a user's own");
	ok(found.event == HISTORY_FAILED && !strcmp(found.sender, "alice@example.org") &&
			!strcmp(found.address, "bob@Example.NET") && found.recipients == 4,
		"sender and recipients");
	ok(!strcmp(found.outcome, "permanent") && found.code == 550 &&
			!strcmp(found.enhanced, "5.1.1") && !strcmp(found.queue_id, "4XyZ") &&
			!strcmp(found.host, "smtp.example.net") && !strcmp(found.account, "work") &&
			!strcmp(found.message_id, "<m@example.org>"),
		"and the rest");
	ok(!strcmp(found.words, "say \"no\"\\x0auid=0 event=sent \\ \\x1b[31m"),
		"a server's words forge no line (%s)", found.words);
	ok(!strcmp(found.text, "a \"note\" to=\"x\""), "nor do ours");
	ok(find((struct history_filter){ .uid = 1001 }) == 1 &&
			find((struct history_filter){ .uid = 0 }) == 0,
		"nobody sees others'");
	ok(find((struct history_filter){ .everybody = true, .id = "0000000000000002" }) == 1,
		"by id");
	ok(find((struct history_filter){ .everybody = true, .message_id = "m@example.org" }) == 3 &&
			find((struct history_filter){
				.everybody = true, .message_id = "<m@example.org>" }) == 3 &&
			find((struct history_filter){ .everybody = true, .message_id = "m" }) == 0,
		"by Message-ID");
	ok(find((struct history_filter){ .everybody = true, .address = "bob@EXAMPLE.net" }) == 2 &&
			find((struct history_filter){
				.everybody = true, .address = "Bob@example.net" }) == 0 &&
			find((struct history_filter){
				.everybody = true, .address = "alice@example.org" }) == 2 &&
			find((struct history_filter){ .everybody = true, .address = "bob" }) == 0,
		"by address");
	ok(find((struct history_filter){ .everybody = true, .since = T0 + 1 }) == 2, "since");
	found.stop = true;
	ok(find((struct history_filter){ .everybody = true }) == 1, "until it is enough");
	found.stop = false;
	envelope_done(&v);
	end();
}

static void
test_many(void)
{
	const unsigned n = 3000;
	struct envelope v;
	struct strbuf to = STRBUF_INIT(1 << 20);
	struct stat st;
	int dir;

	begin();
	for (unsigned i = 0; i < n; i++)
		strbuf_addf(&to, "%srecipient%u@example.net", i ? "," : "", i);
	envelope_make(&v, "alice@example.org", to.s);
	add(HISTORY_QUEUED, T0, "0000000000000001", 1000, &v, NULL);
	ok(find((struct history_filter){ .everybody = true }) > 10 && found.recipients == n &&
			!found.left_out,
		"%u recipients take %u lines", found.recipients, found.lines);
	ok(find((struct history_filter){
		   .everybody = true, .address = "recipient2999@example.net" }) == 1,
		"and the last one is found");
	dir = state_directory(&s, NULL, NULL);
	ok(fstatat(dir, "history", &st, 0) == 0 && (st.st_mode & 077) == 0, "nobody else reads it");
	close(dir);
	envelope_done(&v);
	strbuf_done(&to);
	end();
}

static void
test_rotation(void)
{
	char note[400];
	unsigned n = 0;
	struct stat st;
	int dir;

	begin();
	memset(note, 'x', sizeof(note) - 1);
	note[sizeof(note) - 1] = '\0';
	dir = state_directory(&s, NULL, NULL);
	while (fstatat(dir, "history.2", &st, 0) != 0 && n < 100000)
		add(HISTORY_SENT, T0 + n++, "0000000000000001", 1000, NULL, note);
	for (unsigned i = 0; i < 10; i++)
		add(HISTORY_SENT, T0 + n++, "0000000000000001", 1000, NULL, note);
	ok(fstatat(dir, "history.2", &st, 0) == 0 && st.st_size >= HISTORY_SIZE &&
			st.st_size < HISTORY_SIZE + HISTORY_LINE,
		"a file that is full moves on");
	ok(find((struct history_filter){ .uid = 1000 }) == n && found.sorted,
		"all of the files are read, the oldest first (%u)", n);
	close(dir);
	end();
}

static const struct {
	const char *line;
	bool good;
} lines[] = {
	{ "2026-11-24T11:05:09Z event=sent uid=0", true },
	{ "2026-11-24T11:05:09Z event=sent id=x uid=0 to=\"\\\"\" more=\"x\" word", true },
	{ "2026-11-24T11:05:09Z event=sent", false },
	{ "2026-11-24T11:05:09Z uid=0", false },
	{ "2026-11-24T11:05:09Z event=flown uid=0", false },
	{ "2026-11-24T11:05:09Z event=sent uid=-1", false },
	{ "2026-11-24T11:05:09Z event=sent uid=4294967295", false },
	{ "2026-11-24T11:05:09Z event=sent uid=0 to=\"x", false },
	{ "2026-11-24T11:05:09Z event=sent uid=0 to=\"x\"y", false },
	{ "2026-11-24T11:05:09Z event=sent uid=0 to=\"x\\", false },
	{ "2026-11-24T11:05:09 event=sent uid=0", false },
	{ "2026-13-24T11:05:09Z event=sent uid=0", false },
	{ "event=sent uid=0", false },
	{ "", false },
	{ "= = =", false },
};

static void
test_hostile(void)
{
	struct history_line l;
	struct envelope v;
	char copy_of[256];
	char *big;
	int dir, fd;

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		snprintf(copy_of, sizeof(copy_of), "%s", lines[i].line);
		ok(history_parse(copy_of, strlen(copy_of), &l) == lines[i].good, "%s: %s",
			lines[i].good ? "taken" : "refused", lines[i].line);
		free(l.recipients);
	}
	begin();
	envelope_make(&v, "alice@example.org", "bob@example.net");
	add(HISTORY_QUEUED, T0, "0000000000000001", 1000, &v, NULL);
	dir = state_directory(&s, NULL, NULL);
	fd = openat(dir, "history", O_WRONLY | O_APPEND);
	big = malloc(1 << 20);
	memset(big, 'x', 1 << 20);
	big[1000] = '\0';
	if (write(fd, big, 1 << 20) < 0 || write(fd, "\nnonsense\n\n", 11) < 0)
		abort();
	close(fd);
	add(HISTORY_SENT, T0 + 1, "0000000000000001", 1000, &v, NULL);
	ok(find((struct history_filter){ .uid = 1000 }) == 2, "what is no line is passed over");
	unlinkat(dir, "history", 0);
	ok(symlinkat("/etc/passwd", dir, "history") == 0 &&
			find((struct history_filter){ .everybody = true }) == 0,
		"a link is not followed");
	free(big);
	close(dir);
	envelope_done(&v);
	end();
}

static void
test_together(void)
{
	pid_t pids[8];
	struct envelope v;

	begin();
	envelope_make(&v, "alice@example.org", "bob@example.net, carol@example.net");
	for (int i = 0; i < 8; i++) {
		pids[i] = fork();
		if (!pids[i]) {
			for (int k = 0; k < 200; k++)
				add(HISTORY_SENT, T0, "0000000000000001", (uid_t)i, &v, NULL);
			_exit(0);
		}
	}
	for (int i = 0; i < 8; i++)
		waitpid(pids[i], NULL, 0);
	ok(find((struct history_filter){ .everybody = true }) == 1600 && found.recipients == 3200,
		"8 processes write whole lines");
	envelope_done(&v);
	end();
}

int
main(void)
{
	test_events();
	test_many();
	test_rotation();
	test_hostile();
	test_together();
	return tap_done();
}
