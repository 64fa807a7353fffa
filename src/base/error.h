/* What went wrong: a value that is passed up and printed by app/ only. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* Why: one row each in the table that yields the exit status (sysexits.h numbers). */
enum fault {
	FAULT_NONE,        /* 0 */
	FAULT_USAGE,       /* 64 EX_USAGE */
	FAULT_DATA,        /* 65 EX_DATAERR: message or address malformed, or too large */
	FAULT_NOINPUT,     /* 66 EX_NOINPUT: input cannot be read */
	FAULT_NOUSER,      /* 67 EX_NOUSER: no such recipient */
	FAULT_NOHOST,      /* 68 EX_NOHOST: no such host */
	FAULT_UNAVAILABLE, /* 69 EX_UNAVAILABLE: refused for good, extension missing, certificate */
	FAULT_SOFTWARE,    /* 70 EX_SOFTWARE: our own mistake */
	FAULT_SYSTEM,      /* 71 EX_OSERR */
	FAULT_CREATE,      /* 73 EX_CANTCREAT */
	FAULT_IO,          /* 74 EX_IOERR: local input or output */
	FAULT_TEMPORARY,   /* 75 EX_TEMPFAIL: trying again may help */
	FAULT_PROTOCOL,    /* 76 EX_PROTOCOL: the other side does not speak SMTP */
	FAULT_PERMISSION,  /* 77 EX_NOPERM: credentials or sender refused */
	FAULT_CONFIG,      /* 78 EX_CONFIG */
	FAULT_COUNT
};

/* Where: local work has STAGE_NONE, the others follow a connection from left to right. */
enum stage {
	STAGE_NONE,
	STAGE_RESOLVE,
	STAGE_CONNECT,
	STAGE_TLS,
	STAGE_GREETING,
	STAGE_EHLO,
	STAGE_AUTH,
	STAGE_MAIL,
	STAGE_RCPT,
	STAGE_DATA,
	STAGE_BODY,
	STAGE_END, /* the reply to the end of data */
	STAGE_COUNT
};

/* RFC 3463; all zero where the server gave none. */
struct enhanced {
	unsigned short class, subject, detail;
};

struct error {
	enum fault fault;
	enum stage stage;
	int sys;              /* errno or a library's number, 0 if none */
	int smtp;             /* the reply's code, 0 where the server did not speak */
	struct enhanced code; /* class is smtp / 100, or all zero; without a reply what
				 one would have said, where it says more than the fault */
	bool in_doubt;        /* the end of data left and no answer came: may be delivered */
	char text[512];       /* one line, printable, without secrets */
	char words[512]; /* the server's own text, printable, without the codes; may be empty */
};

#define ERROR_NONE                                                                                 \
	{                                                                                          \
		.fault = FAULT_NONE                                                                \
	}

/* Sets *ERR unless it is set already (the first error wins) and returns false, so that a function
 * can end with `return error_set(err, ...)`. Controls in the formatted text are escaped. ERR may be
 * NULL. Allocates nothing. */
bool error_set(struct error *err, enum fault fault, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The same with ": " and the description of errno value SYS appended. */
bool error_sys(struct error *err, enum fault fault, int sys, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* The same, naming where on a connection it happened. */
bool error_at(struct error *err, enum stage stage, enum fault fault, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* Puts a context in front of the text of an error that is set: "account work: ...". Returns false.
 */
bool error_prefix(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Forgets the error. */
void error_clear(struct error *err);

/* The exit status of a fault, and the name of that status in sysexits.h ("EX_TEMPFAIL", "EX_OK").
 */
int fault_status(enum fault fault);
const char *fault_name(enum fault fault);
/* One phrase for manuals and --help. */
const char *fault_phrase(enum fault fault);
/* A short lower-case word for traces, logs and JSON: "resolve", "connect", ... "end". */
const char *stage_name(enum stage stage);

/* Reads "5.7.8" at the start of S (N octets): returns the number of octets, 0 if there is none
 * (classes 2, 4 and 5; numbers of one to three digits without leading zeros, RFC 3463 section 2).
 */
size_t enhanced_parse(const char *s, size_t n, struct enhanced *ret);
/* Writes "5.7.8", or "" where the code is not known. Returns OUT. */
const char *enhanced_print(struct enhanced code, char out[16]);
