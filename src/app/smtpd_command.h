/* The commands of an SMTP client (RFC 5321 4.1), from a line to a struct. Pure functions. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address.h"
#include "envelope.h"

struct error;

enum smtpd_verb {
	SMTPD_HELO,
	SMTPD_EHLO,
	SMTPD_MAIL,
	SMTPD_RCPT,
	SMTPD_DATA,
	SMTPD_BDAT,
	SMTPD_RSET,
	SMTPD_NOOP,
	SMTPD_VRFY,
	SMTPD_HELP,
	SMTPD_QUIT,
	SMTPD_COUNT
};

struct smtpd_command {
	enum smtpd_verb verb;
	const char *argument;   /* HELO, EHLO, VRFY: points into the line, never NULL */
	struct address address; /* MAIL (may be the null sender) and RCPT */
	unsigned given;         /* the parameters seen so far: bits by their row */
	uint64_t size;          /* SIZE=, 0: not given */
	bool smtputf8;
	enum dsn_return dsn_return;
	char *envid;         /* decoded, NULL: not given */
	unsigned dsn_notify; /* 0: not given */
	char *orcpt;         /* the address in it, decoded; NULL where there is none or its type is
				neither rfc822 nor utf-8 */
	uint64_t chunk;      /* BDAT */
	bool last;
};

/* Parses LINE, N octets without the line end and with a NUL behind them. False with a reply in
 * *ERR: smtp, code and text (500 5.5.2, 501 5.5.4, 501 5.1.7, 501 5.1.3, 502 5.5.1, 553 5.6.7,
 * 555 5.5.4). *RET needs smtpd_command_done in any case. */
bool smtpd_command_parse(const char *line, size_t n, struct smtpd_command *ret, struct error *err)
	__attribute__((warn_unused_result));
void smtpd_command_done(struct smtpd_command *c);

/* Makes *ERR a reply, unless it is set already. Returns false. */
bool smtpd_refuse(struct error *err, int code, unsigned short subject, unsigned short detail,
	const char *format, ...) __attribute__((format(printf, 5, 6)));

/* smtpd_parameter.c. Takes one parameter of MAIL or RCPT, N octets without blanks. */
bool smtpd_parameter(struct smtpd_command *c, const char *word, size_t n, struct error *err)
	__attribute__((warn_unused_result));
