/* What MIME calls things: parameters and media types. */
#include <string.h>
#include <strings.h>

#include "header.h"
#include "mime.h"
#include "strbuf.h"
#include "text.h"

#define COLUMNS    78  /* RFC 5322 2.1.1 */
#define QUOTED_MAX 900 /* of a quoted-string on one line */
#define PIECE_MAX  60  /* of a continuation, RFC 2231 section 3 */

enum shape { SHAPE_TOKEN, SHAPE_QUOTED, SHAPE_EXTENDED };

static bool
is_token(char c)
{
	return c > 32 && c < 127 && !strchr("()<>@,;:\\\"/[]?=", c);
}

/* attribute-char of RFC 2231 section 7. */
static bool
is_plain(char c)
{
	return is_token(c) && !strchr("*'%", c);
}

static enum shape
shape_of(const char *value, size_t n)
{
	enum shape shape = n ? SHAPE_TOKEN : SHAPE_QUOTED;

	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)value[i] < 32 || (unsigned char)value[i] > 126)
			return SHAPE_EXTENDED;
		if (!is_token(value[i]))
			shape = SHAPE_QUOTED;
	}
	return n > QUOTED_MAX ? SHAPE_EXTENDED : shape;
}

/* Where the next octet of OUT stands on its line. */
static size_t
column(const struct strbuf *out)
{
	const char *end = memrchr(out->s, '\n', out->len);

	return end ? out->len - (size_t)(end + 1 - out->s) : out->len;
}

static void
add_quoted(struct strbuf *out, const char *s)
{
	strbuf_addc(out, '"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			strbuf_addc(out, '\\');
		strbuf_addc(out, *s);
	}
	strbuf_addc(out, '"');
}

/* Not by the standard (RFC 2047 section 5 forbids it), but read by all. */
static void
add_fallback(struct strbuf *out, const char *name, const char *value, size_t n)
{
	struct strbuf words = STRBUF_INIT(out->cap);
	char *blank;

	header_add_phrase(&words, value, n);
	strbuf_addf(out, ";\r\n %s=\"", name);
	for (const char *s = words.s;; s = blank + 1) {
		blank = strchrnul(s, ' ');
		strbuf_add(out, s, (size_t)(blank - s));
		if (!*blank)
			break;
		strbuf_adds(out, "\r\n ");
	}
	strbuf_addc(out, '"');
	strbuf_done(&words);
}

/* Puts VALUE's next characters in percent encoding to PIECE, at most MAX octets of it. */
static size_t
encode_piece(struct strbuf *piece, const char *value, size_t n, size_t max, bool utf8)
{
	size_t taken = 0, len, cost;
	uint32_t code;

	strbuf_clear(piece);
	for (; taken < n; taken += len) {
		len = utf8 ? text_utf8_decode(value + taken, n - taken, &code) : 1;
		cost = len == 1 && is_plain(value[taken]) ? 1 : 3 * len;
		if (piece->len + cost > max)
			break;
		for (size_t i = 0; i < len; i++) {
			if (cost == 1)
				strbuf_addc(piece, value[taken]);
			else
				strbuf_addf(piece, "%%%02X", (unsigned char)value[taken + i]);
		}
	}
	return taken;
}

static void
add_extended(struct strbuf *out, const char *name, const char *value, size_t n)
{
	const bool utf8 = text_is_utf8(value, n);
	const char *charset = utf8 ? "utf-8" : "unknown-8bit";
	const size_t frame = strlen(name) + strlen(charset) + 10; /* SP NAME*0*=...''; */
	struct strbuf piece = STRBUF_INIT(COLUMNS + 12);
	size_t taken, max = frame + 12 < COLUMNS ? COLUMNS - frame : 12;

	if (max > PIECE_MAX)
		max = PIECE_MAX;
	taken = encode_piece(&piece, value, n, max, utf8);
	if (taken == n) {
		strbuf_addf(out, ";\r\n %s*=%s''%s", name, charset, piece.s);
		strbuf_done(&piece);
		return;
	}
	for (unsigned i = 0;; i++) {
		strbuf_addf(out, ";\r\n %s*%u*=%s%s%s", name, i, i ? "" : charset, i ? "" : "''",
			piece.s);
		value += taken, n -= taken;
		if (!n)
			break;
		taken = encode_piece(&piece, value, n, max, utf8);
	}
	strbuf_done(&piece);
}

void
mime_add_parameter(struct strbuf *out, const char *name, const char *value, bool fallback)
{
	const size_t n = strlen(value), room = strlen(name) + n + 6; /* ; SP =""; */
	const enum shape shape = shape_of(value, n);

	if (shape == SHAPE_EXTENDED) {
		if (fallback && n <= QUOTED_MAX)
			add_fallback(out, name, value, n);
		add_extended(out, name, value, n);
		return;
	}
	strbuf_addf(out, "%s%s=", column(out) + room > COLUMNS ? ";\r\n " : "; ", name);
	if (shape == SHAPE_TOKEN)
		strbuf_adds(out, value);
	else
		add_quoted(out, value);
}

static const struct {
	const char *ending, *type;
} types[] = {
	{ "7z", "application/x-7z-compressed" },
	{ "aac", "audio/aac" },
	{ "asc", "text/plain" },
	{ "avi", "video/x-msvideo" },
	{ "bmp", "image/bmp" },
	{ "bz2", "application/x-bzip2" },
	{ "c", "text/x-c" },
	{ "conf", "text/plain" },
	{ "css", "text/css" },
	{ "csv", "text/csv" },
	{ "deb", "application/vnd.debian.binary-package" },
	{ "diff", "text/x-diff" },
	{ "doc", "application/msword" },
	{ "docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document" },
	{ "eml", "message/rfc822" },
	{ "epub", "application/epub+zip" },
	{ "flac", "audio/flac" },
	{ "gif", "image/gif" },
	{ "gz", "application/gzip" },
	{ "h", "text/x-c" },
	{ "heic", "image/heic" },
	{ "htm", "text/html" },
	{ "html", "text/html" },
	{ "ics", "text/calendar" },
	{ "ini", "text/plain" },
	{ "jpeg", "image/jpeg" },
	{ "jpg", "image/jpeg" },
	{ "js", "text/javascript" },
	{ "json", "application/json" },
	{ "log", "text/plain" },
	{ "m4a", "audio/mp4" },
	{ "md", "text/markdown" },
	{ "mkv", "video/x-matroska" },
	{ "mov", "video/quicktime" },
	{ "mp3", "audio/mpeg" },
	{ "mp4", "video/mp4" },
	{ "odp", "application/vnd.oasis.opendocument.presentation" },
	{ "ods", "application/vnd.oasis.opendocument.spreadsheet" },
	{ "odt", "application/vnd.oasis.opendocument.text" },
	{ "oga", "audio/ogg" },
	{ "ogg", "audio/ogg" },
	{ "ogv", "video/ogg" },
	{ "patch", "text/x-diff" },
	{ "pdf", "application/pdf" },
	{ "png", "image/png" },
	{ "ppt", "application/vnd.ms-powerpoint" },
	{ "pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation" },
	{ "ps", "application/postscript" },
	{ "py", "text/x-python" },
	{ "rtf", "application/rtf" },
	{ "sh", "text/x-shellscript" },
	{ "sig", "application/pgp-signature" },
	{ "sql", "application/sql" },
	{ "svg", "image/svg+xml" },
	{ "tar", "application/x-tar" },
	{ "tgz", "application/gzip" },
	{ "tif", "image/tiff" },
	{ "tiff", "image/tiff" },
	{ "toml", "application/toml" },
	{ "txt", "text/plain" },
	{ "vcf", "text/vcard" },
	{ "wav", "audio/x-wav" },
	{ "webm", "video/webm" },
	{ "webp", "image/webp" },
	{ "xls", "application/vnd.ms-excel" },
	{ "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" },
	{ "xml", "application/xml" },
	{ "xz", "application/x-xz" },
	{ "yaml", "application/yaml" },
	{ "yml", "application/yaml" },
	{ "zip", "application/zip" },
	{ "zst", "application/zstd" },
};

const char *
mime_type(const char *file_name)
{
	const char *dot = strrchr(file_name, '.'), *slash = strrchr(file_name, '/');

	/* ".bashrc" has no ending */
	if (dot && dot > (slash ? slash + 1 : file_name))
		for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
			if (strcasecmp(dot + 1, types[i].ending) == 0)
				return types[i].type;
	return "application/octet-stream";
}
