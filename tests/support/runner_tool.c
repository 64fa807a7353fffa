/* runner-tool SPOOL COMMAND [NAME=VALUE...]: the policy rooms by hand, with a smarthost that is a
 * function, for tests that kill them, watch them and read what they write.
 *
 * - queue: the message on standard input; to=, from=, id=, account=, notify=, return=, envid=,
 * orcpt=
 * - run: one run; log=, workers=1, flush=1, only=
 * - serve: stays; log=, heartbeat=, pause= (ms before the data), and with linger=1 each message is
 * in flight until its worker is told to end, and a little longer
 * - notice: prints the notification about entry id= of failed/ or queue/; kind=failed|delayed
 * - list: a line "FOLDER ID STATE" for each entry
 * - seen: as a program that sends once would; key=, uid=, sleep=, outcome=
 * - make, kick
 *
 * when= sets the clock. The local part of a recipient decides: temp, perm, doubt, long at its
 * start; the rest is taken, and written into log= as "ID RECIPIENT SENDER". way=refused: there is
 * no server. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "address.h"
#include "clock.h"
#include "error.h"
#include "message.h"
#include "runner_private.h"
#include "seen.h"
#include "spool.h"

static struct spool spool;
static char **arguments;
static int log_fd = -1;

static const char *
option(const char *name, const char *otherwise)
{
	size_t n = strlen(name);

	for (char **a = arguments; *a; a++)
		if (strncmp(*a, name, n) == 0 && (*a)[n] == '=')
			return *a + n + 1;
	return otherwise;
}

static int64_t
now(void)
{
	return clock_wall();
}

static int
fail(const struct error *err)
{
	fprintf(stderr, "runner-tool: %s\n", err->text);
	return fault_status(err->fault);
}

static void
parse_addresses(const char *text, struct address_list *ret)
{
	struct error err = ERROR_NONE;

	if (!address_list_parse(text, strlen(text), ret, &err))
		exit(fail(&err));
}

static int
queue(void)
{
	const struct message_reading how = { .directory = spool.path };
	const char *from = option("from", "alice@example.org"), *orcpt = option("orcpt", NULL);
	struct address_list to = ADDRESS_LIST_NONE;
	struct entry e = ENTRY_NONE;
	struct envelope v = ENVELOPE_NONE;
	struct message m = MESSAGE_NONE;
	struct error err = ERROR_NONE;

	m.base = ENTRY_BLOCK;
	parse_addresses(option("to", "ok@example.net"), &to);
	envelope_add_recipients(&v, &to);
	address_list_done(&to);
	v.envid = option("envid", NULL) ? strdup(option("envid", NULL)) : NULL;
	if (orcpt)
		v.recipients[0].orcpt = strdup(orcpt);
	snprintf(e.id, sizeof(e.id), "%s", option("id", ""));
	snprintf(e.account, sizeof(e.account), "%s", option("account", "work"));
	e.uid = getuid();
	e.created = e.not_before = now();
	e.lifetime = 5 * 86400;
	if (!address_parse_sender(from, strlen(from), &v.sender, &err) ||
		!dsn_notify_parse(option("notify", "failure,delay"), &v.dsn_notify, &err) ||
		!dsn_return_parse(option("return", "full"), &v.dsn_return, &err) ||
		!message_read(&m, STDIN_FILENO, &how, &err) ||
		!spool_commit(&spool, &e, &v, &m, now(), NULL, &err))
		return fail(&err);
	puts(e.id);
	entry_done(&e);
	message_done(&m);
	envelope_done(&v);
	return 0;
}

static void
answer(struct recipient *r, enum stage stage, enum fault fault, int code, struct enhanced enhanced,
	const char *words, struct error *why)
{
	*why = (struct error)ERROR_NONE;
	error_at(why, stage, fault, "smtp.example.net refused it: %s", words);
	why->smtp = code;
	why->code = enhanced;
	snprintf(why->words, sizeof(why->words), "%s", words);
	recipient_fail(r, why);
}

/* Behind the data, before the answer. */
static void
linger(void)
{
	while (!runner_is_stopped())
		usleep(1000);
	usleep(300000);
}

static void
decide(struct entry *e, struct recipient *r, struct error *why)
{
	const char *local = r->address.local;
	struct strbuf line = STRBUF_INIT(4096);

	if (strncmp(local, "temp", 4) == 0) {
		answer(r, STAGE_RCPT, FAULT_TEMPORARY, 450, (struct enhanced){ 4, 2, 1 },
			"Greylisted, try again later", why);
	} else if (strncmp(local, "perm", 4) == 0) {
		answer(r, STAGE_RCPT, FAULT_NOUSER, 550, (struct enhanced){ 5, 1, 1 },
			"No such user here", why);
	} else if (strncmp(local, "long", 4) == 0) {
		answer(r, STAGE_END, FAULT_DATA, 552, (struct enhanced){ 5, 3, 4 },
			"This message is larger than the 10485760 octets that this system takes, "
			"please read https://example.net/postmaster for what may be sent here, "
			"größer geht es nicht",
			why);
	} else if (strncmp(local, "doubt", 5) == 0) {
		*why = (struct error)ERROR_NONE;
		error_at(why, STAGE_END, FAULT_TEMPORARY, "the connection was lost");
		why->in_doubt = true;
		recipient_fail(r, why);
	} else {
		strbuf_addf(&line, "%s ", e->id);
		(void)!address_add_smtp(&line, &r->address, false, NULL);
		strbuf_addc(&line, ' ');
		(void)!address_add_smtp(&line, &e->envelope.sender, false, NULL);
		strbuf_addc(&line, '\n');
		runner_mark_sent();
		if (log_fd >= 0 && write(log_fd, line.s, line.len) != (ssize_t)line.len)
			abort();
		if (option("linger", NULL))
			linger();
		recipient_set(r, OUTCOME_ACCEPTED, 250, (struct enhanced){ 2, 0, 0 }, "Ok", NULL);
	}
	strbuf_done(&line);
}

static bool
deliver(void *ctx, struct entry *e, bool more, struct runner_delivery *ret, struct error *err)
{
	struct error why = ERROR_NONE;
	struct recipient *r;
	bool good = true;

	(void)ctx;
	(void)more;
	snprintf(ret->host, sizeof(ret->host), "smtp.example.net");
	if (strcmp(option("way", "up"), "refused") == 0)
		return error_at(err, STAGE_CONNECT, FAULT_TEMPORARY, "connection refused");
	if (option("pause", NULL))
		usleep((unsigned)strtoul(option("pause", NULL), NULL, 10) * 1000);
	for (size_t i = 0; i < e->envelope.count; i++) {
		r = &e->envelope.recipients[i];
		if (r->outcome != OUTCOME_PENDING)
			continue;
		decide(e, r, &why);
		if (r->outcome != OUTCOME_ACCEPTED)
			good = false;
		if (!good && !err->fault)
			*err = why;
	}
	return good;
}

static void
disconnect(void *ctx)
{
	(void)ctx;
}

static const struct bounce_settings bounces = { .host = "mail.example.org",
	.smarthost = "smtp.example.net" };

static bool
account(void *ctx, const char *name, struct runner_account *ret, struct error *err)
{
	(void)ctx;
	(void)name;
	(void)err;
	*ret = (struct runner_account){ .stamp = 1, .bounce = bounces };
	return true;
}

static void
trouble(void *ctx, const struct error *err)
{
	(void)ctx;
	fprintf(stderr, "runner-tool: %s\n", err->text);
}

static const struct runner_callbacks callbacks = {
	.account = account,
	.deliver = deliver,
	.disconnect = disconnect,
	.trouble = trouble,
};

static int
run(bool stay)
{
	const struct runner_settings settings = { .in_process = !option("workers", NULL),
		.flush = option("flush", NULL) != NULL,
		.only_id = option("only", NULL),
		.heartbeat = option("heartbeat", NULL) };
	struct runner_result r = { 0 };
	struct error err = ERROR_NONE;

	if (option("log", NULL))
		log_fd = open(option("log", NULL), O_WRONLY | O_APPEND | O_CREAT, 0600);
	if (option("log", NULL) && log_fd < 0)
		return 74;
	if (stay) {
		struct runner_settings staying = settings;

		staying.in_process = false;
		return runner_serve(&spool, &staying, &callbacks, &err) ? 0 : fail(&err);
	}
	if (!runner_run(&spool, &settings, &callbacks, &r, &err))
		return fail(&err);
	printf("sent=%u failed=%u deferred=%u uncertain=%u busy=%u left=%u\n", r.sent, r.failed,
		r.deferred, r.uncertain, r.busy, r.left);
	return 0;
}

static int
notice(void)
{
	const bool delayed = strcmp(option("kind", "failed"), "delayed") == 0;
	struct entry e = ENTRY_NONE;
	struct error err = ERROR_NONE;
	struct message m = MESSAGE_NONE;
	struct message_reader reader;
	char block[4096];
	ssize_t n;

	if (spool_claim(&spool, option("id", ""), true, &e, &err) != SPOOL_CLAIMED &&
		spool_claim(&spool, option("id", ""), false, &e, &err) != SPOOL_CLAIMED)
		return fail(&err);
	/* as if nobody had been told */
	for (size_t i = 0; i < e.envelope.count; i++)
		e.envelope.recipients[i].told = false;
	if (!bounce_compose(
		    &e, delayed ? BOUNCE_DELAYED : BOUNCE_FAILED, &bounces, now(), &m, &err))
		return fail(&err);
	message_reader_init(&reader, &m);
	while ((n = message_reader_get(&reader, block, sizeof(block), &err)) > 0)
		fwrite(block, 1, (size_t)n, stdout);
	message_done(&m);
	entry_done(&e);
	return 0;
}

static bool list_failed;

static bool
list_one(void *ctx, const struct spool_item *item)
{
	struct entry e = ENTRY_NONE;

	(void)ctx;
	if (spool_look(&spool, item->id, list_failed, &e, NULL) == SPOOL_CLAIMED)
		printf("%s %s %d attempts=%u bounced=%d due=%lld\n",
			list_failed ? "failed" : "queue", e.id, (int)e.state, e.attempts, e.bounced,
			(long long)e.due);
	else
		printf("%s %s damaged\n", list_failed ? "failed" : "queue", item->id);
	entry_done(&e);
	return true;
}

static int
list(void)
{
	struct error err = ERROR_NONE;

	for (int i = 0; i < 2; i++) {
		list_failed = i;
		if (!spool_scan(&spool, list_failed, list_one, NULL, &err))
			return fail(&err);
	}
	return 0;
}

static int
send_once(void)
{
	struct seen seen;
	struct error err = ERROR_NONE;

	if (!seen_begin(&spool, (uid_t)strtoul(option("uid", "1000"), NULL, 10), option("key", ""),
		    now(), &seen, &err))
		return fail(&err);
	if (seen.state != SEEN_NEW) {
		printf("%s %s\n", seen.state == SEEN_DONE ? "done" : "running", seen.outcome);
		return seen.state == SEEN_DONE ? 0 : 75;
	}
	if (!seen_note(&seen, "noted", &err))
		return fail(&err);
	printf("new %s\n", seen.outcome);
	fflush(stdout);
	usleep((unsigned)strtoul(option("sleep", "0"), NULL, 10) * 1000);
	if (!option("outcome", NULL)) {
		seen_forget(&seen);
		return 69;
	}
	if (!seen_done(&seen, option("outcome", ""), &err))
		return fail(&err);
	seen_end(&seen);
	return 0;
}

int
main(int argc, char **argv)
{
	struct error err = ERROR_NONE;
	const char *command;

	if (argc < 3)
		return 64;
	arguments = argv + 3;
	command = argv[2];
	setenv("TZ", "UTC", 1);
	if (option("when", NULL))
		clock_pretend((time_t)strtoll(option("when", NULL), NULL, 10));
	if (!spool_open(&spool, argv[1], true, &err))
		return fail(&err);
	if (strcmp(command, "make") == 0)
		return 0;
	if (strcmp(command, "queue") == 0)
		return queue();
	if (strcmp(command, "run") == 0 || strcmp(command, "serve") == 0)
		return run(*command == 's');
	if (strcmp(command, "notice") == 0)
		return notice();
	if (strcmp(command, "list") == 0)
		return list();
	if (strcmp(command, "seen") == 0)
		return send_once();
	if (strcmp(command, "kick") == 0) {
		runner_kick(&spool);
		return 0;
	}
	return 64;
}
