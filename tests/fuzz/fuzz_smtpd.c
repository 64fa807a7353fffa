/* The client's side of -bs: a command that is understood is the same when it is written down again,
 * one that is not has a printable reply; content ends where CRLF.CRLF is and nowhere else, in
 * whatever pieces it is read. */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "alloc.h"
#include "error.h"
#include "fuzz.h"
#include "smtpd_client.h"
#include "smtpd_command.h"
#include "strbuf.h"
#include "text.h"

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static void
write_parameters(struct strbuf *out, const struct smtpd_command *c)
{
	static const char *const words[] = { "NEVER", "SUCCESS", "FAILURE", "DELAY" };
	const char *between = " NOTIFY=";

	if (c->size)
		strbuf_addf(out, " SIZE=%llu", (unsigned long long)c->size);
	if (c->smtputf8)
		strbuf_adds(out, " SMTPUTF8");
	if (c->dsn_return)
		strbuf_adds(out, c->dsn_return == DSN_RETURN_FULL ? " RET=FULL" : " RET=HDRS");
	if (c->envid) {
		strbuf_adds(out, " ENVID=");
		dsn_add_xtext(out, c->envid);
	}
	for (size_t i = 0; i < 4; i++)
		if (c->dsn_notify >> i & 1) {
			strbuf_addf(out, "%s%s", between, words[i]);
			between = ",";
		}
	if (c->orcpt && !text_is_8bit(c->orcpt, strlen(c->orcpt))) {
		strbuf_adds(out, " ORCPT=rfc822;");
		dsn_add_xtext(out, c->orcpt);
	}
}

/* MAIL and RCPT, written down as we understood them and read again. */
static void
check_again(const struct smtpd_command *c)
{
	struct strbuf line CLEANUP(strbuf_done) = STRBUF_INIT(1 << 16);
	struct smtpd_command again;
	struct error err = ERROR_NONE;
	bool good;

	check(c->address.local && !c->address.name);
	strbuf_adds(&line, c->verb == SMTPD_MAIL ? "MAIL FROM:<" : "RCPT TO:<");
	check(address_add_smtp(&line, &c->address, false, &err));
	strbuf_addc(&line, '>');
	write_parameters(&line, c);
	good = smtpd_command_parse(line.s, line.len, &again, &err);
	/* escapes make the values longer than they came */
	check(good || (err.code.subject == 5 && line.len > 100));
	if (good) {
		check(again.verb == c->verb && address_equal(&again.address, &c->address));
		check(again.size == c->size && again.smtputf8 == c->smtputf8 &&
			again.dsn_return == c->dsn_return && again.dsn_notify == c->dsn_notify);
		check(same_text(again.envid, c->envid));
		check(!again.orcpt || same_text(again.orcpt, c->orcpt));
	}
	smtpd_command_done(&again);
}

static void
check_command(const char *line, size_t n)
{
	struct smtpd_command c;
	struct error err = ERROR_NONE;

	if (smtpd_command_parse(line, n, &c, &err)) {
		check(!err.fault && c.verb < SMTPD_COUNT && !text_has_control(line, n));
		check(!c.envid || (*c.envid && !text_has_control(c.envid, strlen(c.envid))));
		check(!c.orcpt || (*c.orcpt && !text_has_control(c.orcpt, strlen(c.orcpt))));
		if (c.verb == SMTPD_MAIL || c.verb == SMTPD_RCPT)
			check_again(&c);
	} else {
		check(err.smtp / 100 == 5 && err.code.class == 5);
		check(!text_has_control(err.text, strlen(err.text)));
	}
	smtpd_command_done(&c);
}

static void
take(void *ctx, const char *data, size_t n)
{
	strbuf_add(ctx, data, n);
}

/* The content by the rule: returns where its end was, or 0. */
static size_t
plain_content(const char *s, size_t n, bool lf, struct strbuf *out)
{
	bool start = true;

	for (size_t i = 0; i < n; i++) {
		if (start && s[i] == '.') {
			if (n - i >= 3 && s[i + 1] == '\r' && s[i + 2] == '\n')
				return i + 3;
			if (lf && n - i >= 2 && s[i + 1] == '\n')
				return i + 2;
			start = false;
			continue;
		}
		start = s[i] == '\n' && (lf || (i && s[i - 1] == '\r'));
		strbuf_addc(out, s[i]);
	}
	return 0;
}

static void
check_content(const char *s, size_t n, bool lf, size_t block)
{
	struct strbuf want CLEANUP(strbuf_done) = STRBUF_INIT(1 << 20);
	struct strbuf got CLEANUP(strbuf_done) = STRBUF_INIT(1 << 20);
	struct client c;
	size_t end = plain_content(s, n, lf, &want);
	enum client_event event;
	int fd = memfd_create("content", MFD_CLOEXEC);

	check(fd >= 0 && write(fd, s, n) == (ssize_t)n && lseek(fd, 0, SEEK_SET) == 0);
	client_init(&c, fd, -1);
	c.size = block;
	c.lf = lf;
	event = client_content(&c, take, &got);
	check(event == (end ? CLIENT_READY : CLIENT_END));
	if (end) {
		check(got.len == want.len && !memcmp(got.s, want.s, got.len));
		strbuf_clear(&got);
		client_chunk(&c, n - end, take, &got);
		check(got.len == n - end && !memcmp(got.s, s + end, got.len));
	}
	client_done(&c);
	close(fd);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = xstrndup("", 0), *at, *lf;
	size_t n;

	text = xreallocarray(text, size + 1, 1);
	memcpy(text, data, size);
	text[size] = '\0';
	check_content(text, size, false, 1 + size % 7);
	check_content(text, size, true, 1 + size % 5);
	for (at = text; at < text + size; at = lf + 1) {
		lf = memchr(at, '\n', (size_t)(text + size - at));
		if (!lf)
			break;
		n = (size_t)(lf - at);
		if (n && at[n - 1] == '\r')
			n--;
		at[n] = '\0';
		check_command(at, n);
	}
	free(text);
	return 0;
}
