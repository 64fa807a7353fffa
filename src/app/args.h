/* The command line: argv to settings and operands, over the table of options. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "profile.h"

struct error;

/* As whom we were called (argv[0]): sendmail also as send-mail, mailq and newaliases. */
enum personality { PERSONALITY_SENDOFF, PERSONALITY_SENDMAIL };

/* What to do. */
enum mode {
	MODE_SUBMIT,
	MODE_SMTP,        /* -bs */
	MODE_VERIFY,      /* -bv */
	MODE_ALIASES,     /* -bi, -I, newaliases */
	MODE_QUEUE_LIST,  /* -bp, mailq */
	MODE_QUEUE_COUNT, /* -bP */
	MODE_QUEUE_RUN,   /* -q */
	MODE_NOTHING      /* -bh, -bH: what sendmail keeps of hosts, and we do not */
};

struct arguments {
	const char *program; /* last component of argv[0], for messages */
	enum personality personality;
	enum mode mode;
	bool errors_quiet;     /* -oeq: the exit status says it all */
	bool queue_forced;     /* -qf: whether it is due or not */
	bool errors_mailed;    /* -oem: the sender is to get mail about a refusal */
	char warning[256];     /* an option that was passed over with a word, or "" */
	const char *command;   /* argv[1] when it is a command, else NULL */
	struct profile given;  /* every option that was given */
	const char **operands; /* what is no option: recipients, or a command's own */
	size_t operand_count;
};

/* Parses the command line. Options may follow operands until "--" (whatever POSIXLY_CORRECT says);
 * letters may be clustered; values may be glued or separate. FAULT_USAGE; a value that an option
 * does not accept is FAULT_USAGE too. */
bool args_parse(int argc, char **argv, struct arguments *ret, struct error *err)
	__attribute__((warn_unused_result));
/* Sets what was given as an option; WRITTEN, how it was spelled, is the place that messages name.
 * FAULT_USAGE for a value that is not accepted. */
bool args_set(struct arguments *a, enum option_id id, const char *value, const char *written,
	struct error *err) __attribute__((warn_unused_result));
void args_done(struct arguments *a);
