/* The file, the name of the account, and both written: the secret first, so that no account stands
 * there without it. */
#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "alloc.h"
#include "ask.h"
#include "clock.h"
#include "error.h"
#include "login.h"
#include "provider.h"
#include "queueing_signal.h"
#include "secret.h"
#include "setup_state.h"
#include "status.h"
#include "submission.h"
#include "text.h"

#define STORE_SECONDS 60
#define NAME_LIMIT    100

/* The files that are read where none is named: the user's, then the system's. */
struct files {
	char *path[2];
	size_t n;
};

static void
add_file(void *ctx, const char *path)
{
	struct files *f = ctx;

	if (f->n < 2)
		f->path[f->n++] = xstrdup(path);
}

/* Root sets up for the machine, or for itself. */
static bool
choose_among(struct setup *s, struct files *f, size_t *ret, struct error *err)
{
	struct strbuf choices[2] = { STRBUF_INIT(8192), STRBUF_INIT(8192) };
	const char *texts[2];
	bool good;

	*ret = 0;
	if (f->n < 2 || geteuid() != 0)
		return true;
	/* one that root has made for itself counts more than the system's */
	*ret = access(f->path[0], F_OK) == 0 ? 0 : 1;
	if (!setup_may_ask() || setup_given(s, OPT_YES))
		return true;
	strbuf_addf(&choices[0], "root only: %s", f->path[0]);
	strbuf_addf(&choices[1], "this machine: %s", f->path[1]);
	texts[0] = choices[0].s;
	texts[1] = choices[1].s;
	good = ask_choice("For whom is the account", texts, 2, *ret, "--config FILE", ret, err);
	strbuf_done(&choices[0]);
	strbuf_done(&choices[1]);
	return good;
}

static bool may_take(const struct setup *s, const char *name, bool *ret, struct error *err);

bool
setup_choose_file(struct setup *s, struct error *err)
{
	struct submission sub = { .args = s->args };
	struct profile_sources where = submission_sources(&sub);
	struct files f = { .n = 0 };
	size_t at = 0;
	bool good, mine;

	profile_each_file(&where, add_file, &f);
	good = choose_among(s, &f, &at, err);
	/* as secret_name_of has it: the service's user may read what is kept for this one */
	s->system = good && geteuid() == 0 && strcmp(f.path[at], SYSCONFDIR "/sendoff/config") == 0;
	if (s->system) {
		/* what is kept for it is the machine's from the beginning, tokens too */
		free(s->account.origin);
		s->account.origin = xstrdup(SYSCONFDIR "/sendoff/config:" SETUP_ORIGIN);
	}
	good = good && configure_open(&s->file, f.path[at], err) &&
	       (setup_may_ask() || !setup_given(s, OPT_ACCOUNT) ||
		       may_take(s, profile_text(s->given, OPT_ACCOUNT), &mine, err));
	for (size_t i = 0; i < f.n; i++)
		free(f.path[i]);
	return good;
}

/* Adds the part of TEXT that a name may be of. */
static void
add_name(struct strbuf *out, const char *text)
{
	for (; *text && *text != '.' && out->len < 40; text++)
		if (isalnum((unsigned char)*text))
			strbuf_addc(out, (char)tolower((unsigned char)*text));
}

/* The account that sends as the same address already: a second one would stand in its shadow. */
static const struct profile *
same_sender(const struct setup *s)
{
	const char *from = profile_text(&s->account, OPT_FROM), *other;

	if (!from)
		from = s->address;
	for (size_t i = 0; *from && i < s->file.accounts.n; i++) {
		other = profile_text(&s->file.accounts.v[i], OPT_FROM);
		if (other && strcasecmp(other, from) == 0 &&
			strlen(s->file.accounts.v[i].name) < NAME_LIMIT)
			return &s->file.accounts.v[i];
	}
	return NULL;
}

/* `default` for the first one, else that of the account of the same address, else the provider's
 * name or the domain's first label, with a number behind it where there is one of that name. */
static void
propose_name(const struct setup *s, struct strbuf *out)
{
	const struct profile *same = same_sender(s);
	size_t n;

	if (same) {
		strbuf_adds(out, same->name);
		return;
	}
	if (!s->file.accounts.n) {
		strbuf_adds(out, "default");
		return;
	}
	add_name(out, s->provider ? s->provider->name : s->domain);
	if (!out->len)
		strbuf_adds(out, "account");
	n = out->len;
	for (unsigned i = 2; configure_has(&s->file, out->s) && i < PROFILE_ACCOUNTS + 2; i++) {
		strbuf_truncate(out, n);
		strbuf_addf(out, "-%u", i);
	}
}

static bool
check_name(void *ctx, const char *text, struct error *err)
{
	(void)ctx;
	if (!*text || strlen(text) > NAME_LIMIT || strpbrk(text, "[]") ||
		strcmp(text, "environment") == 0 || text_has_control(text, strlen(text)))
		return error_set(err, FAULT_USAGE,
			"A name has up to %d characters without brackets, and is not "
			"\"environment\".",
			NAME_LIMIT);
	return true;
}

/* An account is never replaced without a word. */
static bool
may_take(const struct setup *s, const char *name, bool *ret, struct error *err)
{
	char question[200];

	*ret = !configure_has(&s->file, name) || setup_given(s, OPT_REPLACE);
	if (*ret)
		return true;
	if (!setup_may_ask())
		return error_set(err, FAULT_CREATE,
			"%s has an account %s already: give --replace, or another name by "
			"--account NAME",
			s->file.path, name);
	snprintf(question, sizeof(question), "There is an account %s already. Replace it", name);
	return ask_yes(question, false, "--replace", ret, err);
}

bool
setup_choose_name(struct setup *s, struct error *err)
{
	struct strbuf preset = STRBUF_INIT(NAME_LIMIT), name = STRBUF_INIT(NAME_LIMIT);
	bool given = setup_given(s, OPT_ACCOUNT), good = true, mine = false;

	propose_name(s, &preset);
	while (good && !mine) {
		strbuf_clear(&name);
		if (given)
			strbuf_adds(&name, profile_text(s->given, OPT_ACCOUNT));
		else if (!setup_may_ask() || !s->file.accounts.n || setup_given(s, OPT_YES))
			strbuf_adds(&name, preset.s);
		else
			good = ask_line("Name of the account", preset.s, "--account NAME",
				check_name, NULL, &name, err);
		good = good && check_name(NULL, name.s, err) && may_take(s, name.s, &mine, err);
		if (good && !mine && given)
			good = error_set(
				err, FAULT_CREATE, "the account %s stays as it is", name.s);
	}
	if (good) {
		free(s->account.name);
		s->account.name = xstrdup(name.s);
	}
	strbuf_done(&preset);
	strbuf_done(&name);
	return good;
}

/* Where there are others, this one is for mail of its address. */
static bool
match(struct setup *s, struct error *err)
{
	size_t others = s->file.accounts.n - configure_has(&s->file, s->account.name);
	const char *from = profile_text(&s->account, OPT_FROM);

	if (!others || !from || strpbrk(from, "*?, ") ||
		profile_is_set(&s->account, OPT_MATCH_FROM))
		return true;
	return setup_set(s, OPT_MATCH_FROM, from, err);
}

static void
show_account(const struct setup *s, FILE *out, const char *indent)
{
	struct strbuf text = STRBUF_INIT(PROFILE_FILE_MAX);
	const char *at, *end;

	configure_add_account(&text, &s->account);
	for (at = text.s; *at; at = end + 1) {
		end = strchrnul(at, '\n');
		fprintf(out, "%s%.*s\n", indent, (int)(end - at), at);
		if (!*end)
			break;
	}
	strbuf_done(&text);
}

/* The store's name of the password; free its directory. */
static struct secret_name
password_name(const struct setup *s, char *label, size_t size)
{
	struct secret_name n = { .service = "smtp",
		.host = s->host,
		.user = profile_text(&s->account, OPT_USER),
		.directory = secret_directory(s->system),
		.label = label };

	snprintf(label, size, "sendoff: %.200s at %.200s", n.user, s->host);
	return n;
}

/* With what was there before, should the account not be written after all. */
static bool
store(struct setup *s, struct strbuf *before, enum secret_place *before_place, struct strbuf *where,
	struct error *err)
{
	int place = profile_choice(s->given, OPT_STORE);
	int64_t deadline = clock_in(STORE_SECONDS * CLOCK_SECOND);
	struct secret_name n;
	char label[500];
	bool good;

	if (!s->typed.len)
		return true;
	n = password_name(s, label, sizeof(label));
	(void)!secret_read(&n, SECRET_PLACE_AUTO, deadline, before, before_place, NULL);
	/* the options' order is that of the enumeration */
	good = secret_write(&n, place < 0 ? SECRET_PLACE_AUTO : (enum secret_place)place, &s->typed,
		deadline, &s->stored, where, err);
	free((char *)n.directory);
	return good;
}

static void
take_back(struct setup *s, const struct strbuf *before, enum secret_place before_place)
{
	int64_t deadline = clock_in(STORE_SECONDS * CLOCK_SECOND);
	struct secret_name n;
	char label[500];

	if (s->stored == SECRET_PLACE_NOWHERE)
		return;
	n = password_name(s, label, sizeof(label));
	if (before_place != SECRET_PLACE_NOWHERE && before->len)
		(void)!secret_write(&n, before_place, before, deadline, NULL, NULL, NULL);
	if (before_place != s->stored)
		(void)!secret_remove(&n, s->stored, deadline, NULL, NULL, NULL);
	free((char *)n.directory);
	s->stored = SECRET_PLACE_NOWHERE;
}

/* Both, or neither: nobody can interrupt this. */
static bool
commit(struct setup *s, struct error *err)
{
	struct strbuf before = STRBUF_INIT_SECRET(SECRET_MAX), copy = STRBUF_INIT(8192),
		      where = STRBUF_INIT(8192);
	enum secret_place before_place = SECRET_PLACE_NOWHERE;
	sigset_t block, old;

	sigemptyset(&block);
	for (size_t i = 0; i < 4; i++)
		sigaddset(&block, (int[]){ SIGINT, SIGTERM, SIGHUP, SIGTSTP }[i]);
	sigprocmask(SIG_BLOCK, &block, &old);
	if (signals_caught())
		error_set(err, FAULT_TEMPORARY, "interrupted");
	else if (store(s, &before, &before_place, &where, err))
		s->written = configure_write(&s->file, s->system ? 0644 : 0600, &copy, err);
	if (!s->written)
		take_back(s, &before, before_place);
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (s->written && where.len)
		setup_say(SETUP_GOOD, "stored", "the password, in %s", where.s);
	if (s->written)
		setup_say(SETUP_GOOD, "written", "account %s in %s", s->account.name, s->file.path);
	if (s->written && copy.len)
		setup_say(SETUP_PLAIN, "copy", "of what was there: %s", copy.s);
	strbuf_done(&before);
	strbuf_done(&copy);
	strbuf_done(&where);
	return s->written;
}

bool
setup_write(struct setup *s, struct error *err)
{
	bool yes = true;

	if (!match(s, err) || !configure_put(&s->file, &s->account, err))
		return false;
	if (setup_given(s, OPT_DRY_RUN)) {
		setup_head("This would go into %s:", s->file.path);
		fflush(stderr);
		show_account(s, stdout, "");
		return status_printed() ||
		       error_set(err, FAULT_IO, "standard output cannot be written");
	}
	setup_head("This goes into %s%s:", s->file.path, s->file.exists ? "" : ", which is new");
	fputc('\n', stderr);
	show_account(s, stderr, "    ");
	fputc('\n', stderr);
	if (!setup_yes(s, "Write it", true, "--yes", &yes, err))
		return false;
	if (!yes)
		return error_set(err, FAULT_PERMISSION, "you did not want it written");
	return commit(s, err);
}
