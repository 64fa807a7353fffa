/* What is kept of a submission until it is reported: its connection, and what it was made with. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "memory.h"
#include "smarthost.h"

struct wire_link;

struct kept {
	struct smarthost smarthost;
	struct wire_link *link;      /* NULL: none was needed */
	uint64_t seconds;            /* linger, 0: connections do not stay */
	struct memory_key name, key; /* linger_key.h */
};

/* Closes the connection. Accepts NULL. */
void kept_free(struct kept *k);
