/* The Secret Service, by libsecret. The only file that knows GLib: the library is loaded in a child
 * that ends with its answer, because loading it costs every run milliseconds, and because GLib ends
 * the process when an allocation fails. */
#include "secret.h"

#include <string.h>

#include "io.h"

/* Tells the parent why there is no answer; it hears of the exit status in any case. */
static void
complain(int say, const char *text)
{
	if (io_write_full(say, text, strlen(text)))
		(void)!io_write_full(say, "\n", 1);
}

#ifndef HAVE_KEYRING

int
secret_keyring_run(void *ctx, int out, int error)
{
	(void)ctx, (void)out;
	complain(error, "this program was built without");
	return KEYRING_ABSENT;
}

#else

#include <dlfcn.h>
#include <fcntl.h>
#include <libsecret/secret.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIBRARY "libsecret-1.so.0"
/* what packagers are told, see https://systemd.io/ELF_DLOPEN_METADATA/ */
#define NOTE                                                                                       \
	"[{\"feature\":\"keyring\",\"description\":\"Passwords from the Secret Service\","         \
	"\"priority\":\"suggested\",\"soname\":[\"" LIBRARY "\"]}]"

static const struct {
	unsigned name_size, text_size, type;
	char name[4];
	char text[(sizeof(NOTE) + 3) / 4 * 4];
} note __attribute__((used, aligned(4), section(".note.dlopen"))) = { 4, sizeof(note.text),
	0x407c0c0a, "FDO", NOTE };

/* What is used of the library, and of GLib below it. */
struct library {
	__typeof__(g_hash_table_new) *hash_new;
	__typeof__(g_hash_table_insert) *hash_insert;
	__typeof__(g_str_hash) *str_hash;
	__typeof__(g_str_equal) *str_equal;
	__typeof__(secret_password_searchv_sync) *search;
	__typeof__(secret_retrievable_retrieve_secret_sync) *retrieve;
	__typeof__(secret_value_get) *value_get;
	__typeof__(secret_item_get_type) *item_type;
	__typeof__(secret_item_get_locked) *item_locked;
	__typeof__(g_type_check_instance_is_a) *is_a;
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

static bool
load(struct library *l, int say)
{
	void *handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	const struct {
		void *to;
		const char *name;
	} symbols[] = {
		{ &l->hash_new, "g_hash_table_new" },
		{ &l->hash_insert, "g_hash_table_insert" },
		{ &l->str_hash, "g_str_hash" },
		{ &l->str_equal, "g_str_equal" },
		{ &l->search, "secret_password_searchv_sync" },
		{ &l->retrieve, "secret_retrievable_retrieve_secret_sync" },
		{ &l->value_get, "secret_value_get" },
		{ &l->item_type, "secret_item_get_type" },
		{ &l->item_locked, "secret_item_get_locked" },
		{ &l->is_a, "g_type_check_instance_is_a" },
	};

	for (size_t i = 0; handle && i < sizeof(symbols) / sizeof(*symbols); i++) {
		void *symbol = dlsym(handle, symbols[i].name);

		if (!symbol) {
			complain(say, LIBRARY " is too old");
			return false;
		}
		memcpy(symbols[i].to, &symbol, sizeof(symbol));
	}
	if (!handle)
		complain(say, LIBRARY " is not installed");
	return handle != NULL;
}

/* A socket that belongs to us: the bus of a user who is logged in, which cron says nothing about.
 */
static bool
use_bus(const char *folder)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789-_/.";
	struct strbuf path = STRBUF_INIT(4096), address = STRBUF_INIT(16384);
	struct stat st;
	bool good;

	strbuf_addf(&path, "%s/bus", folder);
	good = !path.full && stat(path.s, &st) == 0 && S_ISSOCK(st.st_mode) &&
	       st.st_uid == geteuid();
	strbuf_adds(&address, "unix:path=");
	for (const char *s = path.s; good && *s; s++)
		if (strchr(plain, *s))
			strbuf_addc(&address, *s);
		else
			strbuf_addf(&address, "%%%02x", (unsigned char)*s);
	good = good && setenv("DBUS_SESSION_BUS_ADDRESS", address.s, 1) == 0;
	strbuf_done(&path);
	strbuf_done(&address);
	return good;
}

/* Without an address GLib would start a bus of its own, where nothing is stored. */
static bool
find_bus(int say)
{
	const char *address = secure_getenv("DBUS_SESSION_BUS_ADDRESS");
	const char *folder = secure_getenv("XDG_RUNTIME_DIR");
	const char *backend = secure_getenv("SECRET_BACKEND");
	char ours[64];

	if ((address && *address) || (backend && strcmp(backend, "file") == 0))
		return true;
	snprintf(ours, sizeof(ours), "/run/user/%u", (unsigned)geteuid());
	if ((folder && *folder == '/' && use_bus(folder)) || use_bus(ours))
		return true;
	complain(say, "no session bus, DBUS_SESSION_BUS_ADDRESS is not set");
	return false;
}

/* A question on a screen needs one, and somebody in front of it. */
static bool
may_ask(void)
{
	const char *x = secure_getenv("DISPLAY"), *wayland = secure_getenv("WAYLAND_DISPLAY");

	return (x && *x) || (wayland && *wayland);
}

/* Asks for one kind of item; *RET is NULL when there is none. */
static bool
search(const struct library *l, const struct attributes *kind, const struct secret *s,
	SecretSearchFlags flags, void **ret, int say)
{
	GHashTable *wanted = l->hash_new(l->str_hash, l->str_equal);
	GError *error = NULL;
	GList *found;

	*ret = NULL;
	l->hash_insert(wanted, (gpointer)(uintptr_t)kind->user, s->user);
	l->hash_insert(wanted, (gpointer)(uintptr_t)kind->host, s->host);
	l->hash_insert(wanted, (gpointer)(uintptr_t)kind->service, (gpointer)(uintptr_t) "smtp");
	found = l->search(&kind->schema, wanted, flags, NULL, &error);
	if (error) {
		complain(say, error->message);
		return false;
	}
	if (found)
		*ret = found->data;
	return true;
}

static bool
is_locked(const struct library *l, void *item)
{
	return l->is_a(item, l->item_type()) && l->item_locked(item);
}

/* Writes the password of an item that is not locked. */
static int
answer(const struct library *l, void *item, int out, int say)
{
	GError *error = NULL;
	SecretValue *value = l->retrieve(item, NULL, &error);
	const char *text;
	gsize n;

	if (!value) {
		complain(say, error ? error->message : "an item without a secret");
		return KEYRING_UNREACHABLE;
	}
	text = l->value_get(value, &n);
	return io_write_full(out, text, n) ? KEYRING_FOUND : KEYRING_UNREACHABLE;
}

static int
look(const struct secret *s, int out, int say)
{
	struct library l;
	void *item, *locked = NULL;
	const struct attributes *kind = NULL;

	if (!find_bus(say))
		return KEYRING_UNREACHABLE;
	if (!load(&l, say))
		return KEYRING_ABSENT;
	/* first without unlocking anything: that tells what is locked from what is not there */
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (!search(&l, &kinds[i], s, SECRET_SEARCH_NONE, &item, say))
			return KEYRING_UNREACHABLE;
		if (item && !is_locked(&l, item))
			return answer(&l, item, out, say);
		if (item && !locked) {
			locked = item;
			kind = &kinds[i];
		}
	}
	if (!locked)
		return KEYRING_MISSING;
	if (!may_ask() || !search(&l, kind, s, SECRET_SEARCH_UNLOCK, &item, say) || !item ||
		is_locked(&l, item))
		return KEYRING_LOCKED;
	return answer(&l, item, out, say);
}

int
secret_keyring_run(void *ctx, int out, int error)
{
	int say = fcntl(error, F_DUPFD_CLOEXEC, 10), null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	/* the library's own warnings would come before what is said here */
	if (say < 0 || null < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0)
		return KEYRING_UNREACHABLE;
	return look(ctx, out, say);
}

#endif
