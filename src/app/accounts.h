/* `sendoff accounts`: what is in force. */
#pragma once

struct arguments;
struct error;

/* Prints every account with its settings and where each comes from. False as profile_load. */
_Bool accounts(const struct arguments *args, struct error *err);
