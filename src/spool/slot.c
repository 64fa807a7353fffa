#include "slot.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "spool.h"
#include "state.h"
#include "text.h"

#define DIRECTORY "accounts"
#define SLICES    60   /* of the time that a rate is for */
#define FILE_MAX  4096 /* octets; SLICES + 1 lines fit */
#define TITLE     "sendoff rate 1\n"
#define PATIENCE  2000 /* ms */

/* A round over all slots. */
static bool
try_all(int dir, const char *account, unsigned connections, struct slot *ret, struct error *err)
{
	char name[STATE_NAME], suffix[24];
	struct error why;
	bool busy;

	for (unsigned i = 0; i < connections; i++) {
		snprintf(suffix, sizeof(suffix), "slot-%u", i);
		state_name(account, suffix, name);
		why = (struct error)ERROR_NONE;
		ret->fd = state_lock(dir, name, 0, &busy, &why);
		if (ret->fd >= 0)
			return true;
		if (!busy)
			return error_set(err, why.fault, "%s", why.text);
	}
	return true;
}

bool
slot_take(struct spool *s, const char *account, unsigned connections, int64_t deadline,
	struct slot *ret, struct error *err)
{
	int dir = state_directory(s, DIRECTORY, err);
	bool good = true;

	*ret = (struct slot)SLOT_NONE;
	if (dir < 0)
		return false;
	for (unsigned round = 0;; round++) {
		good = try_all(dir, account, connections, ret, err);
		if (!good || ret->fd >= 0 || !deadline || clock_ms() >= deadline)
			break;
		state_rest(round, deadline);
	}
	close(dir);
	return good;
}

void
slot_done(struct slot *slot)
{
	if (slot->fd >= 0)
		close(slot->fd);
	slot->fd = -1;
}

/* How many messages went in each of the last stretches of LENGTH seconds. */
struct rate {
	int64_t length;
	int64_t slices;            /* that make up the whole time */
	int64_t index[SLICES + 1]; /* seconds since 1970 divided by length; rising */
	uint64_t count[SLICES + 1];
	size_t n;
};

/* Takes one line's numbers "FIRST SECOND". */
static bool
rate_line(const char **at, uint64_t *first, uint64_t *second)
{
	char part[2][24];
	size_t n;

	for (int i = 0; i < 2; i++) {
		n = strspn(*at, "0123456789");
		if (!n || n >= sizeof(part[i]) || (*at)[n] != (i ? '\n' : ' '))
			return false;
		memcpy(part[i], *at, n);
		part[i][n] = '\0';
		*at += n + 1;
	}
	return text_number(part[0], 0, INT64_MAX, first) &&
	       text_number(part[1], 0, INT64_MAX, second);
}

/* Takes what the file says of the stretches that still count at NOW. */
static void
rate_read(struct rate *r, int dir, const char *name, int64_t now)
{
	char text[FILE_MAX];
	uint64_t index, count, length, slices;
	ssize_t got = state_read(dir, name, text, sizeof(text));
	const char *at = text + strlen(TITLE);
	size_t n;

	if (got < 0 || !state_sealed(text, (size_t)got, &n))
		return;
	text[n] = '\0';
	if (strlen(text) != n || strncmp(text, TITLE, strlen(TITLE)) != 0 ||
		!rate_line(&at, &length, &slices) || (int64_t)length != r->length ||
		(int64_t)slices != r->slices)
		return;
	while (r->n < SLICES && rate_line(&at, &index, &count))
		if ((int64_t)index >= now / r->length - r->slices &&
			(int64_t)index <= now / r->length && count <= 1000000 &&
			(!r->n || (int64_t)index > r->index[r->n - 1])) {
			r->index[r->n] = (int64_t)index;
			r->count[r->n++] = count;
		}
}

static bool
rate_write(const struct rate *r, int dir, const char *name, struct error *err)
{
	char text[FILE_MAX];
	size_t len = (size_t)snprintf(text, sizeof(text), TITLE "%lld %lld\n", (long long)r->length,
		(long long)r->slices);

	for (size_t i = 0; i < r->n; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%lld %llu\n",
			(long long)r->index[i], (unsigned long long)r->count[i]);
	return state_replace(dir, name, text, state_seal(text, len, sizeof(text)), false, err);
}

/* Any stretch of the whole time that ends now touches SLICES + 1 slices at most, this one included.
 */
static bool
rate_count(struct rate *r, unsigned number, int64_t now, int64_t *ret_when)
{
	int64_t index = now / r->length;
	uint64_t sum = 0;

	for (size_t i = 0; i < r->n; i++)
		sum += r->count[i];
	*ret_when = 0;
	if (sum >= number) {
		*ret_when = (r->index[0] + r->slices + 1) * r->length;
		return false;
	}
	if (!r->n || r->index[r->n - 1] != index) {
		r->index[r->n] = index;
		r->count[r->n++] = 0;
	}
	r->count[r->n - 1]++;
	return true;
}

bool
rate_take(struct spool *s, const char *account, unsigned number, int64_t seconds, int64_t now,
	int64_t *ret_when, struct error *err)
{
	struct rate r = { .slices = seconds < SLICES ? seconds : SLICES };
	int dir = state_directory(s, DIRECTORY, err), lock;
	char name[STATE_NAME];
	bool good = true;

	*ret_when = 0;
	if (dir < 0)
		return false;
	state_name(account, "rate-lock", name);
	lock = state_lock(dir, name, clock_in(PATIENCE), NULL, err);
	if (lock >= 0) {
		r.length = (seconds + r.slices - 1) / r.slices;
		state_name(account, "rate", name);
		rate_read(&r, dir, name, now);
		if (rate_count(&r, number, now, ret_when))
			good = rate_write(&r, dir, name, err);
		close(lock);
	}
	close(dir);
	return lock >= 0 && good;
}
