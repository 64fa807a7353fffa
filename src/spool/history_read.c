#include "history.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "alloc.h"
#include "error.h"
#include "io.h"
#include "spool.h"
#include "state.h"
#include "text.h"

#define BLOCK (64 << 10)

/* Two digits and more at S, a number from LOW to HIGH. */
static bool
digits(const char *s, int n, int low, int high, int *ret)
{
	*ret = 0;
	for (int i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		*ret = *ret * 10 + (s[i] - '0');
	}
	return *ret >= low && *ret <= high;
}

/* "2026-11-24T11:05:09Z" */
static bool
take_time(const char *s, int64_t *ret)
{
	struct tm t = { 0 };

	if (strlen(s) != 20 || s[4] != '-' || s[7] != '-' || s[10] != 'T' || s[13] != ':' ||
		s[16] != ':' || s[19] != 'Z' || !digits(s, 4, 1970, 9999, &t.tm_year) ||
		!digits(s + 5, 2, 1, 12, &t.tm_mon) || !digits(s + 8, 2, 1, 31, &t.tm_mday) ||
		!digits(s + 11, 2, 0, 23, &t.tm_hour) || !digits(s + 14, 2, 0, 59, &t.tm_min) ||
		!digits(s + 17, 2, 0, 60, &t.tm_sec))
		return false;
	t.tm_year -= 1900;
	t.tm_mon--;
	*ret = timegm(&t);
	return true;
}

/* Takes the next "key=value" or word of the line at *AT, ended by NUL on return; quoted values come
 * without their quotes. False at the end, or for what is neither. */
static bool
take_pair(char **at, char *end, char **ret_key, char **ret_value)
{
	char *p = *at, *out;

	while (p < end && *p == ' ')
		p++;
	*ret_key = p;
	while (p < end && *p != ' ' && *p != '=')
		p++;
	*ret_value = p;
	if (p == *ret_key)
		return false;
	if (p == end || *p == ' ') {
		*p = '\0';
		*at = p < end ? p + 1 : p;
		return true;
	}
	*p++ = '\0';
	*ret_value = out = p;
	if (p < end && *p == '"') {
		for (p++; p < end && *p != '"'; p++) {
			if (*p == '\\' && p + 1 < end && (p[1] == '"' || p[1] == '\\'))
				p++;
			*out++ = *p;
		}
		if (p == end)
			return false;
		p++;
		*out = '\0';
		if (p < end && *p != ' ')
			return false;
	} else {
		while (p < end && *p != ' ')
			p++;
		*p = '\0';
	}
	*at = p < end ? p + 1 : p;
	return true;
}

static bool
take_event(const char *value, enum history_event *ret)
{
	for (int i = 0; i < HISTORY_COUNT; i++)
		if (strcmp(value, history_name((enum history_event)i)) == 0) {
			*ret = (enum history_event)i;
			return true;
		}
	return false;
}

/* What belongs to the recipient that was named last. */
static bool
take_of_recipient(struct history_line *l, const char *key, const char *value)
{
	struct history_recipient *r = l->count ? &l->recipients[l->count - 1] : NULL;
	uint64_t code;

	if (strcmp(key, "to") == 0) {
		l->recipients = xreallocarray(l->recipients, l->count + 1, sizeof(*l->recipients));
		l->recipients[l->count++] = (struct history_recipient){ value, "", "", "", 0 };
		return true;
	}
	if (!r)
		return true;
	if (strcmp(key, "outcome") == 0)
		r->outcome = value;
	else if (strcmp(key, "enhanced") == 0)
		r->enhanced = value;
	else if (strcmp(key, "text") == 0)
		r->text = value;
	else if (strcmp(key, "code") == 0 && text_number(value, 0, 999, &code))
		r->code = (int)code;
	return true;
}

static bool
take_value(struct history_line *l, const char *key, const char *value, bool *ret_event)
{
	const struct {
		const char *key, **at;
	} texts[] = { { "id", &l->id }, { "account", &l->account },
		{ "message_id", &l->message_id }, { "from", &l->sender }, { "host", &l->host },
		{ "queue_id", &l->queue_id }, { "note", &l->text } };
	uint64_t number;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (strcmp(key, texts[i].key) == 0) {
			*texts[i].at = value;
			return true;
		}
	if (strcmp(key, "event") == 0)
		return *ret_event = take_event(value, &l->event);
	if (strcmp(key, "uid") == 0) {
		l->uid = (uid_t)-1;
		if (!text_number(value, 0, UINT32_MAX - 1, &number))
			return false;
		l->uid = (uid_t)number;
		return true;
	}
	if (strcmp(key, "left_out") == 0 && text_number(value, 0, SIZE_MAX, &number))
		l->left_out = number;
	return take_of_recipient(l, key, value);
}

bool
history_parse(char *line, size_t n, struct history_line *ret)
{
	char *at = line, *end = line + n, *key, *value;
	bool event = false, good;

	*ret = (struct history_line){ .uid = (uid_t)-1,
		.id = "",
		.account = "",
		.message_id = "",
		.sender = "",
		.host = "",
		.queue_id = "",
		.text = "" };
	if (memchr(line, '\0', n) || text_has_control(line, n))
		return false;
	good = take_pair(&at, end, &key, &value) && take_time(key, &ret->when);
	while (good && at < end) {
		good = take_pair(&at, end, &key, &value) && take_value(ret, key, value, &event);
	}
	/* nobody's line is everybody's to see: a line says whose it is */
	return good && event && ret->uid != (uid_t)-1;
}

/* Addresses are the same: the domain without regard to ASCII case. */
static bool
same_address(const char *a, const char *b)
{
	const char *at = strrchr(a, '@'), *other = strrchr(b, '@');

	if (!at || !other)
		return !at && !other && strcmp(a, b) == 0;
	return at - a == other - b && strncmp(a, b, (size_t)(at - a)) == 0 &&
	       strcasecmp(at, other) == 0;
}

static bool
same_message_id(const char *has, const char *want)
{
	size_t n = strlen(has), m = strlen(want);

	if (n > 2 && *has == '<' && has[n - 1] == '>')
		has++, n -= 2;
	if (m > 2 && *want == '<' && want[m - 1] == '>')
		want++, m -= 2;
	return n == m && strncmp(has, want, n) == 0;
}

static bool
has_address(const struct history_line *l, const char *address)
{
	if (same_address(l->sender, address))
		return true;
	for (size_t i = 0; i < l->count; i++)
		if (same_address(l->recipients[i].address, address))
			return true;
	return false;
}

static bool
fits(const struct history_line *l, const struct history_filter *f)
{
	return (f->everybody || l->uid == f->uid) && l->when >= f->since &&
	       (!f->id || strcmp(l->id, f->id) == 0) &&
	       (!f->message_id || same_message_id(l->message_id, f->message_id)) &&
	       (!f->address || has_address(l, f->address));
}

/* A walk through one file. */
struct walk {
	const struct history_filter *filter;
	bool (*each)(void *ctx, const struct history_line *line);
	void *ctx;
	bool ended; /* by each */
};

static void
take_line(struct walk *w, char *line, size_t n)
{
	struct history_line l;

	if (history_parse(line, n, &l) && fits(&l, w->filter))
		w->ended = !w->each(w->ctx, &l);
	free(l.recipients);
}

/* Lines that do not fit into the buffer are passed over. */
static bool
read_file(int fd, struct walk *w)
{
	char *buffer = xmalloc(BLOCK + 1), *lf, *line;
	size_t have = 0;
	bool skipping = false;
	ssize_t n = 0;

	while (!w->ended && (n = io_read(fd, buffer + have, BLOCK - have)) > 0) {
		have += (size_t)n;
		line = buffer;
		while (!w->ended && (lf = memchr(line, '\n', (size_t)(buffer + have - line)))) {
			*lf = '\0';
			if (!skipping)
				take_line(w, line, (size_t)(lf - line));
			skipping = false;
			line = lf + 1;
		}
		have -= (size_t)(line - buffer);
		memmove(buffer, line, have);
		if (have == BLOCK) {
			skipping = true;
			have = 0;
		}
	}
	free(buffer);
	return n >= 0;
}

/* Opens the files that there are, the oldest first; none moves meanwhile. */
static void
open_files(int dir, int fds[3])
{
	struct stat st, named;
	int now;

	for (int i = 0; i < 10; i++) {
		now = fds[2] = state_open(dir, HISTORY_NAME, O_RDONLY);
		if (now >= 0)
			(void)flock(now, LOCK_SH);
		if (now < 0 ||
			(fstat(now, &st) == 0 &&
				fstatat(dir, HISTORY_NAME, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
				st.st_ino == named.st_ino))
			break;
		close(now);
		fds[2] = -1;
	}
	fds[1] = state_open(dir, HISTORY_NAME ".1", O_RDONLY);
	fds[0] = state_open(dir, HISTORY_NAME ".2", O_RDONLY);
	if (fds[2] >= 0)
		(void)flock(fds[2], LOCK_UN);
}

bool
history_read(struct spool *s, const struct history_filter *filter,
	bool (*each)(void *ctx, const struct history_line *line), void *ctx, struct error *err)
{
	struct walk w = { filter, each, ctx, false };
	int dir = state_directory(s, NULL, err), fds[3];
	bool good = true;

	if (dir < 0)
		return false;
	open_files(dir, fds);
	for (int i = 0; i < 3; i++) {
		if (fds[i] < 0)
			continue;
		if (good && !w.ended && !read_file(fds[i], &w))
			good = error_sys(err, FAULT_IO, errno, "unable to read the history");
		close(fds[i]);
	}
	close(dir);
	return good;
}
