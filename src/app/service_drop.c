/* No service to talk to: the message is left where its runner will find it. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "entry.h"
#include "heartbeat.h"
#include "peer.h"
#include "queueing.h"
#include "service.h"
#include "service_entry.h"
#include "spool.h"
#include "strbuf.h"
#include "submission.h"

static bool
refuse(const struct error *why, const char *reason, struct error *err)
{
	struct error whole = *why;

	if (err && !err->fault) {
		snprintf(whole.text, sizeof(whole.text), "%.300s, and %s", why->text, reason);
		*err = whole;
	}
	return false;
}

bool
service_drop(
	struct submission *s, struct service_entry *e, const struct error *why, struct error *err)
{
	struct queueing *q = &s->queue;
	struct entry dropped = ENTRY_NONE;
	struct strbuf path = STRBUF_INIT(4096);
	struct error failure = ERROR_NONE;
	struct peer own;
	bool good;

	/* it would only be found out later */
	peer_of_uid(&own, getuid());
	if (!peer_may_send(&own, &s->account, &e->envelope.sender, message_size(&s->message), err))
		return false;
	if (q->mode == QUEUE_NEVER || !q->directory)
		return refuse(why, "nothing is to be queued", err);
	if (!heartbeat_is_fresh(q->heartbeat, spool_owner(q->directory)))
		return refuse(why, "no runner is known that would send it later", err);
	strbuf_addf(&path, "%s/drop", q->directory);
	dropped = e->entry;
	dropped.fd = -1;
	*dropped.id = '\0';
	good = spool_drop(path.s, &dropped, &e->envelope, &s->message, &failure);
	strbuf_done(&path);
	if (!good) {
		entry_done(&dropped);
		return refuse(why, failure.text, err);
	}
	q->state = QUEUE_STATE_QUEUED;
	memcpy(q->id, dropped.id, sizeof(q->id));
	q->reason = *why;
	service_entry_keep(e, s);
	s->attempted = true;
	entry_done(&dropped);
	return true;
}
