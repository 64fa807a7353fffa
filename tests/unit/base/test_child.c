#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "clock.h"
#include "error.h"
#include "io.h"
#include "strbuf.h"
#include "tap.h"

static void
words(void)
{
	static const struct {
		const char *line, *want; /* the words, each in brackets; NULL: an error */
	} rows[] = {
		{ "pass show mail", "[pass][show][mail]" },
		{ "  a\t b  ", "[a][b]" },
		{ "a 'b c' d", "[a][b c][d]" },
		{ "a 'b \"c\\'", "[a][b \"c\\]" },
		{ "a \"b 'c'\"", "[a][b 'c']" },
		{ "a \"\\\"\\\\\\$\\`\\n\"", "[a][\"\\$`\\n]" },
		{ "a b\\ c \\'", "[a][b c][']" },
		{ "a ''", "[a][]" },
		{ "a '' \"\" b", "[a][][][b]" },
		{ "a'b'\"c\"d", "[abcd]" },
		{ "~/bin/x ~/y a~/z '~/q' ~", "[/h/bin/x][/h/y][a~/z][~/q][~]" },
		{ "sh -c 'x | y; z'", "[sh][-c][x | y; z]" },
		{ "a \\| \\;", "[a][|][;]" },
		{ "a $HOME *", "[a][$HOME][*]" },
		{ "", NULL },
		{ " \t ", NULL },
		{ "''", NULL },
		{ "a 'b", NULL },
		{ "a \"b", NULL },
		{ "a \"b\\", NULL },
		{ "a \"b\\\"", NULL },
		{ "a \\", NULL },
		{ "a | b", NULL },
		{ "a;b", NULL },
		{ "a && b", NULL },
		{ "a <b", NULL },
		{ "a >b", NULL },
		{ "a `b`", NULL },
	};

	setenv("HOME", "/h", 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct error err = ERROR_NONE;
		struct strbuf got = STRBUF_INIT(1000);
		char **v = child_words(rows[i].line, &err);

		for (char **w = v; v && *w; w++)
			strbuf_addf(&got, "[%s]", *w);
		if (rows[i].want)
			same(got.s, got.len, rows[i].want, rows[i].line);
		else
			ok(!v && err.fault == FAULT_CONFIG, "refused: %s (%s)", rows[i].line,
				err.text);
		free(v);
		strbuf_done(&got);
	}
}

static void
long_words(void)
{
	struct error err = ERROR_NONE;
	struct strbuf line = STRBUF_INIT(1 << 20);
	char **v;
	size_t n = 0;

	for (int i = 0; i < 20000; i++)
		strbuf_adds(&line, "~/ ");
	v = child_words(line.s, &err);
	while (v && v[n] && strcmp(v[n], "/h/") == 0)
		n++;
	ok(n == 20000, "many words");
	free(v);
	for (int i = 0; i < 20000; i++)
		strbuf_adds(&line, "xx ");
	ok(!child_words(line.s, &err) && err.fault == FAULT_CONFIG, "a line that is too long");
	strbuf_done(&line);
}

/* What became of one run of a shell script. */
struct run {
	bool good;
	int status;
	struct error err;
	struct strbuf out;
	int64_t ms;
};

static struct run
run_shell(const char *script, int64_t ms, size_t cap)
{
	char shell[] = "sh", option[] = "-c", *copy = strdup(script);
	char *argv[] = { shell, option, copy, NULL };
	struct run r = { .err = ERROR_NONE, .out = STRBUF_INIT_SECRET(cap) };
	struct child c = CHILD_NONE;
	int64_t begin = clock_ms();

	r.good = child_start(&c, argv, &r.err) &&
		 child_wait(&c, clock_in(ms), &r.out, &r.status, &r.err);
	r.ms = clock_ms() - begin;
	free(copy);
	ok(c.pid == 0 && c.out == -1 && c.error == -1, "everything is closed and reaped: %s",
		script);
	ok(r.good == (r.err.fault == FAULT_NONE), "false iff the error is set");
	return r;
}

static void
prints(const char *script, const char *want)
{
	struct run r = run_shell(script, 10000, 1000);

	ok(r.good && r.status == 0, "good: %s %s", script, r.err.text);
	same(r.out.s, r.out.len, want, script);
	strbuf_done(&r.out);
}

static void
fails(const char *script, enum fault fault, int status, const char *text)
{
	struct run r = run_shell(script, 10000, 16);

	ok(!r.good && r.err.fault == fault && r.status == status, "fault and status: %s", script);
	same(r.err.text, strlen(r.err.text), text, script);
	ok(r.out.len == 0, "nothing is left of its output");
	strbuf_done(&r.out);
}

static void
commands(void)
{
	prints("echo s3cret", "s3cret\n");
	prints("printf 'a\\nb'", "a\nb");
	prints("true", "");
	prints("cat", ""); /* standard input is empty */
	prints("i=0; while [ $i -lt 3000 ]; do echo 0123456789012345678901234567890123456789 >&2; "
	       "i=$((i+1)); done; echo done",
		"done\n");
	prints("for d in /proc/self/fd/*; do n=${d##*/}; [ $n -gt 2 ] && [ -e /proc/$$/fd/$n ] && "
	       "[ $n -ne 255 ] && echo open $n; done; true",
		"");
	prints("[ \"$(cut -d' ' -f5 /proc/$$/stat)\" = $$ ] && echo own group", "own group\n");
	prints("exec sed -n 's/^Sig\\(Blk\\|Ign\\)://p' /proc/self/status",
		"\t0000000000000000\n\t0000000000300000\n");     /* SIGTTIN, SIGTTOU */
	prints("(exec 2>&-; sleep 30) & echo first", "first\n"); /* it holds the output open */
	fails("echo hidden; echo 'no such entry' >&2; echo more >&2; exit 3", FAULT_CONFIG, 3,
		"sh: exit status 3: no such entry");
	fails("exit 7", FAULT_CONFIG, 7, "sh: exit status 7");
	fails("printf '\\n\\r\\n\\033[31mred\\n' >&2; exit 1", FAULT_CONFIG, 1,
		"sh: exit status 1: \\x1b[31mred");
	fails("kill -KILL $$", FAULT_CONFIG, -1, "sh: was ended by signal 9 (Killed)");
	fails("echo 0123456789012345678901234567890123456789; sleep 30", FAULT_CONFIG, -1,
		"sh: printed more than 16 octets");
	prints("printf 0123456789012345", "0123456789012345");
}

static void
deadlines(void)
{
	struct run r;
	int fds[2];
	char c, script[100];

	r = run_shell("echo half; echo waiting >&2; sleep 30", 300, 1000);
	ok(!r.good && r.err.fault == FAULT_TEMPORARY && r.status == -1, "no answer in time");
	same(r.err.text, strlen(r.err.text), "sh: no answer in time: waiting", "says what it said");
	ok(r.ms >= 290 && r.ms < 5000 && r.out.len == 0, "at the deadline (%d ms)", (int)r.ms);
	strbuf_done(&r.out);
	r = run_shell("exec >&- 2>&-; sleep 30", 300, 1000);
	ok(r.err.fault == FAULT_TEMPORARY && r.ms < 5000, "closed, but not ended");
	strbuf_done(&r.out);
	r = run_shell("while :; do echo x >&2; done", 300, 1000);
	ok(r.err.fault == FAULT_TEMPORARY && r.ms < 5000, "endless complaints");
	strbuf_done(&r.out);
	r = run_shell("(while :; do echo x >&2; done) & sleep 0.1; echo y", 5000, 1000);
	ok(r.good && r.ms < 4000, "endless complaints by somebody else");
	/* a pipe without other writers reads as ended when the whole process group is dead */
	if (pipe(fds) < 0)
		return;
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	strbuf_done(&r.out);
	snprintf(
		script, sizeof(script), "(sleep 30) >/proc/%d/fd/%d & wait", (int)getpid(), fds[1]);
	r = run_shell(script, 300, 1000);
	strbuf_done(&r.out);
	close(fds[1]);
	for (int i = 0; i < 100 && (errno = 0, read(fds[0], &c, 1)) < 0 && errno == EAGAIN; i++)
		usleep(20000);
	ok(read(fds[0], &c, 1) == 0, "the whole group is killed");
	close(fds[0]);
}

static void
refusals(void)
{
	struct child c = CHILD_NONE, none = CHILD_NONE;
	struct error err = ERROR_NONE;
	char **missing = child_words("/nonexistent/helper", &err);
	char **directory = child_words("/tmp", &err), **sleeper = child_words("sleep 30", &err);

	ok(!child_start(&c, missing, &err) && err.fault == FAULT_CONFIG && err.sys == ENOENT,
		"not there");
	same(err.text, strlen(err.text),
		"unable to run /nonexistent/helper: No such file or directory", "text");
	error_clear(&err);
	ok(!child_start(&c, directory, &err) && err.sys == EACCES, "not executable: %s", err.text);
	ok(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD, "no zombies");
	child_stop(&none);
	error_clear(&err);
	signal(SIGCHLD, SIG_IGN);
	ok(child_start(&c, sleeper, &err) && c.pid > 0, "started");
	child_stop(&c);
	ok(c.pid == 0 && waitpid(-1, NULL, WNOHANG) < 0, "stopped");
	child_stop(&c);
	signal(SIGCHLD, SIG_IGN);
	prints("echo ignored children", "ignored children\n");
	free(missing);
	free(directory);
	free(sleeper);
}

static int
answer(void *ctx, int out, int error)
{
	const char *text = ctx;

	if (prctl(PR_GET_DUMPABLE) != 0)
		return 99;
	printf("stray");
	fflush(stdout);
	if (*text == '!') {
		dprintf(error, "complaint\n");
		return 5;
	}
	return !io_write_full(out, text, strlen(text));
}

static void
functions(void)
{
	struct child c = CHILD_NONE;
	struct error err = ERROR_NONE;
	struct strbuf out = STRBUF_INIT_SECRET(100);
	char value[] = "value", failure[] = "!";
	int status;

	fflush(stdout);
	ok(child_start_function(&c, "keeper", answer, value, &err), "started");
	ok(child_wait(&c, clock_in(10000), &out, &status, &err) && status == 0, "answered");
	same(out.s, out.len, "value", "its answer, without what it printed");
	fflush(stdout);
	strbuf_clear(&out);
	ok(child_start_function(&c, "keeper", answer, failure, &err), "started");
	ok(!child_wait(&c, clock_in(10000), &out, &status, &err) && status == 5, "failed");
	same(err.text, strlen(err.text), "keeper: exit status 5: straycomplaint", "text");
	strbuf_done(&out);
}

static void
given(const char *script, size_t n, bool want, const char *what)
{
	char shell[] = "sh", option[] = "-c", *copy = strdup(script);
	char *argv[] = { shell, option, copy, NULL };
	struct strbuf in = STRBUF_INIT_SECRET(1 << 20), out = STRBUF_INIT_SECRET(1 << 20);
	struct child c = CHILD_NONE;
	struct error err = ERROR_NONE;
	bool good;

	memset(strbuf_reserve(&in, n), 'x', n);
	strbuf_advance(&in, n);
	good = child_start_input(&c, argv, &in, &err) &&
	       child_wait(&c, clock_in(10000), &out, NULL, &err);
	ok(good && (!want || (out.len == n && memcmp(in.s, out.s, n) == 0)), "%s: %zu of %zu %s",
		what, out.len, n, err.text);
	ok(c.pid == 0 && c.in == -1 && c.out == -1, "everything is closed and reaped");
	strbuf_done(&in);
	strbuf_done(&out);
	free(copy);
}

static void
inputs(void)
{
	struct strbuf in = STRBUF_INIT_SECRET(16);
	char none[] = "/nonexistent", *argv[] = { none, NULL };
	struct child c = CHILD_NONE;
	struct error err = ERROR_NONE;

	given("cat", 0, true, "an empty input ends");
	given("cat", 7, true, "a short one");
	given("cat", 700000, true, "more than a pipe holds, both ways");
	given("exit 0", 700000, false, "a helper that reads nothing");
	given("head -c 3 >/dev/null", 700000, false, "one that reads a little");
	strbuf_adds(&in, "hunter2");
	ok(!child_start_input(&c, argv, &in, &err) && c.in == -1, "one that cannot be run");
	strbuf_done(&in);
}

static void
home(void)
{
	setenv("HOME", "/h", 1);
	same(io_home(), strlen(io_home()), "/h", "the home directory of the environment");
	setenv("HOME", "relative", 1);
	ok(!io_home() || *io_home() == '/', "one that is none is not taken");
	unsetenv("HOME");
	ok(!io_home() || *io_home() == '/', "the home directory of the passwd database");
}

int
main(void)
{
	home();
	signal(SIGPIPE, SIG_IGN);
	words();
	long_words();
	commands();
	deadlines();
	refusals();
	functions();
	inputs();
	return tap_done();
}
