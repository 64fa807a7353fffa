/* The queue: what is kept, who serves it, and what is known against an account. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "breaker.h"
#include "checkup.h"
#include "clock.h"
#include "heartbeat.h"
#include "queue.h"
#include "queue_text.h"
#include "queueing.h"
#include "strbuf.h"

#define SPACE_LOW  (100ULL << 20) /* octets; a warning */
#define SPACE_NONE (1ULL << 20)

/* What lies in a spool. */
struct census {
	struct spool *spool;
	struct queue_counts n;
	int64_t now;
	bool failed;
};

static bool
look(void *ctx, const char *id)
{
	struct census *census = ctx;
	struct queue_counts *n = &census->n;
	struct entry e = ENTRY_NONE;

	switch (spool_look(census->spool, id, census->failed, &e, NULL)) {
	case SPOOL_CLAIMED:
		n->failed += census->failed;
		n->messages += !census->failed;
		n->held += !census->failed && e.state == ENTRY_HELD;
		n->uncertain += !census->failed && e.state == ENTRY_UNCERTAIN;
		n->late += !census->failed && e.state == ENTRY_QUEUED &&
			   census->now - e.not_before - e.held > QUEUE_OLD;
		break;
	case SPOOL_DAMAGED:
		n->damaged++;
		break;
	case SPOOL_BUSY:
		/* somebody has just begun to send it */
		n->messages += !census->failed;
		break;
	case SPOOL_GONE:
	case SPOOL_ERROR:
		break;
	}
	entry_done(&e);
	return true;
}

/* Returns whether something waits for a runner. */
static bool
check_entries(struct checkup *c, struct spool *s)
{
	struct census all = { .spool = s, .now = clock_wall() };
	const struct queue_counts *n = &all.n;
	struct error err = ERROR_NONE;

	if (!spool_names(s, false, look, &all, &err)) {
		check_error(c, FINDING_WAITING, false, &err, "see the spool's directories");
		return false;
	}
	all.failed = true;
	(void)!spool_names(s, true, look, &all, NULL);
	all.n.damaged += spool_damaged_count(s);
	check_number(c, "messages", (int64_t)n->messages);
	check_number(c, "late", (int64_t)n->late);
	if (n->late)
		check_warn(c, FINDING_WAITING,
			"sendoff queue says why; sendoff queue flush tries again",
			"%lu waiting, %lu of them for over four hours", n->messages, n->late);
	else
		check_good(c, FINDING_WAITING, "%lu waiting", n->messages);
	if (n->held || n->uncertain)
		check_warn(c, FINDING_HELD,
			"sendoff queue show ID says why; sendoff queue release ID, or remove ID",
			"%lu held, %lu that may have been delivered", n->held, n->uncertain);
	else
		check_good(c, FINDING_HELD, "none");
	if (n->failed)
		check_warn(c, FINDING_FAILED,
			"sendoff queue list failed says why; sendoff queue retry ID, or remove ID",
			"%lu given up", n->failed);
	else
		check_good(c, FINDING_FAILED, "none");
	if (n->damaged)
		check_warn(c, FINDING_DAMAGED,
			"see what can be saved of the files, check the disk, and remove them",
			"%lu in %s/damaged or unreadable", n->damaged, s->path);
	else
		check_good(c, FINDING_DAMAGED, "none");
	return n->messages > n->held;
}

static void
check_space(struct checkup *c, struct spool *s)
{
	struct strbuf size = STRBUF_INIT(64);
	struct statvfs v;
	uint64_t left;

	if (fstatvfs(s->queue, &v) != 0)
		return;
	left = (uint64_t)v.f_bavail * v.f_frsize;
	queue_add_size(&size, left);
	check_number(c, "free", (int64_t)left);
	if (v.f_flag & ST_RDONLY)
		check_fail(c, FINDING_SPACE, FAULT_TEMPORARY,
			"mount that file system to be written, or set queue-dir to another",
			"the file system is read-only: messages cannot be kept");
	else if (left < SPACE_NONE || (v.f_files && !v.f_favail))
		check_fail(c, FINDING_SPACE, FAULT_TEMPORARY,
			"make room on that file system, or set queue-dir to another",
			"%s free: messages cannot be kept", size.s);
	else if (left < SPACE_LOW)
		check_warn(c, FINDING_SPACE,
			"make room on that file system, or set queue-dir to another", "%s free",
			size.s);
	else
		check_good(c, FINDING_SPACE, "%s free", size.s);
	strbuf_done(&size);
}

/* WANTED: an account keeps what cannot be sent, whoever serves it. */
static void
check_runner(struct checkup *c, const char *path, bool waiting, bool wanted)
{
	struct strbuf heartbeat = STRBUF_INIT(8192);
	bool fresh;

	spool_add_heartbeat(&heartbeat, path);
	fresh = heartbeat_is_fresh(heartbeat.s, spool_owner(path));
	check_datum(c, "runs", json_boolean(fresh));
	if (fresh)
		check_good(c, FINDING_RUNNER, "one is at work");
	else if (waiting || wanted)
		check_warn(c, FINDING_RUNNER,
			spool_is_system(path) ? "systemctl enable --now sendoff.socket "
						"sendoff-queue.timer, or run "
						"sendoff serve"
					      : "run sendoff queue run, or sendoff queue run "
						"--once from a timer or "
						"cron",
			"%s, and no runner is at work",
			waiting ? "messages are waiting" : "queue says that messages are kept");
	else
		check_good(c, FINDING_RUNNER, "none; nothing is kept that cannot be sent now");
	strbuf_done(&heartbeat);
}

/* There is no spool at PATH yet: whether it can be made. */
static void
check_place_of_spool(struct checkup *c, const char *path)
{
	struct strbuf above = STRBUF_INIT(8192);
	const char *slash;
	struct stat st;
	char owner[80];

	strbuf_adds(&above, path);
	do {
		slash = strrchr(above.s, '/');
		strbuf_truncate(&above, slash && slash > above.s ? (size_t)(slash - above.s) : 1);
	} while (above.len > 1 && stat(above.s, &st) != 0);
	if (access(above.s, W_OK | X_OK) == 0 || stat(above.s, &st) != 0) {
		check_good(c, FINDING_SPOOL, "%s is made when something is kept", path);
	} else {
		check_owner(owner, st.st_uid);
		check_warn(c, FINDING_SPOOL,
			"set queue-dir to a directory that this user can make, or have that one "
			"made",
			"%s is not there, and this user cannot make it below %s (%s, %o)", path,
			above.s, owner, st.st_mode & 07777);
	}
	strbuf_done(&above);
}

/* The spool of a system is its runner's: others pass it the way to the in-tray, and see what is
 * theirs by the service. */
static bool
is_of_others(const char *path, const struct error *why)
{
	struct strbuf drop = STRBUF_INIT(8192);
	bool others;

	strbuf_addf(&drop, "%s/drop", path);
	others = why->sys == EACCES && spool_is_system(path) && geteuid() != 0 &&
		 access(drop.s, W_OK | X_OK) == 0;
	strbuf_done(&drop);
	return others;
}

static void
check_spool(struct checkup *c, const char *path, bool wanted)
{
	struct error err = ERROR_NONE;
	struct spool s;
	bool waiting;
	char owner[80];

	check_text(c, "path", path);
	if (!spool_open(&s, path, false, &err)) {
		if (err.sys == EACCES)
			err.fault = FAULT_PERMISSION;
		if (err.sys == ENOENT)
			check_place_of_spool(c, path);
		else if (is_of_others(path, &err))
			check_good(c, FINDING_SPOOL,
				"%s is its runner's; sendoff queue lists what is yours", path);
		else
			check_error(c, FINDING_SPOOL, false, &err,
				"each directory of it must be its user's own, with mode 700");
		if (err.sys == ENOENT || is_of_others(path, &err))
			check_runner(c, path, false, wanted);
		return;
	}
	check_owner(owner, s.owner);
	check_good(c, FINDING_SPOOL, "%s (%s)", path, owner);
	check_space(c, &s);
	waiting = check_entries(c, &s);
	check_runner(c, path, waiting, wanted);
	spool_close(&s);
}

void
check_queues(struct checkup *c, const struct profile_list *accounts)
{
	struct strbuf seen = STRBUF_INIT(1 << 20), path = STRBUF_INIT(8192);
	bool known, wanted, system = false, own = false;
	size_t at;

	for (size_t i = 0; i < accounts->n; i++) {
		strbuf_clear(&path);
		spool_add_path(&path, &accounts->v[i]);
		known = !path.len;
		for (at = 0; !known && at < seen.len; at += strlen(seen.s + at) + 1)
			known = strcmp(seen.s + at, path.s) == 0;
		if (known)
			continue;
		strbuf_add(&seen, path.s, path.len + 1);
		wanted = profile_choice(&accounts->v[i], OPT_QUEUE) > QUEUE_AUTO;
		check_spool(c, path.s, wanted);
		if (spool_is_system(path.s))
			system = true;
		else
			own = true;
	}
	if (system)
		check_units(c, true);
	if (own)
		check_units(c, false);
	strbuf_done(&seen);
	strbuf_done(&path);
}

void
check_breaker(struct checkup *c, const struct profile *p)
{
	struct strbuf path = STRBUF_INIT(8192), span = STRBUF_INIT(64);
	int64_t now = clock_wall();
	struct error err = ERROR_NONE;
	struct breaker b;
	struct spool s;

	spool_add_path(&path, p);
	if (path.len && spool_open(&s, path.s, false, &err)) {
		breaker_read(&s, p->name, now, &b);
		spool_close(&s);
		queue_add_span(&span, b.next > now ? b.next - now : 0);
		check_text(c, "breaker", breaker_name(b.kind));
		if (b.kind == BREAKER_CLOSED)
			check_good(c, FINDING_BREAKER, "nothing is known against it");
		else
			check_warn(c, FINDING_BREAKER,
				"once the reason is gone: sendoff queue flush --account NAME, or "
				"wait",
				"%s, tried again in %s: %s", breaker_name(b.kind), span.s,
				b.why.text);
	}
	strbuf_done(&path);
	strbuf_done(&span);
}
