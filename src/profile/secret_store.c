#include "secret_store.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "child.h"
#include "error.h"
#include "io.h"
#include "profile.h"
#include "secret_file.h"
#include "secret_keyring.h"
#include "secret_seal.h"
#include "strbuf.h"
#include "value.h"

#define SYSTEM_DIRECTORY SYSCONFDIR "/sendoff/secrets"
#define NAME_CAP         1024
#define SEALED_CAP       (4 * SECRET_STORED_MAX) /* base64, and what encryption adds */

char *
secret_directory(bool system)
{
	const char *data = secure_getenv("XDG_DATA_HOME"), *home = io_home();
	struct strbuf path = STRBUF_INIT(8192);
	char *copy = NULL;

	if (system)
		return xstrdup(SYSTEM_DIRECTORY);
	if (data && *data == '/')
		strbuf_addf(&path, "%s/sendoff", data);
	else if (home && *home == '/')
		strbuf_addf(&path, "%s/.local/share/sendoff", home);
	if (path.len && !path.full)
		copy = xstrdup(path.s);
	strbuf_done(&path);
	return copy;
}

static bool
is_systems(const struct secret_name *n)
{
	return n->directory && strcmp(n->directory, SYSTEM_DIRECTORY) == 0;
}

void
secret_name_of(struct secret_name *ret, const struct profile *p, const char *service)
{
	struct strbuf label = STRBUF_INIT(2048);
	const char *user = profile_text(p, OPT_USER), *host, *name;
	const char *const *hosts;
	size_t count, n;
	bool system;

	hosts = profile_list_of(p, OPT_HOST, &count);
	host = count && !profile_is_set(p, OPT_SOCKET) ? hosts[0] : "localhost";
	n = strlen(host);
	name = value_host(host, &n);
	system = profile_is_system(p) &&
		 (geteuid() == 0 || access(SYSTEM_DIRECTORY, R_OK | X_OK) == 0);
	*ret = (struct secret_name){ .service = service,
		.host = name ? xstrndup(name, n) : xstrdup(host),
		.user = xstrdup(user ? user : ""),
		.directory = secret_directory(system) };
	strbuf_addf(&label, "%s at %s (sendoff)", ret->user, ret->host);
	ret->label = xstrdup(label.s);
	strbuf_done(&label);
}

void
secret_name_done(struct secret_name *n)
{
	free((char *)(uintptr_t)n->host);
	free((char *)(uintptr_t)n->user);
	free((char *)(uintptr_t)n->directory);
	free((char *)(uintptr_t)n->label);
	*n = (struct secret_name){ NULL };
}

/* Asks the Secret Service; what it answers is an exit status of its child, -1: none came. */
static int
ask_keyring(const struct secret_name *n, enum keyring_wish wish, const struct strbuf *value,
	int64_t deadline, struct strbuf *ret, struct error *why)
{
	struct keyring_request r = { wish, n->service, n->host, n->user,
		n->label ? n->label : n->host, value };
	struct child child = CHILD_NONE;
	int status = -1;

	if (child_start_function(&child, KEYRING_NAME, secret_keyring_run, &r, why) &&
		child_wait(&child, deadline, ret, &status, why))
		return KEYRING_FOUND;
	return status > 0 ? status : -1;
}

/* Whether STATUS is one for which another place may serve. */
static bool
is_out_of_reach(int status)
{
	return status == KEYRING_UNREACHABLE || status == KEYRING_ABSENT;
}

static bool
refuse_keyring(int status, const struct error *why, struct error *err)
{
	if (status == KEYRING_LOCKED)
		return error_set(err, FAULT_TEMPORARY, "the Secret Service is locked: unlock it");
	if (is_out_of_reach(status))
		return error_set(err, FAULT_CONFIG, "the Secret Service cannot be reached: %s",
			keyring_complaint(why->text, status));
	return error_set(err, FAULT_TEMPORARY, "%s", why->text);
}

static void
add_path(const struct secret_name *n, const char *name, struct strbuf *text)
{
	if (text)
		strbuf_addf(text, "%s/%s", n->directory, name);
}

/* Writes a file, sealed or not, and takes away the other kind. */
static bool
write_file(const struct secret_name *n, bool sealed, const struct strbuf *value, int64_t deadline,
	struct strbuf *text, struct error *err)
{
	struct strbuf name = STRBUF_INIT(NAME_CAP), other = STRBUF_INIT(NAME_CAP),
		      blob = STRBUF_INIT(SEALED_CAP);
	bool there, good;

	good = secret_file_name(n, sealed, &name, err) &&
	       secret_file_name(n, !sealed, &other, err) &&
	       (!sealed || secret_seal(name.s, value, deadline, &blob, err)) &&
	       secret_file_write(n->directory, name.s, sealed ? &blob : value, deadline, err) &&
	       secret_file_remove(n->directory, other.s, &there, err);
	if (good)
		add_path(n, name.s, text);
	strbuf_done(&name);
	strbuf_done(&other);
	strbuf_done(&blob);
	return good;
}

/* Adds the name of a file that was removed to TEXT. */
static bool
remove_file(const struct secret_name *n, bool sealed, unsigned *count, struct strbuf *text,
	struct error *err)
{
	struct strbuf name = STRBUF_INIT(NAME_CAP);
	bool there = false, good;

	good = secret_file_name(n, sealed, &name, NULL);
	/* what has no name is not there */
	good = !good || secret_file_remove(n->directory, name.s, &there, err);
	if (there) {
		(*count)++;
		add_path(n, name.s, text);
		if (text)
			strbuf_addc(text, '\n');
	}
	strbuf_done(&name);
	return good;
}

static bool
write_keyring(const struct secret_name *n, enum secret_place place, const struct strbuf *value,
	int64_t deadline, bool *ret_done, struct error *err)
{
	struct strbuf none = STRBUF_INIT(16);
	struct error why = ERROR_NONE;
	int status = ask_keyring(n, KEYRING_STORE, value, deadline, &none, &why);
	unsigned count = 0;

	strbuf_done(&none);
	*ret_done = status == KEYRING_FOUND;
	if (!*ret_done)
		return place == SECRET_PLACE_AUTO || refuse_keyring(status, &why, err);
	/* a file is asked before: an old one must not stay */
	return remove_file(n, false, &count, NULL, err) && remove_file(n, true, &count, NULL, err);
}

bool
secret_write(const struct secret_name *n, enum secret_place place, const struct strbuf *value,
	int64_t deadline, enum secret_place *ret_place, struct strbuf *where_text,
	struct error *err)
{
	bool done = false;

	if (value->len > SECRET_STORED_MAX)
		return error_set(err, FAULT_CONFIG, "more than %d octets are too many to be stored",
			SECRET_STORED_MAX);
	/* root's own keyring is no place for what the service needs */
	if ((place == SECRET_PLACE_KEYRING || (place == SECRET_PLACE_AUTO && !is_systems(n))) &&
		!write_keyring(n, place, value, deadline, &done, err))
		return false;
	if (done) {
		if (where_text)
			strbuf_adds(where_text, "the Secret Service");
		place = SECRET_PLACE_KEYRING;
	} else {
		place = place == SECRET_PLACE_SEALED ? place : SECRET_PLACE_FILE;
		if (!write_file(n, place == SECRET_PLACE_SEALED, value, deadline, where_text, err))
			return false;
	}
	if (ret_place)
		*ret_place = place;
	return true;
}

static bool
read_plain(const struct secret_name *n, struct strbuf *ret, bool *ret_there, struct error *err)
{
	struct strbuf name = STRBUF_INIT(NAME_CAP);
	bool good = true;

	*ret_there = false;
	if (secret_file_name(n, false, &name, NULL))
		good = secret_file_read(n->directory, name.s, ret, ret_there, err);
	strbuf_done(&name);
	return good;
}

static bool
read_sealed(const struct secret_name *n, int64_t deadline, struct strbuf *ret, bool *ret_there,
	struct error *err)
{
	struct strbuf name = STRBUF_INIT(NAME_CAP), blob = STRBUF_INIT(SEALED_CAP);
	bool good = true;

	*ret_there = false;
	if (secret_file_name(n, true, &name, NULL) &&
		(good = secret_file_read(n->directory, name.s, &blob, ret_there, err)) &&
		*ret_there && !(good = secret_unseal(name.s, &blob, deadline, ret, err)))
		error_prefix(err, "%s/%s", n->directory, name.s);
	strbuf_done(&name);
	strbuf_done(&blob);
	return good;
}

bool
secret_read_file(const struct secret_name *n, int64_t deadline, struct strbuf *ret,
	enum secret_place *ret_place, struct error *err)
{
	bool there = false;

	ret->secret = true;
	*ret_place = SECRET_PLACE_NOWHERE;
	if (!read_plain(n, ret, &there, err))
		return false;
	if (there) {
		*ret_place = SECRET_PLACE_FILE;
		return true;
	}
	if (geteuid() != 0)
		return true;
	if (!read_sealed(n, deadline, ret, &there, err))
		return false;
	if (there)
		*ret_place = SECRET_PLACE_SEALED;
	return true;
}

static bool
read_keyring(const struct secret_name *n, enum secret_place place, int64_t deadline,
	struct strbuf *ret, bool *ret_there, struct error *err)
{
	struct strbuf value = STRBUF_INIT_SECRET(SECRET_STORED_MAX + 2);
	struct error why = ERROR_NONE;
	int status = ask_keyring(n, KEYRING_LOOK, NULL, deadline, &value, &why);

	*ret_there = status == KEYRING_FOUND;
	strbuf_add(ret, value.s, value.len);
	strbuf_done(&value);
	return *ret_there || status == KEYRING_MISSING ||
	       (place == SECRET_PLACE_AUTO && is_out_of_reach(status)) ||
	       refuse_keyring(status, &why, err);
}

bool
secret_read(const struct secret_name *n, enum secret_place place, int64_t deadline,
	struct strbuf *ret, enum secret_place *ret_place, struct error *err)
{
	bool there = false, good = true;

	ret->secret = true;
	*ret_place = SECRET_PLACE_NOWHERE;
	switch (place) {
	case SECRET_PLACE_AUTO:
		if (!secret_read_file(n, deadline, ret, ret_place, err))
			return false;
		if (*ret_place != SECRET_PLACE_NOWHERE)
			break;
		place = SECRET_PLACE_KEYRING;
		good = read_keyring(n, SECRET_PLACE_AUTO, deadline, ret, &there, err);
		break;
	case SECRET_PLACE_KEYRING:
		good = read_keyring(n, place, deadline, ret, &there, err);
		break;
	case SECRET_PLACE_FILE:
		good = read_plain(n, ret, &there, err);
		break;
	case SECRET_PLACE_SEALED:
		good = read_sealed(n, deadline, ret, &there, err);
		break;
	case SECRET_PLACE_NOWHERE:
		break;
	}
	if (there)
		*ret_place = place;
	return good && (!ret->full || error_set(err, FAULT_CONFIG, "what is stored is too long"));
}

static bool
remove_keyring(const struct secret_name *n, enum secret_place place, int64_t deadline,
	unsigned *count, struct strbuf *text, struct error *err)
{
	struct strbuf found = STRBUF_INIT(16);
	struct error why = ERROR_NONE;
	int status = ask_keyring(n, KEYRING_DROP, NULL, deadline, &found, &why);

	if (status == KEYRING_FOUND) {
		*count += (unsigned)strtoul(found.s, NULL, 10);
		if (text)
			strbuf_adds(text, "the Secret Service\n");
	}
	strbuf_done(&found);
	return status == KEYRING_FOUND || status == KEYRING_MISSING ||
	       (place == SECRET_PLACE_AUTO && is_out_of_reach(status)) ||
	       refuse_keyring(status, &why, err);
}

bool
secret_remove(const struct secret_name *n, enum secret_place place, int64_t deadline,
	unsigned *ret_count, struct strbuf *text, struct error *err)
{
	bool all = place == SECRET_PLACE_AUTO, good = true;
	unsigned count = 0;

	if (all || place == SECRET_PLACE_FILE)
		good &= remove_file(n, false, &count, text, err);
	if (all || place == SECRET_PLACE_SEALED)
		good &= remove_file(n, true, &count, text, err);
	if (all || place == SECRET_PLACE_KEYRING)
		good &= remove_keyring(n, place, deadline, &count, text, err);
	if (ret_count)
		*ret_count = count;
	return good;
}
