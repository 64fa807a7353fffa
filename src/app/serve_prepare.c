#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "privilege.h"
#include "remember.h"
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

bool
serve_prepare(struct serve *s, struct error *err)
{
	struct passwd *user = getpwnam(PRIVILEGE_USER);

	if (geteuid() != 0 || !user)
		return true;
	remember_prepare(user->pw_uid, user->pw_gid);
	token_store_prepare();
	return make_directory(profile_text(&s->settings, OPT_SERVICE_SOCKET), user, err) &&
	       make_directory(s->heartbeat.s, user, err) && spool_prepare(s->spool_path.s, err);
}
