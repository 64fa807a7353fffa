/* What http.c and http_curl.c share. */
#pragma once

#include "http.h"

/* In the child: makes the request of R within MS milliseconds; RET's body is the answer's. Called
 * once in a process. Errors are those of http_fetch. */
bool http_perform(const struct http_request *r, int ms, struct http_reply *ret, struct error *err)
	__attribute__((warn_unused_result));

/* The host of a URL, and its port if it is named, for a message. OUT holds 300 octets. */
#define HTTP_HOST 300
const char *http_host(const char *url, char out[HTTP_HOST]);

#define HTTP_RETRY 86400 /* seconds: the longest that an answer may ask to wait */

/* Appends S percent-encoded. (In form.c.) */
void http_add_encoded(struct strbuf *out, const char *s);
