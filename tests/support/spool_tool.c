/* spool-tool [--without=tmpfile|proc|both] [--ago=SECONDS] SPOOL COMMAND: the storage rooms one
 * operation at a time, for tests that kill it, fail its calls and cut the power. What was done for
 * good is said on standard output by one write. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "io.h"
#include "spool.h"
#include "spool_private.h"

static struct spool spool;
static long ago; /* seconds by which what is committed is old */

static int
say(const char *what, const char *id)
{
	char line[128];
	int n = snprintf(line, sizeof(line), "%s %s\n", what, id);

	return write(STDOUT_FILENO, line, (size_t)n) == n ? 0 : 74;
}

static int
fail(const struct error *err)
{
	fprintf(stderr, "spool-tool: %s\n", err->text);
	return fault_status(err->fault);
}

static void
add_recipient(struct envelope *v, const char *address)
{
	struct address_list l = ADDRESS_LIST_NONE;
	struct error err = ERROR_NONE;

	if (!address_list_parse(address, strlen(address), &l, &err))
		abort();
	envelope_add_recipients(v, &l);
	address_list_done(&l);
}

/* commit [ID], and drop DIRECTORY [ID] */
static int
keep(const char *path, const char *directory, const char *id)
{
	struct message_reading how = { .directory = directory ?: path };
	struct error err = ERROR_NONE;
	struct entry e = ENTRY_NONE;
	struct envelope v = ENVELOPE_NONE;
	struct message m = MESSAGE_NONE;
	bool good, existed = false;
	int status;

	m.base = ENTRY_BLOCK;
	if (!message_read(&m, STDIN_FILENO, &how, &err))
		return fail(&err);
	if (!address_parse_sender("alice@example.org", 17, &v.sender, &err))
		abort();
	add_recipient(&v, "bob@example.org");
	add_recipient(&v, "carol@example.net");
	snprintf(e.id, sizeof(e.id), "%s", id ?: "");
	e.uid = getuid();
	e.created = e.not_before = clock_wall() - ago;
	e.lifetime = 5 * 24 * 3600;
	if (directory)
		good = spool_drop(directory, &e, &v, &m, &err);
	else
		good = spool_commit(&spool, &e, &v, &m, e.created, &existed, &err);
	status = good ? say(existed ? "existed" : "accepted", e.id) : fail(&err);
	entry_done(&e);
	envelope_done(&v);
	message_done(&m);
	return status;
}

static bool failed_too;

static bool
list_one(void *ctx, const char *id)
{
	static const char *const states[] = { "queued", "held", "uncertain", "failed" };
	bool failed = *(bool *)ctx;
	struct error err = ERROR_NONE;
	struct entry e = ENTRY_NONE;

	switch (spool_look(&spool, id, failed, &e, &err)) {
	case SPOOL_CLAIMED:
		printf("%s %s %s attempts=%u held=%d", failed ? "failed" : "queue", id,
			states[e.state], e.attempts, e.state == ENTRY_HELD);
		for (size_t i = 0; i < e.envelope.count; i++)
			printf(" %s", outcome_name(e.envelope.recipients[i].outcome));
		putchar('\n');
		break;
	case SPOOL_DAMAGED:
		printf("%s %s damaged\n", failed ? "failed" : "queue", id);
		break;
	case SPOOL_GONE:
	case SPOOL_BUSY:
		break;
	case SPOOL_ERROR:
		failed_too = true;
		fprintf(stderr, "spool-tool: %s\n", err.text);
	}
	entry_done(&e);
	return true;
}

static int
list(void)
{
	struct error err = ERROR_NONE;

	if (!spool_names(&spool, false, list_one, &(bool){ false }, &err) ||
		!spool_names(&spool, true, list_one, &(bool){ true }, &err))
		return fail(&err);
	return failed_too ? 74 : 0;
}

static int
show(const struct entry *e)
{
	struct message_reader r;
	struct error err = ERROR_NONE;
	char piece[65536];
	ssize_t n;

	message_reader_init(&r, &e->message);
	while ((n = message_reader_get(&r, piece, sizeof(piece), &err)) > 0)
		if (!io_write_full(STDOUT_FILENO, piece, (size_t)n))
			return 74;
	return n < 0 ? fail(&err) : 0;
}

/* An attempt: the first recipient is refused for now, the others are served. */
static bool
append(struct entry *e, struct error *err)
{
	struct error why = { .fault = FAULT_TEMPORARY, .stage = STAGE_RCPT, .smtp = 451 };
	enum outcome *noted = calloc(e->envelope.count, sizeof(*noted));
	bool good;

	snprintf(why.text, sizeof(why.text), "the recipient was refused");
	snprintf(why.words, sizeof(why.words), "try again later");
	for (size_t i = 0; i < e->envelope.count; i++) {
		noted[i] = e->envelope.recipients[i].outcome;
		if (i)
			recipient_set(&e->envelope.recipients[i], OUTCOME_ACCEPTED, 250,
				(struct enhanced){ 2, 0, 0 }, "ok", NULL);
		else
			recipient_fail(&e->envelope.recipients[i], &why);
	}
	e->attempts++;
	e->due += 300;
	good = entry_append(e, noted, clock_wall(), err);
	free(noted);
	return good;
}

/* Commands for one claimed entry. */
static int
with_entry(const char *command, const char *id)
{
	bool failed = !strcmp(command, "retry") || !strcmp(command, "show-failed"), good;
	struct error err = ERROR_NONE;
	struct entry e = ENTRY_NONE;
	int status;

	switch (spool_claim(&spool, id, failed, &e, &err)) {
	case SPOOL_CLAIMED:
		break;
	case SPOOL_BUSY:
		return say("busy", id) ?: 75;
	case SPOOL_GONE:
		return say("gone", id) ?: 69;
	case SPOOL_DAMAGED:
		say("damaged", id);
		return fail(&err);
	case SPOOL_ERROR:
		return fail(&err);
	}
	if (!strncmp(command, "show", 4)) {
		status = show(&e);
		entry_done(&e);
		return status;
	}
	if (!strcmp(command, "claim-remove"))
		good = spool_remove(&spool, &e, false, &err);
	else if (!strcmp(command, "append"))
		good = append(&e, &err);
	else if (!strcmp(command, "fail"))
		good = spool_fail(&spool, &e, &err);
	else if (!strcmp(command, "retry"))
		good = spool_retry(&spool, &e, clock_wall(), &err);
	else if (!strcmp(command, "hold") || !strcmp(command, "release"))
		good = spool_hold(&spool, &e, *command == 'h', clock_wall(), &err);
	else
		return 64;
	status = good ? say(command, id) : fail(&err);
	entry_done(&e);
	return status;
}

static void
taken(void *ctx, const struct entry *e)
{
	(void)ctx;
	say("taken", e->id);
}

static int
take_drops(char **args)
{
	struct spool_limits limits = { 0 };
	struct error err = ERROR_NONE;

	if (args[0])
		limits.messages = (unsigned)strtoul(args[0], NULL, 10);
	if (args[0] && args[1])
		limits.octets = limits.message_octets = strtoul(args[1], NULL, 10);
	return spool_take_drops(&spool, &limits, taken, NULL, &err) ? 0 : fail(&err);
}

static int
run(const char *path, const char *command, char **args)
{
	struct error err = ERROR_NONE;

	if (!strcmp(command, "drop"))
		return args[0] ? keep(path, args[0], args[1]) : 64;
	if (!spool_open(&spool, path, !strcmp(command, "commit") || !strcmp(command, "make"), &err))
		return fail(&err);
	if (!strcmp(command, "make"))
		return 0;
	if (!strcmp(command, "commit")) {
		char queue[4096];

		snprintf(queue, sizeof(queue), "%s/queue", path);
		return keep(queue, NULL, args[0]);
	}
	if (!strcmp(command, "list"))
		return list();
	if (!strcmp(command, "take-drops"))
		return take_drops(args);
	if (!strcmp(command, "tidy"))
		return spool_tidy(&spool, &err) ? 0 : fail(&err);
	return args[0] ? with_entry(command, args[0]) : 64;
}

int
main(int argc, char **argv)
{
	int status;

	if (argc > 1 && !strncmp(argv[1], "--without=", 10)) {
		const char *what = argv[1] + 10;

		spool_without = !strcmp(what, "tmpfile") ? SPOOL_WITHOUT_TMPFILE
				: !strcmp(what, "proc")
					? SPOOL_WITHOUT_PROC
					: SPOOL_WITHOUT_TMPFILE | SPOOL_WITHOUT_PROC;
		argc--, argv++;
	}
	if (argc > 1 && !strncmp(argv[1], "--ago=", 6)) {
		ago = strtol(argv[1] + 6, NULL, 10);
		argc--, argv++;
	}
	if (argc < 3) {
		fputs("usage: spool-tool [--without=tmpfile|proc|both] [--ago=SECONDS] SPOOL make "
		      "| commit [ID] | "
		      "list "
		      "| show ID | show-failed ID | claim-remove ID | append ID | fail ID | retry "
		      "ID "
		      "| hold ID | release ID | drop DIRECTORY [ID] | take-drops [MESSAGES "
		      "[OCTETS]] "
		      "| tidy\n",
			stderr);
		return 64;
	}
	status = run(argv[1], argv[2], argv + 3);
	spool_close(&spool);
	return status;
}
