/* `sendmail -bs`: an SMTP server on standard input and output. */
#pragma once

#include <stdbool.h>

struct arguments;
struct peer;

/* A client that is not on standard input. */
struct smtpd_client_of {
	int in, out;
	const struct peer *peer; /* on whose behalf; NULL: our own */
	bool listened; /* it came by a socket that speaks SMTP: it may be a browser, too */
	const char *password_file; /* it must log in first, against this file; NULL: it need not */
};

/* Serves the client until QUIT or the end of the input; passes its messages on to the smarthosts as
 * they come, and tells their verdicts. Returns the exit status: 0 after QUIT, or at the end of the
 * input outside of a transaction; 65 inside of one (nothing was sent); 75 when a smarthost was lost
 * in a transaction, or the client silent for too long; 76 when the client does not speak SMTP; 74
 * when it cannot be read or written to; 78 with a wrong configuration. */
int smtpd(const struct arguments *args);
/* The same for somebody else. */
int smtpd_serve(const struct arguments *args, const struct smtpd_client_of *client);
