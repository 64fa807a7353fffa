/* The ways to a grant, one file each: login_browser.c (browser, paste), login_device.c. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct error;
struct oauth_grant;
struct token_settings;

#define LOGIN_SECONDS 900 /* for a person to grant access */

enum login_hearing {
	LOGIN_LISTEN = 1, /* a browser on this machine brings the answer */
	LOGIN_READ = 2    /* it is pasted */
};

/* Asks for access in a browser. OPENED: one is started here. HEARING: how the answer may come. */
bool login_by_browser(const struct token_settings *t, bool opened, unsigned hearing,
	struct oauth_grant *ret, struct error *err) __attribute__((warn_unused_result));
/* ... by a code that is entered elsewhere. */
bool login_by_device(const struct token_settings *t, struct oauth_grant *ret, struct error *err)
	__attribute__((warn_unused_result));
