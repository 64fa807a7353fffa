/* msmtp's configuration: commands in accounts, before they mean anything to us. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct import;
struct profile;

/* The commands with an argument, without `account`, `defaults` and `eval`. */
enum msmtp_command {
	MSMTP_HOST,
	MSMTP_PORT,
	MSMTP_TIMEOUT,
	MSMTP_PROTOCOL,
	MSMTP_DOMAIN,
	MSMTP_SOCKET,
	MSMTP_SOURCE_IP,
	MSMTP_PROXY_HOST,
	MSMTP_PROXY_PORT,
	MSMTP_FROM,
	MSMTP_FROM_FULL_NAME,
	MSMTP_ALLOW_FROM_OVERRIDE,
	MSMTP_AUTO_FROM,
	MSMTP_MAILDOMAIN,
	MSMTP_AUTH,
	MSMTP_USER,
	MSMTP_PASSWORD,
	MSMTP_PASSWORDEVAL,
	MSMTP_NTLMDOMAIN,
	MSMTP_TLS,
	MSMTP_TLS_STARTTLS,
	MSMTP_TLS_TRUST_FILE,
	MSMTP_TLS_CRL_FILE,
	MSMTP_TLS_FINGERPRINT,
	MSMTP_TLS_KEY_FILE,
	MSMTP_TLS_CERT_FILE,
	MSMTP_TLS_CERTCHECK,
	MSMTP_TLS_PRIORITIES,
	MSMTP_TLS_HOST_OVERRIDE,
	MSMTP_TLS_MIN_DH_PRIME_BITS,
	MSMTP_TLS_FORCE_SSLV3,
	MSMTP_DSN_NOTIFY,
	MSMTP_DSN_RETURN,
	MSMTP_SET_FROM_HEADER,
	MSMTP_SET_DATE_HEADER,
	MSMTP_SET_MSGID_HEADER,
	MSMTP_SET_TO_HEADER,
	MSMTP_REMOVE_BCC_HEADERS,
	MSMTP_LOGFILE,
	MSMTP_LOGFILE_TIME_FORMAT,
	MSMTP_SYSLOG,
	MSMTP_ALIASES,
	MSMTP_COUNT
};

/* One account with everything it has from `defaults` and others. The texts are borrowed. */
struct msmtp_account {
	const char *name;
	unsigned line;
	struct {
		const char *text; /* NULL: not set */
		unsigned line;
	} v[MSMTP_COUNT];
};

/* True iff the N octets of WORD are a command, older spellings too. */
bool import_msmtp_is_command(const char *word, size_t n);
/* Translates an account into P. SEVERAL: it is not the only one. (In import_msmtp_account.c.) */
void import_msmtp_account(
	struct import *i, const struct msmtp_account *a, struct profile *p, bool several);
