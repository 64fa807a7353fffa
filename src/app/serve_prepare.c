#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "privilege.h"
#include "serve_state.h"
#include "token_store.h"

void
serve_directory_of(const char *path, char out[256])
{
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) : 0;

	snprintf(out, 256, "%.*s", (int)(n ? n : 1), n ? path : "/");
}

/* In /run: gone with every boot. */
static bool
make_directory(const char *file, const struct passwd *user, struct error *err)
{
	char directory[256];

	serve_directory_of(file, directory);
	if (mkdir(directory, 0755) != 0)
		return errno == EEXIST || errno == EROFS ||
		       error_sys(err, FAULT_CREATE, errno, "unable to make %s", directory);
	return chown(directory, user->pw_uid, user->pw_gid) == 0 ||
	       error_sys(err, FAULT_CREATE, errno, "unable to make %s", directory);
}

/* A system that was installed by hand has no spool yet. The in-tray: everybody may put files there,
 * nobody but the service can list it, and what lies there has the service's group. */
static bool
make_spool(const char *path, const struct passwd *user, struct error *err)
{
	static const struct {
		const char *name;
		mode_t mode;
	} parts[] = { { "queue", 0700 }, { "failed", 0700 }, { "damaged", 0700 }, { "tmp", 0700 },
		{ "state", 0700 }, { "drop", 03733 } };
	bool good;
	int dir;

	if (mkdir(path, 0711) != 0)
		return errno == EEXIST || errno == EROFS ||
		       error_sys(err, FAULT_CREATE, errno, "unable to make the spool %s", path);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	good = dir >= 0 && fchmod(dir, 0711) == 0;
	for (size_t i = 0; good && i < sizeof(parts) / sizeof(*parts); i++)
		good = mkdirat(dir, parts[i].name, 0700) == 0 &&
		       fchownat(dir, parts[i].name, user->pw_uid, user->pw_gid,
			       AT_SYMLINK_NOFOLLOW) == 0 &&
		       fchmodat(dir, parts[i].name, parts[i].mode, 0) == 0;
	if (!good)
		error_sys(err, FAULT_CREATE, errno, "unable to make the spool %s", path);
	if (dir >= 0)
		close(dir);
	return good;
}

/* For what is remembered of servers. It is done without, too. */
static void
make_cache(const struct passwd *user)
{
	static const char cache[] = "/var/cache/sendoff";

	if (mkdir(cache, 0700) == 0 && chown(cache, user->pw_uid, user->pw_gid) != 0)
		(void)!rmdir(cache);
}

bool
serve_prepare(struct serve *s, struct error *err)
{
	struct passwd *user = getpwnam(PRIVILEGE_USER);

	if (geteuid() != 0 || !user)
		return true;
	make_cache(user);
	token_store_prepare();
	return make_directory(profile_text(&s->settings, OPT_SERVICE_SOCKET), user, err) &&
	       make_directory(s->heartbeat.s, user, err) && make_spool(s->spool_path.s, user, err);
}
