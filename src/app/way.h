/* The way to an account's smarthost that carries messages one after another: a copy of the account,
 * what wire/ is told of it, and the connection. */
#pragma once

#include <stdbool.h>

#include "network.h"
#include "profile.h"
#include "smarthost.h"

struct error;
struct submission;

struct way {
	struct profile account;
	struct smarthost smarthost;
	struct network *network;
};

/* Opens what the network needs: settings, files, the password's source. S tells whether the
 * dialogue is shown. NULL with *ERR set; connects to nobody yet. */
struct way *way_open(const struct submission *s, const struct profile *account, struct error *err)
	__attribute__((warn_unused_result));
/* As wire_link_deliver. BUDGET as in struct wire_settings; the account's timeout counts anew. */
bool way_deliver(struct way *w, struct envelope *envelope, const struct message *message,
	int64_t budget, wire_progress *progress, void *progress_ctx, struct wire_report *report,
	struct error *err) __attribute__((warn_unused_result));
/* Forgets the connection, which another process has now. Accepts NULL. */
void way_abandon(struct way *w);
/* Closes the connection. Accepts NULL. */
void way_free(struct way *w);
