/* GSSAPI (RFC 4752) in a child: Kerberos loads libraries that others pay nothing for, and asks its
 * KDC with a patience of its own. The child is gone when the exchange is. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct error;
struct sasl_credentials;
struct strbuf;

/* The child. Zeroed: none. */
struct sasl_ticket {
	pid_t pid;
	int fd;           /* a socket to it */
	int64_t deadline; /* of the whole submission */
};

/* Starts it for the credentials: user (may be NULL: the principal decides), host. FAULT_TEMPORARY
 * when there is no process or descriptor left. */
bool sasl_ticket_start(struct sasl_ticket *t, const struct sasl_credentials *with,
	struct error *err) __attribute__((warn_unused_result));
/* As sasl_step; *RET_DONE when the client is satisfied. FAULT_PERMISSION: there is no ticket;
 * FAULT_TEMPORARY: the KDC did not answer in time. */
bool sasl_ticket_step(struct sasl_ticket *t, const char *challenge, size_t n, struct strbuf *out,
	bool *ret_done, struct error *err) __attribute__((warn_unused_result));
void sasl_ticket_done(struct sasl_ticket *t);
