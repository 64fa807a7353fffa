/* Trust anchors on demand: of a store only those are parsed that the peer's chain names; the whole
 * store is the fallback, so that a refusal is always GnuTLS's own. */
#pragma once

#include <gnutls/gnutls.h>
#include <stdbool.h>

struct error;
struct strbuf;

struct trust;

/* Opens WHAT: "system", or a PEM file with trust anchors. CRL may be NULL. Nothing is parsed beyond
 * what must be checked early: a named file must hold at least one certificate, a CRL file at least
 * one list. NULL with FAULT_CONFIG or FAULT_NOINPUT. */
struct trust *trust_open(const char *what, const char *crl, struct error *err)
	__attribute__((warn_unused_result));
void trust_free(struct trust *t);
/* Appends what tells this trust from any other (file, its state on the disk, CRL), as fields of
 * memo.h. False where that cannot be known: a system's store that is no file. */
bool trust_identify(const struct trust *t, struct strbuf *out);

/* Verifies the chain that the peer of SESSION has sent: for the purpose serverAuth, for NAME (a
 * host name, or an address in text form; NULL: the caller has seen to the name), with the profile
 * of the session's priorities, CRLs and stapled OCSP responses, by gnutls_certificate_verify_peers.
 * CRED are the session's credentials, always the same ones for one trust: their trust list is
 * replaced. Sets *RET_STATUS to gnutls_certificate_status_t bits, 0 when all is good. False only
 * when verification could not be carried out. */
bool trust_verify(struct trust *t, gnutls_session_t session, gnutls_certificate_credentials_t cred,
	const char *name, unsigned *ret_status, struct error *err)
	__attribute__((warn_unused_result));
