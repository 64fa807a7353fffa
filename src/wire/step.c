/* A transaction one command at a time, each reply waited for: for who must know the verdict before
 * the next one (relay.c), or wants the verdicts only (probe.c). */
#include "alloc.h"
#include "clock.h"
#include "session_state.h"
#include "wish.h"

bool
step_begin(struct session *s, struct envelope *e, uint64_t size, bool smtputf8, struct error *err)
{
	transaction_done(&s->tx);
	content_done(s);
	s->envelope = e;
	s->declared = size;
	s->smtputf8 = s->capability.smtputf8 && (smtputf8 || address_local_is_utf8(&e->sender));
	/* the content is not known yet, and text that the server need not convert is no harm */
	s->eightbit = s->capability.eightbit;
	return wish_check(s, err) && content_fit_sender(s, err);
}

bool
step_mail(struct session *s, struct error *err)
{
	int64_t since = clock_ms();
	bool good = (!s->in_transaction || flight_push(s, VERB_RSET, 0, err)) &&
		    flight_push(s, VERB_MAIL, 0, err) && flight_drain(s, err);

	s->transactions++;
	session_phase(s, WIRE_PHASE_MAIL, &since);
	return good;
}

/* Makes room for one more in the transaction. */
static size_t
join(struct transaction *tx, size_t i)
{
	size_t n = tx->count++;

	/* powers of two */
	if (!(n & (n - 1)) || !n) {
		size_t room = n ? 2 * n : 1;

		tx->group = xreallocarray(tx->group, room, sizeof(*tx->group));
		tx->taken = xreallocarray(tx->taken, room, sizeof(*tx->taken));
		tx->late = xreallocarray(tx->late, room, sizeof(*tx->late));
	}
	tx->group[n] = i;
	tx->taken[n] = tx->late[n] = false;
	return n;
}

bool
step_recipient(struct session *s, size_t i, struct error *err)
{
	int64_t since = clock_ms();
	size_t n = join(&s->tx, i);
	bool good = flight_push(s, VERB_RCPT, n, err) && flight_drain(s, err);

	session_phase(s, WIRE_PHASE_MAIL, &since);
	return good;
}
