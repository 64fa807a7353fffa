/* Encryption by systemd-creds, with a key of this machine that only root can read (and the TPM
 * where there is one). The value goes through pipes. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct error;
struct strbuf;

/* Appends to RET what decrypts to VALUE under the same NAME only. FAULT_CONFIG: not root, no
 * systemd-creds, no key; FAULT_TEMPORARY: no answer until DEADLINE. */
bool secret_seal(const char *name, const struct strbuf *value, int64_t deadline, struct strbuf *ret,
	struct error *err) __attribute__((warn_unused_result));
/* And back. */
bool secret_unseal(const char *name, const struct strbuf *sealed, int64_t deadline,
	struct strbuf *ret, struct error *err) __attribute__((warn_unused_result));
