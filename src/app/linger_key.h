/* Which connection a submission can use: that of a submission with the same settings, made when the
 * files behind them were what they are now. */
#pragma once

#include <stdbool.h>

struct memo_key;
struct profile;
struct wire_settings;

/* *NAME stands for the settings of the connection (what belongs to a message is none of them) and
 * the user, *KEY for the state of the files as well: configuration, TLS, password. What a command
 * or the keyring would answer is in neither. False when they cannot be hashed. */
bool linger_keys(const struct profile *account, const struct wire_settings *settings,
	struct memo_key *name, struct memo_key *key) __attribute__((warn_unused_result));
