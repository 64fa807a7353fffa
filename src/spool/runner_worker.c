/* Processes that walk, and the signals that end them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"
#include "error.h"
#include "runner_private.h"

static volatile sig_atomic_t stopped, held, unshared_sent;
static volatile sig_atomic_t *sent = &unshared_sent;

void
runner_hold_signals(bool hold)
{
	held = hold;
}

bool
runner_is_stopped(void)
{
	return stopped;
}

void
runner_mark_sent(void)
{
	*sent = 1;
}

/* What has not left is in the queue as it was; what has left is waited for. */
static void
on_end(int signal)
{
	(void)signal;
	stopped = 1;
	if (!held && !*sent)
		_exit(0);
}

static void
set_signals(void)
{
	struct sigaction end = { .sa_handler = on_end, .sa_flags = SA_RESTART };
	struct sigaction usual = { .sa_handler = SIG_DFL }, none = { .sa_handler = SIG_IGN };
	sigset_t all;

	sigaction(SIGTERM, &end, NULL);
	sigaction(SIGINT, &end, NULL);
	sigaction(SIGCHLD, &usual, NULL);
	/* the runner's business */
	sigaction(SIGHUP, &none, NULL);
	sigemptyset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
}

static void __attribute__((noreturn)) be_worker(struct runner_work *w, pid_t parent)
{
	stopped = held = 0;
	sent = &w->share->sent;
	set_signals();
	/* the claims of a runner that was killed must not outlive it for long */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() == parent)
		runner_work(w);
	fflush(NULL);
	_exit(0);
}

static struct runner_batch *
make_batch(size_t n, unsigned count)
{
	size_t size = sizeof(struct runner_batch) + count * sizeof(struct runner_share);
	struct runner_batch *b =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (b == MAP_FAILED)
		return NULL;
	b->n = n;
	b->size = size;
	return b;
}

static struct runner_worker *
free_worker(struct runner *r)
{
	for (size_t i = 0; i < r->worker_count; i++)
		if (!r->workers[i].pid)
			return &r->workers[i];
	if (r->worker_count == RUNNER_WORKERS)
		return NULL;
	r->workers = xreallocarray(r->workers, r->worker_count + 1, sizeof(*r->workers));
	return &r->workers[r->worker_count++];
}

static bool
fork_worker(struct runner *r, struct runner_work *w, int index, struct runner_batch *b,
	struct runner_share *share)
{
	struct runner_worker *worker = free_worker(r);
	pid_t parent = getpid(), pid;

	if (!worker)
		return false;
	*worker = (struct runner_worker){ .account = index, .batch = b, .share = share };
	w->share = share;
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		be_worker(w, parent);
	if (pid < 0)
		return false;
	worker->pid = pid;
	b->users++;
	r->accounts[index].running++;
	return true;
}

void
runner_start(struct runner *r, int index, const struct runner_account *account,
	const struct runner_item *items, size_t n, unsigned count)
{
	struct runner_account_state *a = &r->accounts[index];
	struct runner_work w = { .s = r->s,
		.settings = r->settings,
		.cb = r->cb,
		.name = a->name,
		.account = account,
		.items = items,
		.n = n,
		.chunk = account->per_connection ?: 100,
		.force = r->force,
		.connected = r->drain,
		.most = r->drain };
	struct runner_batch *b = make_batch(n, count ?: 1);
	unsigned started = 0;

	if (!b) {
		a->blocked = clock_wall() + RUNNER_BUSY_PAUSE;
		return;
	}
	w.next = &b->next;
	w.first = &b->share[0];
	while (!r->settings->in_process && started < count &&
		fork_worker(r, &w, index, b, &b->share[started]))
		started++;
	if (started)
		return;
	/* a process more is a help, not a condition */
	w.share = &b->share[0];
	runner_work(&w);
	r->result.left += (unsigned)(n - (w.share->handled < n ? w.share->handled : n));
	runner_take_share(r, index, w.share);
	munmap(b, b->size);
}

void
runner_take_share(struct runner *r, int index, const struct runner_share *share)
{
	struct runner_account_state *a = &r->accounts[index];
	const struct runner_result *s = &share->result;
	unsigned pause = 1U << (a->busy < 5 ? a->busy : 5);

	r->result.sent += s->sent;
	r->result.failed += s->failed;
	r->result.deferred += s->deferred;
	r->result.uncertain += s->uncertain;
	r->result.busy += s->busy;
	r->result.damaged += s->damaged;
	r->result.trouble += s->trouble;
	if (share->blocked > a->blocked)
		a->blocked = share->blocked;
	if (share->handled || s->sent + s->failed + s->deferred + s->uncertain) {
		r->progress = true;
		a->busy = 0;
	} else if (s->busy || s->trouble) {
		a->busy++;
		if (a->blocked < clock_wall() + pause && !share->blocked)
			a->blocked = clock_wall() +
				     (pause < RUNNER_BUSY_PAUSE ? pause : RUNNER_BUSY_PAUSE);
	}
}

/* Everybody who was tried has what killed the process for an answer. */
static void
take_down_death(struct runner *r, struct entry *e, const enum outcome *noted,
	const struct runner_account *account, const struct error *why, struct error *err)
{
	const struct runner_delivery delivery = { .host = "" };
	struct runner_attempt a = { r->s, account, &delivery, &r->settings->draw, r->cb, noted,
		NULL, false, why };
	enum outcome *before;
	struct recipient *p;
	enum runner_end end;

	for (size_t i = 0; i < e->envelope.count; i++) {
		p = &e->envelope.recipients[i];
		if (p->outcome == OUTCOME_TEMPORARY)
			recipient_set(p, OUTCOME_PENDING, 0, (struct enhanced){ 0 }, NULL, NULL);
	}
	a.before = before = runner_note(e);
	if (runner_take_down(&a, e, &end, err) && (end == RUNNER_SENT || end == RUNNER_DROPPED))
		(void)!spool_flush(r->s, err);
	free(before);
}

/* A worker has died of what it had in its hands: that waits, and does not kill the next one at
 * once. If the end of its data had left it may have been delivered. */
static void
put_off_current(struct runner *r, const struct runner_worker *w, int status)
{
	struct error why = { .fault = FAULT_TEMPORARY, .stage = STAGE_END }, err = ERROR_NONE;
	struct runner_account account;
	struct entry e = ENTRY_NONE;
	enum outcome *noted;

	snprintf(why.text, sizeof(why.text), "the process that tried message %s ended by %s %d",
		w->share->current, WIFSIGNALED(status) ? "signal" : "status",
		WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	runner_trouble(r->cb, &why);
	r->result.trouble++;
	if (!r->cb->account(r->cb->ctx, r->accounts[w->account].name, &account, &err))
		account = (struct runner_account){ .uncertain = SCHEDULE_DOUBT_HOLD };
	error_clear(&err);
	if (spool_claim(r->s, w->share->current, false, &e, &err) == SPOOL_CLAIMED) {
		noted = runner_note(&e);
		why.in_doubt = w->share->sent;
		take_down_death(r, &e, noted, &account, &why, &err);
		free(noted);
	}
	runner_trouble(r->cb, &err);
	entry_done(&e);
}

/* Has it ended? */
static bool
has_ended(struct runner_worker *w, bool wait, int *status)
{
	pid_t got;

	do
		got = waitpid(w->pid, status, wait ? 0 : WNOHANG);
	while (got < 0 && errno == EINTR);
	return got != 0;
}

void
runner_reap(struct runner *r, bool wait)
{
	struct runner_worker *w;
	int status = 0;

	for (size_t i = 0; i < r->worker_count; i++) {
		w = &r->workers[i];
		if (!w->pid || !has_ended(w, wait, &status))
			continue;
		w->pid = 0;
		r->accounts[w->account].running--;
		if (w->share->current[0] &&
			(w->share->sent || !WIFEXITED(status) || WEXITSTATUS(status)) &&
			!(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM)) {
			put_off_current(r, w, status);
			r->progress = true;
		}
		runner_take_share(r, w->account, w->share);
		w->batch->handled += w->share->handled;
		if (--w->batch->users)
			continue;
		if (w->batch->handled < w->batch->n)
			r->result.left += (unsigned)(w->batch->n - w->batch->handled);
		munmap(w->batch, w->batch->size);
	}
}
