#include "token_store.h"

#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "hash.h"
#include "io.h"
#include "privilege.h"
#include "profile.h"
#include "token_settings.h"

#define SYSTEM_DIRECTORY LOCALSTATEDIR "/lib/sendoff/tokens"
#define LOCK_POLL_MS     50
#define LOCK_MS          (60 * CLOCK_SECOND)

/* The accounts of the system's configuration, as the service and root use them. Another user who
 * sends by one of them logs in on his own. */
static bool
is_system(const struct profile *p)
{
	const struct passwd *service;

	if (!profile_is_system(p))
		return false;
	if (!geteuid())
		return true;
	service = getpwnam(PRIVILEGE_USER);
	return service && service->pw_uid == geteuid();
}

static bool
find_directory(struct token_store *t, struct error *err)
{
	const char *state = secure_getenv("XDG_STATE_HOME"), *home = io_home();

	if (t->system)
		strbuf_adds(&t->directory, SYSTEM_DIRECTORY);
	else if (state && *state == '/')
		strbuf_addf(&t->directory, "%s/sendoff/tokens", state);
	else if (home && *home == '/')
		strbuf_addf(&t->directory, "%s/.local/state/sendoff/tokens", home);
	return (t->directory.len && !t->directory.full) ||
	       error_set(err, FAULT_CONFIG, "this user has no home directory to keep tokens in");
}

bool
token_store_init(struct token_store *t, const struct profile *p, struct error *err)
{
	struct hash h;

	*t = (struct token_store){ .directory = STRBUF_INIT(4000),
		.label = STRBUF_INIT(1024),
		.place = (enum secret_place)profile_choice(p, OPT_TOKEN_STORE) };
	t->system = is_system(p);
	token_settings_host(p, t->host);
	strbuf_addf(&t->label, "sendoff: access for %.200s at %.200s",
		profile_text(p, OPT_USER) ?: "", t->host);
	t->files = secret_directory(false);
	t->name = (struct secret_name){ .service = TOKEN_SERVICE,
		.host = t->host,
		.user = profile_text(p, OPT_USER) ?: "",
		.directory = t->files,
		.label = t->label.s };
	hash_init(&h, 0);
	hash_add(&h, t->host, strlen(t->host) + 1);
	hash_add(&h, t->name.user, strlen(t->name.user));
	snprintf(t->base, sizeof(t->base), "%016llx", (unsigned long long)hash_end(&h));
	return find_directory(t, err);
}

void
token_store_done(struct token_store *t)
{
	strbuf_done(&t->directory);
	strbuf_done(&t->label);
	free(t->files);
	t->files = NULL;
}

/* The service's rotation must work without a keyring, and without root. */
static bool
uses_file(const struct token_store *t, enum secret_place place)
{
	return t->system && (place == SECRET_PLACE_AUTO || place == SECRET_PLACE_FILE);
}

bool
token_store_read(const struct token_store *t, int64_t deadline, struct strbuf *ret,
	enum secret_place *ret_place, struct error *err)
{
	bool there;

	if (uses_file(t, t->place)) {
		*ret_place = SECRET_PLACE_FILE;
		if (!token_file_read(t->directory.s, t->base, ret, &there, err))
			return false;
		if (!there)
			*ret_place = SECRET_PLACE_NOWHERE;
		return true;
	}
	return secret_read(&t->name, t->place, deadline, ret, ret_place, err);
}

bool
token_store_write(const struct token_store *t, enum secret_place place, const struct strbuf *value,
	int64_t deadline, struct strbuf *where, struct error *err)
{
	if (place == SECRET_PLACE_NOWHERE)
		place = t->place;
	if (!uses_file(t, place))
		return secret_write(&t->name, place, value, deadline, NULL, where, err);
	if (!token_file_write(t->directory.s, t->base, value, err))
		return false;
	if (where)
		strbuf_addf(where, "%s/%s.json", t->directory.s, t->base);
	return true;
}

bool
token_store_remove(
	const struct token_store *t, int64_t deadline, unsigned *ret_count, struct error *err)
{
	struct error why = ERROR_NONE;
	unsigned here = 0;
	bool was = false, good;

	good = !t->system || token_file_remove(t->directory.s, t->base, &was, err);
	/* a place that is not there holds nothing */
	if ((!t->system || t->place == SECRET_PLACE_KEYRING || t->place == SECRET_PLACE_SEALED) &&
		!secret_remove(&t->name, SECRET_PLACE_AUTO, deadline, &here, NULL, &why) &&
		why.fault != FAULT_CONFIG) {
		good = false;
		if (err && !err->fault)
			*err = why;
	}
	*ret_count = here + was;
	return good;
}

void
token_store_prepare(void)
{
	(void)!token_file_prepare(SYSTEM_DIRECTORY, NULL);
}

int
token_store_lock(const struct token_store *t, int64_t deadline, struct error *err)
{
	int fd;

	deadline = clock_sooner(deadline, clock_in(LOCK_MS));
	if (!token_file_prepare(t->directory.s, err))
		return -1;
	fd = token_file_open(t->directory.s, t->base, ".lock");
	if (fd < 0) {
		error_sys(err, FAULT_CREATE, errno, "unable to lock in %s", t->directory.s);
		return -1;
	}
	while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if ((errno == EWOULDBLOCK || errno == EINTR) && clock_left(deadline) != 0) {
			poll(NULL, 0, LOCK_POLL_MS);
			continue;
		}
		error_set(err, FAULT_TEMPORARY,
			"another process renews the access token and does not come to an end");
		close(fd);
		return -1;
	}
	return fd;
}

void
token_store_add_mark(struct strbuf *out, const struct token_store *t, const char *suffix)
{
	strbuf_addf(out, "%s/%s%s", t->directory.s, t->base, suffix);
}

void
token_store_mark(const struct token_store *t, const char *suffix)
{
	struct timespec now[2] = { { .tv_nsec = UTIME_NOW }, { .tv_nsec = UTIME_NOW } };
	int fd;

	if (!token_file_prepare(t->directory.s, NULL))
		return;
	fd = token_file_open(t->directory.s, t->base, suffix);
	if (fd < 0)
		return;
	(void)!futimens(fd, now);
	close(fd);
}

time_t
token_store_marked(const struct token_store *t, const char *suffix)
{
	struct strbuf path = STRBUF_INIT(8192);
	struct stat st;
	time_t when = 0;

	token_store_add_mark(&path, t, suffix);
	if (lstat(path.s, &st) == 0)
		when = st.st_mtime;
	strbuf_done(&path);
	return when;
}
