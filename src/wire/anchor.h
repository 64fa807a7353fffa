/* Finds certificates in PEM text and reads their names, without a library and without reading them
 * whole: it is how one trust anchor is found among hundreds. Judges nothing: what it finds is given
 * to GnuTLS, what it overlooks is found when the whole store is loaded. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct octets {
	const uint8_t *s;
	size_t n;
};

/* Sets *ISSUER and *SUBJECT to the encoded names (with tag and length) inside DER, which holds the
 * first N octets of a certificate. 1: done; 0: the names end behind N; -1: no certificate. */
int anchor_names(const uint8_t *der, size_t n, struct octets *issuer, struct octets *subject);

/* Decodes base64 from TEXT until MAX octets are written, TEXT ends, or something comes that is
 * neither base64 nor a blank or a line end. Returns the number of octets written. */
size_t anchor_decode(const char *text, size_t n, uint8_t *out, size_t max);

/* One certificate in PEM text. */
struct anchor_block {
	const char *pem; /* from "-----BEGIN" to the end of the line with "-----END" */
	size_t pem_len;
	const char *body; /* the base64 in it */
	size_t body_len;
};
/* Finds the first certificate at or behind *AT, and moves *AT behind it. */
bool anchor_next(const char **at, const char *end, struct anchor_block *ret);
