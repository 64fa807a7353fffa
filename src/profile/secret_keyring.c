/* What is asked of the Secret Service. */
#include "secret_keyring.h"

#include <stdio.h>
#include <string.h>

#include "io.h"

const char *
keyring_complaint(const char *text, int status)
{
	char prefix[64];
	size_t n;

	n = (size_t)snprintf(prefix, sizeof(prefix), KEYRING_NAME ": exit status %d: ", status);
	return strncmp(text, prefix, n) == 0 ? text + n : text;
}

#ifndef HAVE_KEYRING

int
secret_keyring_run(void *ctx, int out, int error)
{
	static const char text[] = "this program was built without\n";

	(void)ctx, (void)out;
	(void)!io_write_full(error, text, sizeof(text) - 1);
	return KEYRING_ABSENT;
}

#else

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "secret_library.h"
#include "strbuf.h"

/* One run: the library, what is asked, and where complaints and answers go. */
struct run {
	struct library l;
	const struct keyring_request *r;
	int out, say;
};

/* The attributes that say which password it is. */
struct attributes {
	const SecretSchema schema;
	const char *user, *host, *service; /* which attribute holds what */
};

/* The names of schemas are no condition, so that what was stored for msmtp, by secret-tool, or by
 * the older network passwords is found as well. */
static const struct attributes kinds[] = {
	{ { .name = "sendoff.password",
		  .flags = SECRET_SCHEMA_DONT_MATCH_NAME,
		  .attributes = { { "host", SECRET_SCHEMA_ATTRIBUTE_STRING },
			  { "service", SECRET_SCHEMA_ATTRIBUTE_STRING },
			  { "user", SECRET_SCHEMA_ATTRIBUTE_STRING } } },
		"user", "host", "service" },
	{ { .name = "org.gnome.keyring.NetworkPassword",
		  .flags = SECRET_SCHEMA_DONT_MATCH_NAME,
		  .attributes = { { "server", SECRET_SCHEMA_ATTRIBUTE_STRING },
			  { "protocol", SECRET_SCHEMA_ATTRIBUTE_STRING },
			  { "user", SECRET_SCHEMA_ATTRIBUTE_STRING } } },
		"user", "server", "protocol" },
};
#define KIND_COUNT (sizeof(kinds) / sizeof(*kinds))

/* A question on a screen needs one, and somebody in front of it. */
static bool
may_ask(void)
{
	const char *x = secure_getenv("DISPLAY"), *wayland = secure_getenv("WAYLAND_DISPLAY");

	return (x && *x) || (wayland && *wayland);
}

static bool
failed(const struct run *run, const GError *error)
{
	if (error)
		keyring_complain(run->say, error->message);
	return error != NULL;
}

/* The attributes that items of KIND have to have. */
static GHashTable *
wanted(const struct run *run, const struct attributes *kind)
{
	GHashTable *w = run->l.hash_new(run->l.str_hash, run->l.str_equal);
	const struct keyring_request *r = run->r;

	run->l.hash_insert(w, (gpointer)(uintptr_t)kind->user, (gpointer)(uintptr_t)r->user);
	run->l.hash_insert(w, (gpointer)(uintptr_t)kind->host, (gpointer)(uintptr_t)r->host);
	run->l.hash_insert(w, (gpointer)(uintptr_t)kind->service, (gpointer)(uintptr_t)r->service);
	return w;
}

/* Asks for one kind of item; *RET is NULL when there is none. */
static bool
search(const struct run *run, const struct attributes *kind, int flags, GList **ret)
{
	GError *error = NULL;

	*ret = run->l.search(
		&kind->schema, wanted(run, kind), (SecretSearchFlags)flags, NULL, &error);
	return !failed(run, error);
}

static bool
is_item(const struct run *run, void *item)
{
	return run->l.is_a(item, run->l.item_type());
}

static bool
is_locked(const struct run *run, void *item)
{
	return is_item(run, item) && run->l.item_locked(item);
}

/* Writes the password of an item that is not locked. */
static int
answer(const struct run *run, void *item)
{
	GError *error = NULL;
	SecretValue *value = run->l.retrieve(item, NULL, &error);
	const char *text;
	gsize n;

	if (!value) {
		keyring_complain(run->say, error ? error->message : "an item without a secret");
		return KEYRING_UNREACHABLE;
	}
	text = run->l.value_get(value, &n);
	return io_write_full(run->out, text, n) ? KEYRING_FOUND : KEYRING_UNREACHABLE;
}

static int
look(const struct run *run)
{
	const struct attributes *kind = NULL;
	GList *found;

	/* first without unlocking anything: that tells what is locked from what is not there */
	for (size_t i = 0; i < KIND_COUNT; i++) {
		if (!search(run, &kinds[i], SECRET_SEARCH_NONE, &found))
			return KEYRING_UNREACHABLE;
		if (found && !is_locked(run, found->data))
			return answer(run, found->data);
		if (found && !kind)
			kind = &kinds[i];
	}
	if (!kind)
		return KEYRING_MISSING;
	if (!may_ask() || !search(run, kind, SECRET_SEARCH_UNLOCK, &found) || !found ||
		is_locked(run, found->data))
		return KEYRING_LOCKED;
	return answer(run, found->data);
}

/* Whether something can be put into the default keyring without asking anybody. */
static int
room(const struct run *run)
{
	SecretCollection *c = NULL;
	SecretService *service;
	GError *error = NULL;

	if (keyring_is_file() || may_ask())
		return KEYRING_FOUND;
	service = run->l.service(SECRET_SERVICE_NONE, NULL, &error);
	/* libsecret 0.20 takes no NULL here, though it says so */
	if (service && !error)
		c = run->l.collection(
			service, SECRET_COLLECTION_DEFAULT, SECRET_COLLECTION_NONE, NULL, &error);
	if (failed(run, error))
		return KEYRING_UNREACHABLE;
	if (c)
		return run->l.collection_locked(c) ? KEYRING_LOCKED : KEYRING_FOUND;
	keyring_complain(run->say, "it has no default keyring");
	return KEYRING_UNREACHABLE;
}

/* An item that other programs made (for msmtp, by secret-tool) has the same attributes but another
 * schema, so that ours does not replace it. With an old password it must not stay. */
static bool
drop_others(const struct run *run)
{
	const struct strbuf *value = run->r->value;
	GError *error = NULL;
	SecretValue *other;
	const char *schema, *text;
	GList *found;
	gsize n;

	if (!search(run, &kinds[0], SECRET_SEARCH_ALL, &found))
		return false;
	for (; found; found = found->next) {
		schema = run->l.hash_lookup(run->l.attributes(found->data), "xdg:schema");
		if (!is_item(run, found->data) || (is_locked(run, found->data) && !may_ask()) ||
			(schema && strcmp(schema, kinds[0].schema.name) == 0))
			continue;
		other = is_locked(run, found->data) ? NULL
						    : run->l.retrieve(found->data, NULL, NULL);
		text = other ? run->l.value_get(other, &n) : NULL;
		if (text && n == value->len && memcmp(text, value->s, n) == 0)
			continue;
		run->l.item_delete(found->data, NULL, &error);
		if (failed(run, error))
			return false;
	}
	return true;
}

static int
store(const struct run *run)
{
	const struct strbuf *value = run->r->value;
	int status = room(run);
	GError *error = NULL;
	SecretValue *secret;

	if (status != KEYRING_FOUND)
		return status;
	secret = run->l.value_new(value->s, (gssize)value->len, "text/plain");
	run->l.store(&kinds[0].schema, wanted(run, &kinds[0]), SECRET_COLLECTION_DEFAULT,
		run->r->label, secret, NULL, &error);
	if (failed(run, error) || !drop_others(run))
		return KEYRING_UNREACHABLE;
	return KEYRING_FOUND;
}

/* What is of the older kind was not stored by this program, and stays. */
static int
drop(const struct run *run)
{
	GError *error = NULL;
	unsigned count = 0;
	GList *found;
	char text[16];

	if (!search(run, &kinds[0], SECRET_SEARCH_ALL, &found))
		return KEYRING_UNREACHABLE;
	for (; found; found = found->next, count++)
		if (is_locked(run, found->data) && !may_ask())
			return KEYRING_LOCKED;
	if (!count)
		return KEYRING_MISSING;
	run->l.clear(&kinds[0].schema, wanted(run, &kinds[0]), NULL, &error);
	if (failed(run, error) || !search(run, &kinds[0], SECRET_SEARCH_ALL, &found))
		return KEYRING_UNREACHABLE;
	if (found)
		return KEYRING_LOCKED;
	snprintf(text, sizeof(text), "%u", count);
	return io_write_full(run->out, text, strlen(text)) ? KEYRING_FOUND : KEYRING_UNREACHABLE;
}

int
secret_keyring_run(void *ctx, int out, int error)
{
	int say = fcntl(error, F_DUPFD_CLOEXEC, 10), null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct run run = { .r = ctx, .out = out, .say = say };

	/* the library's own warnings would come before what is said here */
	if (say < 0 || null < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0)
		return KEYRING_UNREACHABLE;
	if (!keyring_find_bus(say))
		return KEYRING_UNREACHABLE;
	if (!keyring_load(&run.l, say))
		return KEYRING_ABSENT;
	switch (run.r->wish) {
	case KEYRING_STORE:
		return store(&run);
	case KEYRING_DROP:
		return drop(&run);
	case KEYRING_LOOK:
		break;
	}
	return look(&run);
}

#endif
