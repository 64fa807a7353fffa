/* Parcels over a unix socket, with descriptors beside them; every wait has a deadline. Between the
 * service and its clients, a process and the sandboxed one that talks to a server, a submission and
 * the process that has kept a connection. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "strbuf.h"

struct error;

#define CHANNEL_FDS 2 /* descriptors with one parcel at most */

struct channel_parcel {
	unsigned kind; /* 0 to 255 */
	struct strbuf body;
	int fds[CHANNEL_FDS];
	size_t fd_count;
};
/* Empty; bodies of more than CAP octets are refused. */
void channel_parcel_init(struct channel_parcel *p, size_t cap);
/* Closes the descriptors too. */
void channel_parcel_done(struct channel_parcel *p);
/* Empties it for the next one. */
void channel_parcel_clear(struct channel_parcel *p);

/* Writes one parcel; allocates nothing. FAULT_TEMPORARY: the other side is gone (sys EPIPE) or does
 * not read in time.
 */
bool channel_send(int fd, unsigned kind, const struct strbuf *body, const int *fds, size_t fd_count,
	int64_t deadline, struct error *err) __attribute__((warn_unused_result));

enum channel_event {
	CHANNEL_PARCEL,
	CHANNEL_END,  /* the other side has closed, at the end of a parcel */
	CHANNEL_LATE, /* the deadline passed */
	CHANNEL_BAD   /* no parcel of ours, too large, cut off, too many descriptors, an error */
};
/* Reads one parcel into *RET, which is empty. */
enum channel_event channel_receive(int fd, struct channel_parcel *ret, int64_t deadline);
