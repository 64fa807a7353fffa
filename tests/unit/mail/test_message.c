/* Reading from descriptors, facts, the file behind long bodies, and readers. */
#include "message.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "error.h"
#include "tap.h"

static const struct message_reading plain = { .dot_is_last_line = true };

/* All that the readers of M give, taken N octets at a time. */
static void
take_all(const struct message *m, size_t n, struct strbuf *out)
{
	struct message_reader r;
	struct error err = ERROR_NONE;
	ssize_t got;

	strbuf_clear(out);
	message_reader_init(&r, m);
	do {
		got = message_reader_get(&r, strbuf_reserve(out, n), n, &err);
		if (got < 0) {
			ok(false, "read back: %s", err.text);
			return;
		}
		strbuf_advance(out, (size_t)got);
	} while (got);
}

static int
file_with(const char *s, size_t n)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	if (fd < 0 || write(fd, s, n) != (ssize_t)n || lseek(fd, 0, SEEK_SET) != 0)
		abort();
	return fd;
}

static bool
read_text(struct message *m, const char *s, struct error *err)
{
	int fd = file_with(s, strlen(s));
	bool good;

	message_init(m);
	good = message_read(m, fd, &plain, err);
	close(fd);
	return good;
}

static void
try_facts(void)
{
	struct message m;
	struct error err = ERROR_NONE;
	struct strbuf out = STRBUF_INIT(1 << 16);

	ok(read_text(&m, "Subject: s\nTo: bob@example.org\n\nlonger line\r\nx\ry", &err), "read");
	ok(message_size(&m) == 33 + 2 + 19 && m.facts.body_size == 19, "sizes");
	ok(m.facts.longest_line == 11 && m.facts.longest_header == 19, "longest lines");
	ok(m.facts.cr_changed == 1 && !m.facts.nul_removed && !m.facts.headerless &&
			!m.facts.empty_input && !m.facts.body_8bit && !m.facts.header_8bit,
		"other facts");
	take_all(&m, 1, &out);
	same(out.s, out.len, "Subject: s\r\nTo: bob@example.org\r\n\r\nlonger line\r\nx\r\ny\r\n",
		"octet by octet");
	take_all(&m, 7, &out);
	ok(out.len == message_size(&m), "a second reader starts at the beginning");
	message_done(&m);

	ok(read_text(&m, "", &err) && m.facts.empty_input && !m.facts.headerless &&
			message_size(&m) == 2,
		"empty input");
	message_done(&m);
	ok(read_text(&m, "\n", &err) && !m.facts.empty_input && message_size(&m) == 2,
		"an empty line is input");
	message_done(&m);
	ok(read_text(&m, "hello world\n", &err) && m.facts.headerless && !m.header.len,
		"no header block");
	message_done(&m);
	ok(read_text(&m, "S: \xc3\xa4\n\nx\n", &err) && m.facts.header_8bit &&
			m.facts.header_utf8 && !m.facts.body_8bit,
		"a header in UTF-8");
	message_done(&m);
	ok(read_text(&m, "S: \xe4\n\n\xe4\n", &err) && m.facts.header_8bit &&
			!m.facts.header_utf8 && m.facts.body_8bit,
		"a header in another charset, and an 8-bit body");
	strbuf_clear(&m.header);
	message_update_header_facts(&m);
	ok(!m.facts.header_8bit && !m.facts.longest_header, "header facts brought up to date");
	message_done(&m);
	message_done(&m);
	message_done(NULL);
	message_done(&(struct message){ 0 });
	ok(fcntl(0, F_GETFD) >= 0, "freeing a zeroed message leaves standard input open");
	strbuf_done(&out);
}

static void
try_failures(void)
{
	struct message m;
	struct message_reader r;
	struct error err = ERROR_NONE;
	static char all[MESSAGE_MEMORY + 3];
	char c[8];
	int fd = open("/", O_RDONLY);

	message_init(&m);
	ok(!message_read(&m, fd, &plain, &err) && err.fault == FAULT_NOINPUT && err.sys == EISDIR,
		"a directory: %s", err.text);
	message_done(&m);
	close(fd);
	error_clear(&err);
	ok(!message_read(&m, 999, &plain, &err) && err.fault == FAULT_NOINPUT && err.sys == EBADF,
		"no descriptor: %s", err.text);
	message_done(&m);

	error_clear(&err);
	m.fd = open("/dev/full", O_RDWR);
	memset(strbuf_reserve(&m.memory, MESSAGE_MEMORY), 'x', MESSAGE_MEMORY);
	strbuf_advance(&m.memory, MESSAGE_MEMORY);
	m.facts.body_size = MESSAGE_MEMORY;
	ok(message_add_body(&m, "y", 1, &err) && m.facts.body_size == MESSAGE_MEMORY + 1,
		"a full disk: goes on elsewhere (%s)", err.text);
	message_reader_init(&r, &m);
	ok(message_reader_get(&r, all, sizeof(all), &err) == MESSAGE_MEMORY + 3 && all[0] == '\r' &&
			all[2] == 'x' && all[MESSAGE_MEMORY + 2] == 'y',
		"and nothing is lost");
	message_done(&m);

	error_clear(&err);
	m.fd = open("/dev/null", O_RDONLY);
	memset(strbuf_reserve(&m.memory, MESSAGE_MEMORY), 'x', MESSAGE_MEMORY);
	strbuf_advance(&m.memory, MESSAGE_MEMORY);
	m.facts.body_size = MESSAGE_MEMORY + MESSAGE_RESCUE;
	ok(!message_add_body(&m, "x", 1, &err) && err.fault == FAULT_IO,
		"what cannot be read back is an error: %s", err.text);
	strbuf_clear(&m.memory);
	m.facts.body_size = 5;
	error_clear(&err);
	message_reader_init(&r, &m);
	ok(message_reader_get(&r, c, sizeof(c), &err) == -1 && err.fault == FAULT_IO,
		"a temporary file that became shorter: %s", err.text);
	close(m.fd);
	m.fd = 999;
	error_clear(&err);
	message_reader_init(&r, &m);
	ok(message_reader_get(&r, c, sizeof(c), &err) == -1 && err.fault == FAULT_IO &&
			err.sys == EBADF,
		"a temporary file that cannot be read: %s", err.text);
	m.fd = -1;
	message_done(&m);
}

static void
on_alarm(int sig)
{
	(void)sig;
}

/* A pipe whose writer pauses, with signals coming, and a non-blocking one. */
static void
try_pipe(int flags)
{
	struct sigaction act = { .sa_handler = on_alarm }, old;
	struct message m = MESSAGE_NONE;
	struct error err = ERROR_NONE;
	struct strbuf out = STRBUF_INIT(1 << 16);
	int ends[2];
	pid_t pid;

	if (pipe2(ends, flags))
		abort();
	/* before the child, which may be quick, sends the first one */
	sigaction(SIGALRM, &act, &old);
	pid = fork();
	if (!pid) {
		static const char *const pieces[] = { "Subj", "ect: s\r", "\n\r", "\nbo", "dy\r",
			"\r\n", "\0.\r", ".\r" };

		for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
			usleep(3000);
			kill(getppid(), SIGALRM);
			if (write(ends[1], pieces[i], i == 6 ? 3 : strlen(pieces[i])) < 0)
				_exit(1);
		}
		_exit(0);
	}
	close(ends[1]);
	ok(message_read(&m, ends[0], &plain, &err), "read a slow pipe");
	waitpid(pid, NULL, 0);
	sigaction(SIGALRM, &old, NULL);
	take_all(&m, 64, &out);
	same(out.s, out.len, "Subject: s\r\n\r\nbody\r\n.\r\n", "what came through it");
	close(ends[0]);
	message_done(&m);
	strbuf_done(&out);
}

/* Behind the dot nothing is waited for: the writer keeps its end open. */
static void
try_dot(void)
{
	const struct message_reading how = { .dot_ends = true };
	struct message m = MESSAGE_NONE;
	struct error err = ERROR_NONE;
	struct strbuf out = STRBUF_INIT(1 << 16);
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) || write(ends[1], "S: s\n\nx\n.\nafter\n", 16) != 16)
		abort();
	ok(message_read(&m, ends[0], &how, &err), "read to the dot");
	take_all(&m, 64, &out);
	same(out.s, out.len, "S: s\r\n\r\nx\r\n", "the dot and what follows are gone");
	message_done(&m);
	close(ends[0]);
	close(ends[1]);
	strbuf_done(&out);
}

static void
write_lines(int fd, unsigned lines, bool crlf)
{
	FILE *f = fdopen(fd, "w");

	fputs(crlf ? "Subject: s\r\n\r\n" : "Subject: s\n\n", f);
	for (unsigned i = 0; i < lines; i++)
		fprintf(f, "line %u with some text in it%s", i, crlf ? "\r\n" : "\n");
	fclose(f);
}

static bool
check_lines(const struct strbuf *out, unsigned lines)
{
	char want[64];
	const char *s = out->s + strlen("Subject: s\r\n\r\n");

	for (unsigned i = 0; i < lines; i++) {
		snprintf(want, sizeof(want), "line %u with some text in it\r\n", i);
		if (strncmp(s, want, strlen(want)) != 0)
			return false;
		s += strlen(want);
	}
	return s == out->s + out->len;
}

/* Long messages through a pipe and from a file, with both line ends. */
static void
try_large(bool crlf)
{
	const unsigned lines = 60000;
	struct message m = MESSAGE_NONE;
	struct error err = ERROR_NONE;
	struct strbuf out = STRBUF_INIT(8 << 20);
	int ends[2], fd = memfd_create("test", MFD_CLOEXEC);

	write_lines(dup(fd), lines, crlf);
	lseek(fd, 0, SEEK_SET);
	ok(message_read(&m, fd, &plain, &err) && m.fd >= 0, "a file%s", crlf ? " with CRLF" : "");
	ok(m.facts.body_size - m.memory.len == 7 * MESSAGE_MEMORY, "the file holds whole blocks");
	take_all(&m, 256 << 10, &out);
	ok(out.len == message_size(&m) && check_lines(&out, lines), "read in blocks");
	take_all(&m, 1001, &out);
	ok(out.len == message_size(&m) && check_lines(&out, lines), "read in odd pieces");
	message_done(&m);
	close(fd);

	if (pipe2(ends, O_CLOEXEC))
		abort();
	if (!fork()) {
		close(ends[0]);
		write_lines(ends[1], lines, crlf);
		_exit(0);
	}
	close(ends[1]);
	ok(message_read(&m, ends[0], &plain, &err), "a pipe%s", crlf ? " with CRLF" : "");
	wait(NULL);
	take_all(&m, 256 << 10, &out);
	ok(out.len == message_size(&m) && check_lines(&out, lines), "what came through");
	close(ends[0]);
	message_done(&m);
	strbuf_done(&out);
}

static void
try_add_body(void)
{
	struct message m = MESSAGE_NONE;
	struct error err = ERROR_NONE;
	struct strbuf out = STRBUF_INIT(4 << 20);
	const char *texts[] = { "one\r", "\ntw", "o", "\r\n", "\r\n", "\xe4\r\nlonger" };
	bool good = true;

	for (size_t i = 0; i < 6; i++) {
		good = good && message_add_body(&m, texts[i], strlen(texts[i]), &err) &&
		       m.facts.body_8bit == (i == 5);
	}
	ok(good && m.facts.body_size == m.memory.len && m.line == 6 && m.facts.longest_line == 6,
		"a body in pieces");
	message_done(&m);
	ok(!m.facts.body_size, "nothing is left of it");

	ok(message_add_body(&m, "abc\r\nd", 6, &err) && m.facts.longest_line == 3,
		"without its CR");
	message_done(&m);
	for (unsigned i = 0; good && i < 100000; i++)
		good = message_add_body(&m, "0123456789\r\n", 12, &err);
	strbuf_add(&m.header, "A: b\r\n", 6);
	take_all(&m, 5000, &out);
	ok(good && m.fd >= 0 && out.len == 1200008 && message_size(&m) == 1200008,
		"memory turns into a file");
	good = memcmp(out.s, "A: b\r\n\r\n", 8) == 0;
	for (unsigned i = 0; good && i < 100000; i++)
		good = memcmp(out.s + 8 + i * 12, "0123456789\r\n", 12) == 0;
	ok(good, "with the same octets");
	message_done(&m);
	strbuf_done(&out);
}

/* A body that begins somewhere in its file, and a file that is somebody else's. */
static void
try_base(void)
{
	const unsigned lines = 20000;
	struct message m = MESSAGE_NONE, view = MESSAGE_NONE;
	struct error err = ERROR_NONE;
	struct strbuf out = STRBUF_INIT(8 << 20);
	char gap[512], zeros[512] = { 0 };
	int fd = memfd_create("test", MFD_CLOEXEC);

	write_lines(dup(fd), lines, false);
	lseek(fd, 0, SEEK_SET);
	m.base = sizeof(gap);
	ok(message_read(&m, fd, &plain, &err) && m.fd >= 0, "read with a base");
	ok(pread(m.fd, gap, sizeof(gap), 0) == (ssize_t)sizeof(gap) &&
			!memcmp(gap, zeros, sizeof(gap)) && pread(m.fd, gap, 6, 512) == 6 &&
			!memcmp(gap, "line 0", 6),
		"the body is behind it");
	take_all(&m, 1001, &out);
	ok(out.len == message_size(&m) && check_lines(&out, lines), "and is read from there");

	view.fd = m.fd;
	view.base = m.base;
	view.borrowed = true;
	view.facts = m.facts;
	view.facts.body_size = 7 * 1000;
	take_all(&view, 4096, &out);
	ok(out.len == message_size(&view) && !strncmp(out.s + 2, "line 0", 6), "a view of it");
	message_done(&view);
	ok(fcntl(m.fd, F_GETFD) >= 0, "does not close what it borrowed");
	message_done(&m);
	close(fd);
	strbuf_done(&out);
}

int
main(void)
{
	try_base();
	try_facts();
	try_failures();
	try_pipe(O_CLOEXEC);
	try_pipe(O_CLOEXEC | O_NONBLOCK);
	try_dot();
	try_large(false);
	try_large(true);
	try_add_body();
	return tap_done();
}
