/* What a message asks for beyond delivery: from the settings of its account. */
#pragma once

#include <stdbool.h>
#include <time.h>

struct error;
struct profile;
struct strbuf;
struct submission;
struct wishes;

/* Key hold-by, in the order of the table. */
enum { HOLD_BY_AUTO, HOLD_BY_QUEUE, HOLD_BY_SERVER };

#define WISHES_MAIL_AUTH 512 /* octets */

/* Fills in the wishes of ACCOUNT, as those of a message that is submitted at NOW; MAIL_AUTH holds
 * what they point to. FAULT_USAGE for a mistake on the command line, FAULT_CONFIG for one in a file
 * or variable; FAULT_CONFIG also for --in or --at where nobody may hold the message. */
bool wishes_fill(struct wishes *w, struct strbuf *mail_auth, const struct profile *account,
	time_t now, struct error *err) __attribute__((warn_unused_result));
/* Makes what the account of S, with the command line over it, asks for the message's own: from then
 * on it goes where the envelope goes. What the envelope says already stays. A time to be delivered
 * by counts from when the message may leave. FAULT_USAGE; mistakes in files are left to be found.
 */
bool wishes_take(struct submission *s, struct error *err) __attribute__((warn_unused_result));
/* When --in or --at want the message to leave; *RET is 0 where neither is given. Errors as above.
 */
bool wishes_hold_until(const struct profile *account, time_t now, time_t *ret, struct error *err)
	__attribute__((warn_unused_result));
