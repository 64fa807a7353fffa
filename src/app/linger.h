/* The connection of a submission stays in a background process for the next ones (linger). */
#pragma once

struct submission;

/* Hands the recipients that are pending over to a process that has kept a connection of this
 * account, where there is one: whoever is still pending afterwards has got nothing. Silent on any
 * fault. Keeps the account's key for linger_stay. */
void linger_ask(struct submission *s);

/* When everything is reported. Where the account has it that connections stay, the connection that
 * has served the submission goes to a process of its own, which is not waited for. Closes it
 * otherwise, and forgets it in either case. */
void linger_stay(struct submission *s, int status);
