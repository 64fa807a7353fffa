/* The way to the smarthost step by step, as relay.h has it, in this process or, as network.h has
 * it, in a sandboxed one. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct envelope;
struct error;
struct message;
struct profile;
struct relay_mail;
struct relay_reply;
struct wire_report;
struct wire_settings;

struct network_relay;

/* As relay_new, _free, _begin, _recipient, _content, _is_open, _reset and _size_max; SETTINGS are
 * those of ACCOUNT. For root with an account of the system's configuration in a process of its own,
 * which is started at the first MAIL; files that are not as they should be show there then, as a
 * failure of the step. Where that process ends, or does not keep to the rules, the step fails for
 * now, in doubt if it was the content's; the next MAIL starts another one. KEEPER (keeper.h; NULL:
 * there is none) is for a process that is sandboxed itself: it starts the process of an account
 * that cannot be used in a sandbox. */
struct network_relay *network_relay_new(const struct wire_settings *settings,
	const struct profile *account, const int *keeper, struct wire_report *report,
	struct error *err) __attribute__((warn_unused_result));
void network_relay_free(struct network_relay *r);
bool network_relay_begin(struct network_relay *r, struct envelope *e, const struct relay_mail *mail,
	struct relay_reply *reply, struct error *err) __attribute__((warn_unused_result));
bool network_relay_recipient(struct network_relay *r, size_t i, unsigned dsn_notify,
	struct relay_reply *reply, struct error *err) __attribute__((warn_unused_result));
bool network_relay_content(struct network_relay *r, const struct message *m,
	struct relay_reply *reply, struct error *err) __attribute__((warn_unused_result));
bool network_relay_is_open(const struct network_relay *r);
void network_relay_reset(struct network_relay *r);
uint64_t network_relay_size_max(const struct network_relay *r);
