/* Where spools are, and who serves them. */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "heartbeat.h"
#include "io.h"
#include "privilege.h"
#include "profile.h"
#include "queueing.h"
#include "strbuf.h"

#define SYSTEM_SPOOL     LOCALSTATEDIR "/spool/sendoff"
#define SYSTEM_HEARTBEAT "/run/sendoff/" HEARTBEAT_NAME

void
spool_add_path(struct strbuf *out, const struct profile *account)
{
	const char *named = profile_text(account, OPT_QUEUE_DIR), *state, *home;

	if (named) {
		strbuf_adds(out, named);
		return;
	}
	if (profile_is_system(account)) {
		strbuf_adds(out, SYSTEM_SPOOL);
		return;
	}
	/* unset with differing real and effective ids */
	state = secure_getenv("XDG_STATE_HOME");
	if (state && *state == '/') {
		strbuf_addf(out, "%s/sendoff", state);
		return;
	}
	home = io_home();
	if (home)
		strbuf_addf(out, "%s/.local/state/sendoff", home);
}

void
spool_add_system(struct strbuf *out)
{
	strbuf_adds(out, SYSTEM_SPOOL);
}

bool
spool_is_system(const char *path)
{
	return strcmp(path, SYSTEM_SPOOL) == 0;
}

void
spool_add_heartbeat(struct strbuf *out, const char *path)
{
	if (spool_is_system(path))
		strbuf_adds(out, SYSTEM_HEARTBEAT);
	else
		strbuf_addf(out, "%s/" HEARTBEAT_NAME, path);
}

uid_t
spool_owner(const char *path)
{
	struct strbuf queue = STRBUF_INIT(8192);
	struct stat st;
	uid_t owner = geteuid();

	strbuf_addf(&queue, "%s/queue", path);
	if (stat(queue.s, &st) == 0)
		owner = st.st_uid;
	strbuf_done(&queue);
	return owner;
}

/* A system that was installed by hand has no spool yet. The in-tray: everybody may put files there,
 * nobody but the service can list it, and what lies there has the service's group. */
static bool
make_for(const char *path, const struct passwd *user, struct error *err)
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

bool
spool_prepare(const char *path, struct error *err)
{
	const struct passwd *user = geteuid() ? NULL : getpwnam(PRIVILEGE_USER);

	/* who stays out of the spool need not stay out of what is above it */
	if (geteuid() == 0 && spool_is_system(path) && !io_make_parents(path, 0755) &&
		errno != EROFS)
		return error_sys(err, FAULT_CREATE, errno, "unable to make the directory of %s",
			path);
	return !user || make_for(path, user, err);
}
