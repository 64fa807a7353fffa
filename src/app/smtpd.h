/* `sendmail -bs`: an SMTP server on standard input and output. */
#pragma once

struct arguments;

/* Serves the client until QUIT or the end of the input; passes its messages on to the smarthosts as
 * they come, and tells their verdicts. Returns the exit status: 0 after QUIT, or at the end of the
 * input outside of a transaction; 65 inside of one (nothing was sent); 75 when a smarthost was lost
 * in a transaction, or the client silent for too long; 76 when the client does not speak SMTP; 74
 * when it cannot be read or written to; 78 with a wrong configuration. */
int smtpd(const struct arguments *args);
