/* What a message asks for beyond delivery. */
#include <stdlib.h>

#include "alloc.h"
#include "envelope.h"

void
wishes_done(struct wishes *w)
{
	free(w->mail_auth);
	*w = (struct wishes){ .tls = TLS_WISH_NONE };
}

void
wishes_copy(struct wishes *to, const struct wishes *from)
{
	wishes_done(to);
	*to = *from;
	to->mail_auth = from->mail_auth ? xstrdup(from->mail_auth) : NULL;
}

void
wishes_override(struct wishes *w, const struct wishes *over)
{
	if (over->tls != TLS_WISH_NONE)
		w->tls = over->tls;
	if (over->late != LATE_WISH_NONE) {
		w->late = over->late;
		w->deliver_by = over->deliver_by;
	}
	if (over->priority_set) {
		w->priority_set = true;
		w->priority = over->priority;
	}
	if (over->hold_until)
		w->hold_until = over->hold_until;
	if (over->mail_auth)
		w->mail_auth = over->mail_auth;
}

bool
wishes_are_there(const struct wishes *w)
{
	return w->tls != TLS_WISH_NONE || w->late != LATE_WISH_NONE || w->priority_set ||
	       w->hold_until || w->mail_auth;
}

bool
wishes_are_over(const struct wishes *w, int64_t now)
{
	return w->late == LATE_WISH_RETURN && now >= w->deliver_by;
}

int64_t
wishes_sooner(const struct wishes *w, int64_t now, int64_t due)
{
	return w->late != LATE_WISH_NONE && w->deliver_by > now && w->deliver_by < due
		       ? w->deliver_by
		       : due;
}
