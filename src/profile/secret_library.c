#include "secret_library.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "io.h"
#include "library.h"
#include "strbuf.h"

/* what packagers are told */
LIBRARY_NOTE(note,
	"[{\"feature\":\"keyring\",\"description\":\"Passwords from the Secret Service\","
	"\"priority\":\"suggested\",\"soname\":[\"libsecret-1.so.0\"]}]");

void
keyring_complain(int say, const char *text)
{
	if (io_write_full(say, text, strlen(text)))
		(void)!io_write_full(say, "\n", 1);
}

bool
keyring_load(struct library *l, int say)
{
	static const char *const sonames[] = { "libsecret-1.so.0", NULL };
	const struct library_symbol symbols[] = {
		{ &l->hash_new, "g_hash_table_new" },
		{ &l->hash_insert, "g_hash_table_insert" },
		{ &l->hash_lookup, "g_hash_table_lookup" },
		{ &l->str_hash, "g_str_hash" },
		{ &l->str_equal, "g_str_equal" },
		{ &l->is_a, "g_type_check_instance_is_a" },
		{ &l->search, "secret_password_searchv_sync" },
		{ &l->store, "secret_password_storev_binary_sync" },
		{ &l->clear, "secret_password_clearv_sync" },
		{ &l->retrieve, "secret_retrievable_retrieve_secret_sync" },
		{ &l->attributes, "secret_retrievable_get_attributes" },
		{ &l->value_new, "secret_value_new" },
		{ &l->value_get, "secret_value_get" },
		{ &l->item_type, "secret_item_get_type" },
		{ &l->item_locked, "secret_item_get_locked" },
		{ &l->item_delete, "secret_item_delete_sync" },
		{ &l->service, "secret_service_get_sync" },
		{ &l->collection, "secret_collection_for_alias_sync" },
		{ &l->collection_locked, "secret_collection_get_locked" },
	};
	struct error why = ERROR_NONE;

	if (library_load(
		    sonames, "libsecret-1-0", symbols, sizeof(symbols) / sizeof(*symbols), &why))
		return true;
	keyring_complain(say, why.text);
	return false;
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

bool
keyring_is_file(void)
{
	const char *backend = secure_getenv("SECRET_BACKEND");

	return backend && strcmp(backend, "file") == 0;
}

bool
keyring_find_bus(int say)
{
	const char *address = secure_getenv("DBUS_SESSION_BUS_ADDRESS");
	const char *folder = secure_getenv("XDG_RUNTIME_DIR");
	char ours[64];

	if ((address && *address) || keyring_is_file())
		return true;
	snprintf(ours, sizeof(ours), "/run/user/%u", (unsigned)geteuid());
	if ((folder && *folder == '/' && use_bus(folder)) || use_bus(ours))
		return true;
	keyring_complain(say, "no session bus, DBUS_SESSION_BUS_ADDRESS is not set");
	return false;
}
