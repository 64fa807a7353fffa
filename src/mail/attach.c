/* Files as parts of a message. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "error.h"
#include "io.h"
#include "message.h"
#include "mime.h"
#include "part.h"
#include "text.h"

#define BLOCK (64 << 10)

bool
attachment_open(struct attachment *a, const char *path, struct error *err)
{
	const char *slash = strrchr(path, '/');
	struct stat st;

	*a = (struct attachment){ path, slash ? slash + 1 : path, -1 };
	if (text_has_control(a->name, strlen(a->name)))
		return error_set(err, FAULT_DATA,
			"unable to attach %s: its name has controls or is no UTF-8", path);
	a->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (a->fd < 0)
		return error_sys(err,
			errno == EMFILE || errno == ENFILE ? FAULT_TEMPORARY : FAULT_NOINPUT, errno,
			"unable to attach %s", path);
	if (fstat(a->fd, &st) == 0 && S_ISDIR(st.st_mode))
		return error_sys(err, FAULT_NOINPUT, EISDIR, "unable to attach %s", path);
	return true;
}

void
attachment_close(struct attachment *a)
{
	if (a->fd >= 0)
		close(a->fd);
	a->fd = -1;
}

/* Reads the file in blocks and hands them to TAKE. */
static bool
each_block(const struct attachment *a,
	bool (*take)(void *ctx, const char *s, size_t n, struct error *err), void *ctx,
	struct error *err)
{
	char *block = xmalloc(BLOCK);
	bool good = true;
	ssize_t got;

	while (good && (got = io_read(a->fd, block, BLOCK)) != 0)
		good = got < 0 ? error_sys(err, FAULT_NOINPUT, errno, "unable to read %s", a->path)
			       : take(ctx, block, (size_t)got, err);
	free(block);
	return good;
}

/* Writes the header of the part. */
static bool
begin(const struct attachment *a, struct multipart *mp, struct message *m, const char *type,
	bool utf8, enum encoding encoding, struct error *err)
{
	struct strbuf h = STRBUF_INIT(64 << 10);
	bool good;

	strbuf_addf(&h, "Content-Type: %s%s\r\n", type, utf8 ? "; charset=utf-8" : "");
	part_add_encoding(&h, encoding);
	strbuf_adds(&h, "Content-Disposition: attachment");
	mime_add_parameter(&h, "filename", a->name, true);
	strbuf_adds(&h, "\r\n");
	good = multipart_next(mp, m, &h, err);
	strbuf_done(&h);
	mp->line_end = encoding == ENCODING_BASE64;
	mp->has_8bit |= encoding == ENCODING_8BIT;
	return good;
}

static bool
take_base64(void *ctx, const char *s, size_t n, struct error *err)
{
	return part_write(ctx, s, n, false, err);
}

static bool
write_binary(const struct attachment *a, struct multipart *mp, struct message *m, const char *type,
	struct error *err)
{
	struct part_writer *w;

	if (!begin(a, mp, m, type, false, ENCODING_BASE64, err))
		return false;
	w = part_writer_new(m, ENCODING_BASE64);
	return part_writer_end(w, each_block(a, take_base64, w, err), err);
}

/* Text is kept once before it is written, since all of it decides about the encoding. */
struct kept {
	struct message octets; /* its body is the file as it is */
	struct part_count count;
	struct text_utf8 utf8;
};

static bool
take_kept(void *ctx, const char *s, size_t n, struct error *err)
{
	struct kept *k = ctx;

	part_count_add(&k->count, s, n);
	text_utf8_feed(&k->utf8, s, n);
	return message_add_body(&k->octets, s, n, err);
}

/* What comes out of the decoder must be the file again. Quoted-printable therefore only where LF is
 * the only line end and the charset is certain. */
static bool
write_text(const struct attachment *a, struct multipart *mp, struct message *m, const char *type,
	struct error *err)
{
	struct kept k = { .octets = MESSAGE_NONE };
	enum encoding encoding;
	bool good;

	k.octets.directory = m->directory;
	good = each_block(a, take_kept, &k, err);
	text_utf8_end(&k.utf8);
	encoding = !k.utf8.bad && !k.count.cr && !k.count.nul && part_prefers_qp(&k.count)
			   ? ENCODING_QP
			   : ENCODING_BASE64;
	good = good && begin(a, mp, m, type, !k.utf8.bad, encoding, err) &&
	       part_copy(&k.octets, m, encoding, encoding == ENCODING_QP, err);
	message_done(&k.octets);
	return good;
}

/* RFC 2046 5.2.1: a message inside a message may not be encoded. */
static bool
write_message(const struct attachment *a, struct multipart *mp, struct message *m, const char *type,
	struct error *err)
{
	const struct message_reading how = { .directory = m->directory, .body_only = true };
	struct message inner = MESSAGE_NONE;
	enum encoding encoding;
	bool good = message_read(&inner, a->fd, &how, err);

	if (!good)
		error_prefix(err, "%s", a->path);
	encoding = inner.facts.body_8bit ? ENCODING_8BIT : ENCODING_7BIT;
	good = good && begin(a, mp, m, type, false, encoding, err) &&
	       part_copy(&inner, m, encoding, false, err);
	message_done(&inner);
	return good;
}

bool
attachment_write(struct attachment *a, struct multipart *mp, struct message *m, struct error *err)
{
	const char *type = mime_type(a->name);

	if (strcmp(type, "message/rfc822") == 0)
		return write_message(a, mp, m, type, err);
	if (strncmp(type, "text/", 5) == 0)
		return write_text(a, mp, m, type, err);
	return write_binary(a, mp, m, type, err);
}
