/* The queue of a system, for those who may not look into it: they ask the service, which shows them
 * what is theirs. */
#pragma once

#include <stdbool.h>

struct arguments;
struct peer;
struct queue_view;

/* In the client: true iff the service has carried out the command; *RET_STATUS is its exit status.
 */
bool queue_by_service(const struct arguments *args, int *ret_status);

struct profile;
/* True iff this process may look into the spool of ACCOUNT itself: root and the service's own user.
 */
bool queue_may_look(const struct profile *account);

/* In the service: on whose behalf commands are carried out from now on. */
void queue_ask_for(const struct peer *peer);
/* NULL: our own. */
const struct peer *queue_asker(void);

/* True iff the one in the spool that V looks at (in failed/ if it says so) is there for V to see.
 */
bool queue_may_see(const struct queue_view *v, const char *id);
/* True iff it is neither in the queue nor in failed/. */
bool queue_is_absent(const struct queue_view *v, const char *id);
/* How many of the entries that V may see are in the queue, or in failed/. */
unsigned long queue_count(const struct queue_view *v, bool failed);
/* Calls EACH for each of them in the queue. */
void queue_each(const struct queue_view *v, bool failed, void (*each)(void *ctx, const char *id),
	void *ctx);
