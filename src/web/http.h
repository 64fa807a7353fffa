/* One request over HTTPS, made by libcurl in a child process that ends with its answer: the library
 * is loaded there only, and what the server says is parsed there. Nothing else in the program
 * speaks HTTP. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "child.h"
#include "strbuf.h"

struct error;

#define HTTP_MAX     (64 << 10) /* octets of an answer, and of what is made of it */
#define HTTP_URL     2048
#define HTTP_SECONDS 15 /* for one request, unless its deadline is sooner */

/* Makes something of an answer in the child, before it reaches this process: RET gets fields
 * (field.h). False with *ERR when the answer is not what it should be. CTX is what was there at the
 * fork. */
typedef bool http_digest(
	void *ctx, int status, const char *body, size_t n, struct strbuf *ret, struct error *err);

/* A digest: the fields that json_fields (json.h) makes for CTX, a list of keys. All are NULL where
 * the status is not 200 to 299 and the body is no JSON: a proxy's words about an outage, a page. */
http_digest http_json;

/* All strings are borrowed until http_fetch returns. */
struct http_request {
	const char *url;  /* https://...; http:// is refused */
	const char *form; /* the body of a POST, application/x-www-form-urlencoded; NULL: GET */
	const char *user, *password; /* Basic, encoded here (RFC 6749 section 2.3.1), or NULL */
	const char *trust;           /* a file of authorities (PEM); NULL: the system's */
	bool redirects; /* GET: follow up to 3 redirects, to https only; else a 3xx is the answer */
	http_digest *digest; /* NULL: the body as it is */
	void *digest_ctx;
};

struct http_reply {
	int status;           /* 200, 404, ... */
	char url[HTTP_URL];   /* where it came from in the end */
	unsigned retry_after; /* seconds, at most a day, 0: not said (RFC 9110 section 10.2.3) */
	struct strbuf body;   /* or what the digest made of it; secret */
};
#define HTTP_REPLY_NONE                                                                            \
	{                                                                                          \
		.body = STRBUF_INIT_SECRET(HTTP_MAX)                                               \
	}

/* Makes the request. True iff there was an answer, whatever its status, that the digest took.
 * FAULT_TEMPORARY: no name server, no connection, broken off, time is up; FAULT_NOHOST: the name
 * does not exist; FAULT_UNAVAILABLE: the certificate does not fit; FAULT_CONFIG: libcurl is not
 * there (names the package), or the URL is none; FAULT_PROTOCOL: larger than HTTP_MAX, no HTTP,
 * sends to what is not https. Neither the form nor the body of an answer is ever part of an error.
 */
bool http_fetch(const struct http_request *r, int64_t deadline, struct http_reply *ret,
	struct error *err) __attribute__((warn_unused_result));
void http_reply_done(struct http_reply *r);

/* Whether it is one that http_fetch takes: https://, printable ASCII, shorter than HTTP_URL, no
 * user in it. FAULT_CONFIG says why not. */
bool http_check_url(const char *url, struct error *err) __attribute__((warn_unused_result));

/* Appends KEY=VALUE of a form or query to OUT, percent-encoded, with '&' in front unless OUT is
 * empty or ends in '?'. Nothing for a NULL value. */
void http_add_parameter(struct strbuf *out, const char *key, const char *value);
