#include "part.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "alloc.h"
#include "error.h"
#include "message.h"
#include "mime.h"

#define RANDOM_OCTETS 24
#define FEED          (32 << 10) /* octets encoded at a time */

static const char *const encodings[] = {
	[ENCODING_7BIT] = "7bit",
	[ENCODING_8BIT] = "8bit",
	[ENCODING_QP] = "quoted-printable",
	[ENCODING_BASE64] = "base64",
};
_Static_assert(sizeof(encodings) / sizeof(*encodings) == ENCODING_COUNT, "one name each");

bool
multipart_init(struct multipart *mp, struct error *err)
{
	unsigned char octets[RANDOM_OCTETS];
	struct strbuf text = STRBUF_INIT(sizeof(mp->boundary) - 1);

	*mp = (struct multipart){ 0 };
	if (getrandom(octets, sizeof(octets), 0) != (ssize_t)sizeof(octets))
		return error_sys(err, FAULT_SYSTEM, errno, "unable to get random octets");
	strbuf_adds(&text, "=_");
	mime_add_base64(&text, octets, sizeof(octets));
	memcpy(mp->boundary, text.s, text.len + 1);
	strbuf_done(&text);
	return true;
}

void
multipart_add_type(const struct multipart *mp, struct strbuf *out, const char *subtype)
{
	strbuf_addf(out, "multipart/%s;\r\n boundary=\"%s\"", subtype, mp->boundary);
}

static bool
delimit(struct multipart *mp, struct message *m, const char *end, struct error *err)
{
	struct strbuf line = STRBUF_INIT(128);
	bool good;

	/* the line end in front belongs to the delimiter (RFC 2046 5.1.1) */
	strbuf_addf(
		&line, "%s--%s%s\r\n", mp->begun && !mp->line_end ? "\r\n" : "", mp->boundary, end);
	mp->begun = true;
	good = message_add_body(m, line.s, line.len, err);
	strbuf_done(&line);
	return good;
}

bool
multipart_next(
	struct multipart *mp, struct message *m, const struct strbuf *header, struct error *err)
{
	if (!delimit(mp, m, "", err))
		return false;
	mp->line_end = false;
	return message_add_body(m, header->s, header->len, err) &&
	       message_add_body(m, "\r\n", 2, err);
}

bool
multipart_end(struct multipart *mp, struct message *m, struct error *err)
{
	return delimit(mp, m, "--", err);
}

void
part_add_encoding(struct strbuf *out, enum encoding encoding)
{
	strbuf_addf(out, "Content-Transfer-Encoding: %s\r\n", encodings[encoding]);
}

struct part_writer {
	struct message *m;
	enum encoding encoding;
	struct mime_qp qp;
	struct mime_base64 base64;
	struct strbuf out;
};

struct part_writer *
part_writer_new(struct message *m, enum encoding encoding)
{
	struct part_writer *w = xcalloc(1, sizeof(*w));

	w->m = m;
	w->encoding = encoding;
	mime_qp_init(&w->qp);
	strbuf_init(&w->out, 8 * FEED);
	return w;
}

static bool
flush(struct part_writer *w, struct error *err)
{
	bool good = message_add_body(w->m, w->out.s, w->out.len, err);

	strbuf_clear(&w->out);
	return good;
}

static bool
write_piece(struct part_writer *w, const char *s, size_t n, struct error *err)
{
	switch (w->encoding) {
	case ENCODING_QP:
		mime_qp_feed(&w->qp, &w->out, s, n);
		break;
	case ENCODING_BASE64:
		mime_base64_feed(&w->base64, &w->out, s, n);
		break;
	case ENCODING_7BIT:
	case ENCODING_8BIT:
	case ENCODING_COUNT:
		strbuf_add(&w->out, s, n);
		break;
	}
	return w->out.len < FEED || flush(w, err);
}

bool
part_write(struct part_writer *w, const char *s, size_t n, bool lf_ends, struct error *err)
{
	const char *lf;
	size_t part;

	while (n) {
		part = n < FEED ? n : FEED;
		lf = lf_ends ? memchr(s, '\n', part) : NULL;
		if (lf)
			part = (size_t)(lf - s);
		if (part && !write_piece(w, s, part, err))
			return false;
		if (lf && !write_piece(w, "\r\n", 2, err))
			return false;
		s += part + (lf != NULL);
		n -= part + (lf != NULL);
	}
	return true;
}

bool
part_writer_end(struct part_writer *w, bool good, struct error *err)
{
	if (w->encoding == ENCODING_QP)
		mime_qp_end(&w->qp, &w->out);
	if (w->encoding == ENCODING_BASE64)
		mime_base64_end(&w->base64, &w->out);
	good = good && flush(w, err);
	strbuf_done(&w->out);
	free(w);
	return good;
}

bool
part_copy(const struct message *from, struct message *m, enum encoding encoding, bool lf_ends,
	struct error *err)
{
	struct message_reader r = { from, from->header.len + 2 };
	struct part_writer *w = part_writer_new(m, encoding);
	char *block = xmalloc(FEED);
	bool good = true;
	ssize_t got;

	while (good && (got = message_reader_get(&r, block, FEED, err)) != 0)
		good = got > 0 && part_write(w, block, (size_t)got, lf_ends, err);
	free(block);
	return part_writer_end(w, good, err);
}

void
part_count_add(struct part_count *c, const char *s, size_t n)
{
	c->size += n;
	for (; n; s++, n--) {
		c->costly += ((unsigned char)*s < 32 && *s != '\t' && *s != '\r' && *s != '\n') ||
			     (unsigned char)*s > 126 || *s == '=';
		c->lf += *s == '\n';
		c->cr |= *s == '\r';
		c->nul |= !*s;
	}
}

bool
part_prefers_qp(const struct part_count *c)
{
	uint64_t qp = c->size + 2 * c->costly, base64 = (c->size + 2) / 3 * 4;

	/* a soft line break each 75 octets, a line end each 76 */
	return qp + qp / 75 * 3 <= base64 + base64 / 76 * 2;
}
