/* `sendoff check`: the doctor. */
#pragma once

struct arguments;

/* Looks at the accounts, or the one that is named: configuration, secrets, name service, servers,
 * queue, service, without sending anything. Returns the exit status: 0, or that of the first
 * failure. */
int check_command(const struct arguments *args);
