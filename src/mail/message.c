#include "message.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "io.h"
#include "message_store.h"
#include "text.h"

void
message_init(struct message *m)
{
	*m = (struct message)MESSAGE_NONE;
}

void
message_done(struct message *m)
{
	/* a zeroed message owns nothing, and its fd is not ours to close */
	if (!m || !m->memory.cap)
		return;
	strbuf_done(&m->header);
	strbuf_done(&m->memory);
	if (m->fd >= 0 && !m->borrowed)
		close(m->fd);
	message_init(m);
}

bool
message_spill(struct message *m, struct error *err)
{
	if (m->fd < 0) {
		m->fd = io_temporary(m->directory, err);
		if (m->fd < 0)
			return false;
		if (m->base && lseek(m->fd, (off_t)m->base, SEEK_SET) < 0)
			return error_sys(err, FAULT_IO, errno, "unable to use the temporary file");
	}
	if (!io_write_full(m->fd, m->memory.s, m->memory.len))
		return error_sys(err,
			errno == ENOSPC || errno == EDQUOT ? FAULT_TEMPORARY : FAULT_IO, errno,
			"unable to write the temporary file");
	strbuf_clear(&m->memory);
	return true;
}

void
message_take_back(struct message *m, size_t n)
{
	size_t in_memory = n < m->memory.len ? n : m->memory.len;

	strbuf_truncate(&m->memory, m->memory.len - in_memory);
	m->facts.body_size -= n;
	/* the file may be longer than what counts; what is written next goes over the rest */
	if (n > in_memory)
		(void)!lseek(m->fd, -(off_t)(n - in_memory), SEEK_CUR);
}

/* Keeps the length of lines up to date for octets that are appended. */
static void
count_lines(struct message *m, const char *s, size_t n)
{
	const char *end;
	uint64_t len;

	for (; (end = memchr(s, '\n', n)); n -= (size_t)(end + 1 - s), s = end + 1) {
		len = m->line + (uint64_t)(end - s);
		if (len) /* the CR does not count */
			len--;
		if (len > m->facts.longest_line)
			m->facts.longest_line = len;
		m->line = 0;
	}
	m->line += n;
	if (m->line > m->facts.longest_line)
		m->facts.longest_line = m->line;
}

bool
message_add_body(struct message *m, const void *data, size_t n, struct error *err)
{
	const char *s = data;
	size_t part;

	if (!m->facts.body_8bit)
		m->facts.body_8bit = text_is_8bit(s, n);
	count_lines(m, s, n);
	for (; n; s += part, n -= part) {
		if (m->memory.len == MESSAGE_MEMORY && !message_spill(m, err))
			return false;
		part = MESSAGE_MEMORY - m->memory.len;
		if (part > n)
			part = n;
		strbuf_add(&m->memory, s, part);
		m->facts.body_size += part;
	}
	return true;
}

void
message_update_header_facts(struct message *m)
{
	const char *s = m->header.s, *end = s + m->header.len, *lf;

	m->facts.longest_header = 0;
	/* every line ends in CRLF */
	for (; s < end && (lf = memchr(s, '\n', (size_t)(end - s))); s = lf + 1)
		if ((size_t)(lf - s) > m->facts.longest_header + 1)
			m->facts.longest_header = (size_t)(lf - s) - 1;
	m->facts.header_8bit = text_is_8bit(m->header.s, m->header.len);
	m->facts.header_utf8 = m->facts.header_8bit && text_is_utf8(m->header.s, m->header.len);
}

uint64_t
message_size(const struct message *m)
{
	return m->header.len + 2 + m->facts.body_size;
}

void
message_reader_init(struct message_reader *r, const struct message *m)
{
	*r = (struct message_reader){ m, 0 };
}

/* Takes octets of the body from offset AT, which is before its end: at least one, at most N. */
static ssize_t
get_body(const struct message *m, uint64_t at, char *buffer, size_t n, struct error *err)
{
	uint64_t in_file = m->facts.body_size - m->memory.len;
	ssize_t got;

	if (at >= in_file) {
		at -= in_file;
		if (n > m->memory.len - at)
			n = (size_t)(m->memory.len - at);
		memcpy(buffer, m->memory.s + at, n);
		return (ssize_t)n;
	}
	if (n > in_file - at)
		n = (size_t)(in_file - at);
	got = io_pread_full(m->fd, buffer, n, m->base + at);
	if (got < 0)
		error_sys(err, FAULT_IO, errno, "unable to read the temporary file");
	else if ((size_t)got < n)
		error_set(err, FAULT_IO, "unable to read the temporary file: it ends early");
	return got == (ssize_t)n ? got : -1;
}

ssize_t
message_reader_get(struct message_reader *r, void *buffer, size_t n, struct error *err)
{
	const struct message *m = r->m;
	const size_t block = m->header.len;
	const uint64_t size = message_size(m);
	size_t done = 0, part;
	char *to = buffer;
	ssize_t got;

	for (; done < n && r->at < size; done += part, r->at += part) {
		part = n - done;
		if (r->at < block) {
			if (part > block - r->at)
				part = (size_t)(block - r->at);
			memcpy(to + done, m->header.s + r->at, part);
		} else if (r->at < block + 2) {
			part = 1;
			to[done] = "\r\n"[r->at - block];
		} else {
			got = get_body(m, r->at - block - 2, to + done, part, err);
			if (got < 0)
				return -1;
			part = (size_t)got;
		}
	}
	return (ssize_t)done;
}
