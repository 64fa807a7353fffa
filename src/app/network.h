/* The way to the smarthost, in this process or in a sandboxed one: whatever a server says is then
 * parsed by a process that can open no file of ours, start no program, and whose words are not
 * trusted either. */
#pragma once

#include <stdbool.h>

struct envelope;
struct error;
struct message;
struct sandbox_state;
struct wire_report;
struct wire_settings;

#include "session.h"

struct network;

/* From now on in this process, and in those that it forks, a network is boxed. */
void network_box(void);
bool network_is_boxed(void);
/* The link of one that is not boxed, else NULL. */
struct wire_link *network_link(struct network *n);

/* As wire_link_new, _deliver, _is_open and _free. Boxed: in a process of its own, which is started
 * with the first delivery, after the password was asked for, and sandboxed as far as the kernel
 * can. A process that ends, or does not keep to the rules, is a temporary failure of the delivery
 * under way, in doubt once the end of data has left. */
struct network *network_new(const struct wire_settings *settings);
bool network_deliver(struct network *n, struct envelope *envelope, const struct message *message,
	wire_progress *progress, void *progress_ctx, struct wire_report *report, struct error *err)
	__attribute__((warn_unused_result));
bool network_is_open(struct network *n);
void network_free(struct network *n);
/* As wire_link_socket, _learns, _learn and _abandon; a boxed one has no socket here, and learns
 * nothing. */
int network_socket(const struct network *n);
bool network_learns(struct network *n);
void network_learn(struct network *n);
void network_abandon(struct network *n);

/* True iff the settings allow a sandbox: tokens and tickets (PKCS#11, GSSAPI) want files and
 * programs that nobody can list. */
bool network_can_be_boxed(const struct wire_settings *settings);
