/* The Secret Service, by libsecret, in a child: what it is asked, and how it answers. */
#pragma once

struct strbuf;

/* What becomes of an item. */
enum keyring_wish {
	KEYRING_LOOK,  /* its secret is written to the child's output */
	KEYRING_STORE, /* it is there afterwards, with no other value beside it */
	KEYRING_DROP   /* each that fits is removed; how many is written to the output */
};

/* Borrowed: the child has them from the memory that it was forked with. */
struct keyring_request {
	enum keyring_wish wish;
	const char *service, *host, *user; /* the attributes */
	const char *label;                 /* KEYRING_STORE: what people see in their list */
	const struct strbuf *value;        /* KEYRING_STORE */
};

#define KEYRING_NAME "keyring" /* what the child is to be called */

/* For child_start_function; CTX: struct keyring_request *. Its exit status is one of the following;
 * the first line that it complains says more. */
int secret_keyring_run(void *ctx, int out, int error);
enum {
	KEYRING_FOUND,       /* or done */
	KEYRING_MISSING,     /* reached and unlocked, nothing stored for this host and user */
	KEYRING_LOCKED,      /* an item fits but is locked; the keyring that it would go to is */
	KEYRING_UNREACHABLE, /* no bus, no service, or it refuses */
	KEYRING_ABSENT       /* built without, or the library is not installed */
};

/* What the child complained of, in the text of an error by child_wait. */
const char *keyring_complaint(const char *text, int status);
