/* Trust anchors on demand: of the system's store only those are parsed that the peer's chain names;
 * the whole store is the fallback, so that a refusal is always GnuTLS's own (DESIGN section 7). */
#pragma once

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdbool.h>

struct error;

struct trust;

/* Opens WHAT: "system", or a PEM file with trust anchors. CRL may be NULL. Nothing is parsed beyond
 * what must be checked early: a named file must hold at least one certificate, a CRL file at least
 * one list. NULL with FAULT_CONFIG or FAULT_NOINPUT. */
struct trust *trust_open(const char *what, const char *crl, struct error *err)
	__attribute__((warn_unused_result));
void trust_free(struct trust *t);

/* Verifies CHAIN (LEN certificates, leaf first) for the purpose serverAuth and for NAME (a host
 * name, or an address in text form), with FLAGS of gnutls_certificate_verify_flags. Sets *RET_STATUS
 * to GnuTLS's gnutls_certificate_status_t bits, 0 when it is good. False only when verification could
 * not be carried out. */
bool trust_verify(struct trust *t, gnutls_x509_crt_t *chain, unsigned len, const char *name,
	unsigned flags, unsigned *ret_status, struct error *err) __attribute__((warn_unused_result));
