/* The way to the smarthost, in this process or in a sandboxed one: whatever a server says is then
 * parsed by a process that can open no file of ours, start no program, and whose words are not
 * trusted either. The service, and the runner of the system's queue, have one each time; so has
 * root with an account of the system's configuration, where that process is also the service's
 * user, or at least has none of root's capabilities. */
#pragma once

#include <stdbool.h>

struct envelope;
struct error;
struct message;
struct profile;
struct sandbox_state;
struct wire_report;
struct wire_settings;

#include "session.h"

struct network;

/* From now on in this process, and in those that it forks, each network is boxed that can be. */
void network_box(void);
bool network_is_boxed(void);
/* The link of one that is not boxed, else NULL. */
struct wire_link *network_link(struct network *n);

/* As wire_link_new, _deliver, _is_open and _free; SETTINGS are those of ACCOUNT. Boxed: in a
 * process of its own, which is started with the first delivery, opens certificates and keys, and is
 * then sandboxed as far as the kernel can. The password it asks for when a server wants it. A
 * process that ends, or does not keep to the rules, is a temporary failure of the delivery under
 * way, in doubt once the end of data has left. */
struct network *network_new(const struct wire_settings *settings, const struct profile *account);
bool network_deliver(struct network *n, struct envelope *envelope, const struct message *message,
	wire_progress *progress, void *progress_ctx, struct wire_report *report, struct error *err)
	__attribute__((warn_unused_result));
bool network_is_open(struct network *n);
void network_free(struct network *n);
/* Boxed: ends the connection and its process. It still counts as open: the next delivery, in this
 * process or in one that it has forked, is by a new one, with the same password. False otherwise.
 */
bool network_renew(struct network *n);
/* As wire_link_socket, _learns, _learn and _abandon; a boxed one has no socket here, and learns
 * nothing. */
int network_socket(const struct network *n);
bool network_learns(struct network *n);
void network_learn(struct network *n);
void network_abandon(struct network *n);

/* True iff a connection is in the process that has made it, and may stay open in it for the next
 * ones of its user. */
bool network_stays(const struct wire_settings *settings, const struct profile *account);
