/* What was received, written down. NNNNNN.json appears last: when it is there, all is there. */
#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io.h"
#include "smarthost.h"
#include "text.h"

bool
record_open(struct record *r, const struct config *c)
{
	int directory;

	r->used = 0;
	r->size = r->bare_lf = r->bare_cr = r->nul = r->line = r->longest = 0;
	r->eight_bit = r->failed = false;
	r->state = '\n';
	r->config = c;
	r->fd = -1;
	if (gnutls_hash_init(&r->hash, GNUTLS_DIG_SHA256) < 0)
		return false;
	if (!c->record || c->discard)
		return true;
	snprintf(r->temporary, sizeof(r->temporary), ".incoming.%d", (int)getpid());
	directory = open(c->record, O_DIRECTORY | O_PATH | O_CLOEXEC);
	if (directory >= 0) {
		r->fd = openat(
			directory, r->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
		close(directory);
	}
	if (r->fd < 0)
		gnutls_hash_deinit(r->hash, NULL);
	return r->fd >= 0;
}

static void
write_out(struct record *r)
{
	gnutls_hash(r->hash, r->buffer, r->used);
	if (r->fd >= 0 && !io_write_full(r->fd, r->buffer, r->used))
		r->failed = true;
	r->used = 0;
}

/* Counts what a line end, a NUL or an octet above 127 out of its place is. */
static void
count(struct record *r, const char *s, size_t n)
{
	unsigned char bits = 0;
	size_t i, stop;
	const char *lf;

	for (size_t at = 0; at < n; at = stop + (stop < n)) {
		lf = memchr(s + at, '\n', n - at);
		stop = lf ? (size_t)(lf - s) : n;
		for (i = at; i < stop; i++)
			bits |= (unsigned char)s[i];
		for (i = at; i < stop; i++)
			r->nul += !s[i];
		if (stop > at) {
			/* a CR is good only as the last octet before the LF */
			r->bare_cr += r->state == '\r';
			for (i = at; i + 1 < stop; i++)
				r->bare_cr += s[i] == '\r';
			r->state = s[stop - 1];
			r->line += stop - at;
		}
		if (!lf)
			break;
		r->bare_lf += r->state != '\r';
		r->line -= r->state == '\r';
		if (r->line > r->longest)
			r->longest = r->line;
		r->line = 0;
		r->state = '\n';
	}
	r->eight_bit |= bits > 127;
}

void
record_add(struct record *r, const char *data, size_t n)
{
	size_t part;

	r->size += n;
	count(r, data, n);
	while (n) {
		part = sizeof(r->buffer) - r->used < n ? sizeof(r->buffer) - r->used : n;
		memcpy(r->buffer + r->used, data, part);
		r->used += part;
		data += part;
		n -= part;
		if (r->used == sizeof(r->buffer))
			write_out(r);
	}
}

static void
remove_temporary(struct record *r)
{
	char name[4096];

	if (r->fd < 0)
		return;
	close(r->fd);
	r->fd = -1;
	snprintf(name, sizeof(name), "%s/%s", r->config->record, r->temporary);
	unlink(name);
}

void
record_discard(struct record *r)
{
	gnutls_hash_deinit(r->hash, NULL);
	remove_temporary(r);
}

/* A JSON string, printable where the octets are no UTF-8. */
static json_t *
text(const char *s)
{
	char printable[2048];

	if (!s)
		return json_null();
	if (text_is_utf8(s, strlen(s)))
		return json_string(s);
	text_printable(printable, sizeof(printable), s, strlen(s));
	return json_string(printable);
}

/* "SIZE=100 BODY=8BITMIME" as an object; a word without '=' has the value true. */
static json_t *
parameters(const char *s)
{
	json_t *all = json_object();
	const char *word;
	char name[64], value[1024];
	size_t n, equals;

	while (parameter_next(&s, &word, &n)) {
		for (equals = 0; equals < n && word[equals] != '='; equals++)
			;
		snprintf(name, sizeof(name), "%.*s", (int)equals, word);
		for (char *c = name; *c; c++)
			if (*c >= 'a' && *c <= 'z')
				*c = (char)(*c - 'a' + 'A');
		snprintf(value, sizeof(value), "%.*s", (int)(n - equals ? n - equals - 1 : 0),
			word + equals + (equals < n));
		json_object_set_new(all, name, equals < n ? text(value) : json_true());
	}
	return all;
}

static json_t *
path_object(const struct path *p)
{
	return json_pack(
		"{so so}", "address", text(p->address), "parameters", parameters(p->parameters));
}

static json_t *
describe(struct session *s, const char *via, const char *hash)
{
	const struct record *r = &s->record;
	json_t *recipients = json_array(), *all;

	for (size_t i = 0; i < s->recipient_count; i++)
		json_array_append_new(recipients, path_object(&s->recipients[i]));
	all = json_pack("{so so ss ss so so so so sb}", "mail", path_object(&s->sender), "rcpt",
		recipients, "ehlo", s->ehlo, "greeting", s->esmtp ? "EHLO" : "HELO", "mechanism",
		text(s->mechanism), "user", text(s->user), "tls",
		text(s->link.tls
				? gnutls_protocol_get_name(gnutls_protocol_get_version(s->link.tls))
				: NULL),
		"client_certificate", text(s->client_name), "resumed",
		s->link.tls && gnutls_session_is_resumed(s->link.tls));
	json_object_update_new(
		all, json_pack("{ss sI sI ss sI sI sI sI sb}", "via", via, "chunks",
			     (json_int_t)s->chunks, "size", (json_int_t)r->size, "sha256", hash,
			     "bare_lf", (json_int_t)r->bare_lf, "bare_cr", (json_int_t)r->bare_cr,
			     "nul", (json_int_t)r->nul, "longest_line", (json_int_t)r->longest,
			     "eight_bit", r->eight_bit));
	/* this flight is not answered yet */
	json_object_update_new(all,
		json_pack("{sI sI sI sb ss}", "flights", (json_int_t)s->link.flights + 1,
			"connection", (json_int_t)s->connection, "message", (json_int_t)s->messages,
			"pipelined_unasked", s->pipelined_early, "peer", s->peer));
	return all;
}

static void
hexadecimal(const unsigned char *s, size_t n, char *out)
{
	for (size_t i = 0; i < n; i++) {
		out[2 * i] = "0123456789abcdef"[s[i] >> 4];
		out[2 * i + 1] = "0123456789abcdef"[s[i] & 15];
	}
	out[2 * n] = '\0';
}

static bool
put_files(struct record *r, unsigned number, json_t *all)
{
	char from[4096], to[4096];
	bool good;

	if (r->fd >= 0) {
		snprintf(from, sizeof(from), "%s/%s", r->config->record, r->temporary);
		snprintf(to, sizeof(to), "%s/%06u.eml", r->config->record, number);
		if (close(r->fd) < 0 || rename(from, to) < 0)
			r->failed = true;
		r->fd = -1;
		if (r->failed)
			return false;
	}
	snprintf(from, sizeof(from), "%s/.envelope.%d", r->config->record, (int)getpid());
	snprintf(to, sizeof(to), "%s/%06u.json", r->config->record, number);
	good = json_dump_file(all, from, JSON_INDENT(2) | JSON_PRESERVE_ORDER) == 0 &&
	       rename(from, to) == 0;
	if (!good)
		unlink(from);
	return good;
}

unsigned
record_commit(struct session *s, const char *via)
{
	struct record *r = &s->record;
	unsigned char digest[32];
	char hash[65];
	unsigned number;
	json_t *all;
	bool good = true;

	write_out(r);
	s->recording = false;
	gnutls_hash_deinit(r->hash, digest);
	if (r->failed) {
		remove_temporary(r);
		return 0;
	}
	r->bare_cr += r->state == '\r';
	if (r->line > r->longest)
		r->longest = r->line;
	hexadecimal(digest, sizeof(digest), hash);
	number = __atomic_add_fetch(&s->config->shared->records, 1, __ATOMIC_SEQ_CST);
	if (s->config->record) {
		all = describe(s, via, hash);
		good = all && put_files(r, number, all);
		json_decref(all);
	}
	if (!good)
		return 0;
	__atomic_add_fetch(&s->config->shared->accepted, 1, __ATOMIC_SEQ_CST);
	return number;
}
