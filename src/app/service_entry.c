#include "service_entry.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"
#include "io.h"
#include "queueing.h"
#include "submission.h"

#define SEALS (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

void
service_entry_done(struct service_entry *e)
{
	envelope_done(&e->envelope);
	entry_done(&e->entry);
	free(e->places);
	free(e->kept);
	if (e->fd >= 0)
		close(e->fd);
	*e = (struct service_entry)SERVICE_ENTRY_NONE;
}

/* The pending recipients of the submission, and where they are in it. */
static void
select_recipients(struct service_entry *e, const struct submission *s)
{
	struct envelope *v = &e->envelope;
	struct recipient *from, *to;
	size_t n = 0;

	envelope_copy(v, &s->envelope);
	e->places = xcalloc(v->count + 1, sizeof(*e->places));
	e->kept = xcalloc(v->count + 1, sizeof(*e->kept));
	for (size_t i = 0; i < v->count; i++) {
		from = &v->recipients[i];
		to = &v->recipients[n];
		if (from->outcome == OUTCOME_PENDING) {
			e->places[n++] = i;
			if (to != from) {
				struct recipient other = *to;

				*to = *from;
				*from = other;
			}
		}
	}
	while (v->count > n) {
		struct recipient *r = &v->recipients[--v->count];

		recipient_set(r, OUTCOME_ACCEPTED, 0, (struct enhanced){ 0 }, NULL, NULL);
		address_done(&r->address);
		free(r->orcpt);
	}
}

static void
fill_entry(struct entry *e, const struct submission *s)
{
	snprintf(e->account, sizeof(e->account), "%s", s->account.name);
	e->uid = getuid();
	e->created = clock_wall();
	e->not_before = s->queue.not_before ? s->queue.not_before : e->created;
	e->lifetime = (int64_t)profile_number(&s->account, OPT_EXPIRE);
	e->notify_error = s->queue.notify_error;
}

/* The body's own file where it lies as in an entry; else memory, sealed, or another file. */
static bool
open_file(struct service_entry *e, const struct message *m, bool *ret_same, struct error *err)
{
	*ret_same = m->fd >= 0 && !m->borrowed && m->base == ENTRY_BLOCK;
	if (*ret_same)
		e->fd = fcntl(m->fd, F_DUPFD_CLOEXEC, 3);
	else if (m->fd < 0)
		e->fd = memfd_create("message", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	else
		e->fd = io_temporary(NULL, err);
	if (e->fd >= 0)
		return true;
	return error_sys(err, FAULT_TEMPORARY, errno, "unable to make a file for the message");
}

bool
service_entry_make(struct service_entry *e, struct submission *s, struct error *err)
{
	bool same;

	select_recipients(e, s);
	fill_entry(&e->entry, s);
	if (!open_file(e, &s->message, &same, err) ||
		!entry_write(e->fd, &e->entry, &e->envelope, &s->message, same, err))
		return false;
	if (s->message.fd >= 0 || fcntl(e->fd, F_ADD_SEALS, SEALS) == 0)
		return true;
	return error_sys(err, FAULT_TEMPORARY, errno, "unable to seal the message");
}

void
service_entry_return(struct service_entry *e, struct submission *s)
{
	struct recipient *from, *to;
	bool any = false;

	for (size_t i = 0; i < e->envelope.count; i++) {
		from = &e->envelope.recipients[i];
		to = &s->envelope.recipients[e->places[i]];
		recipient_set(
			to, from->outcome, from->code, from->enhanced, from->words, from->why);
		any = any || e->kept[i];
	}
	if (!any)
		return;
	if (!s->queue.kept)
		s->queue.kept = xcalloc(s->envelope.count + 1, sizeof(*s->queue.kept));
	for (size_t i = 0; i < e->envelope.count; i++)
		s->queue.kept[e->places[i]] = e->kept[i];
}

void
service_entry_keep(struct service_entry *e, struct submission *s)
{
	for (size_t i = 0; i < e->envelope.count; i++)
		e->kept[i] = true;
	service_entry_return(e, s);
}
