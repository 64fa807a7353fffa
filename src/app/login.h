/* `sendoff login`, `logout` and `token`. */
#pragma once

#include <stdbool.h>

struct arguments;
struct error;
struct profile;

int login_command(const struct arguments *args);
int logout_command(const struct arguments *args);
int token_command(const struct arguments *args);

/* How a person grants access. */
enum login_way {
	LOGIN_AUTO, /* a browser where there is a screen; else the device grant where the provider
		       has it; else a printed link */
	LOGIN_BROWSER, /* the loopback redirect, with a browser or a printed link */
	LOGIN_DEVICE,  /* RFC 8628 */
	LOGIN_PASTE    /* the address that the browser ended up at is pasted */
};
/* Goes through the flow for P, telling on standard error what to do, and stores the grant: `setup`
 * uses it too. */
bool login_run(const struct profile *p, enum login_way way, struct error *err)
	__attribute__((warn_unused_result));
