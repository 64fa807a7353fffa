#include "remember.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io.h"
#include "memo.h"
#include "strbuf.h"

#define PATH_MAX_LEN 4000

/* The system user's, who has no home. */
#define SYSTEM_CACHE "/var/cache/sendoff"

static struct strbuf path = STRBUF_INIT(PATH_MAX_LEN);

void
remember_prepare(unsigned uid, unsigned gid)
{
	if (mkdir(SYSTEM_CACHE, S_IRWXU) == 0 && chown(SYSTEM_CACHE, uid, gid) != 0)
		(void)!rmdir(SYSTEM_CACHE);
}

const char *
remember_system(void)
{
	return memo_prepare(SYSTEM_CACHE, false) ? SYSTEM_CACHE : NULL;
}

/* PARENT/NAME, or NULL when that is no absolute path. */
static const char *
join(const char *parent, const char *name)
{
	strbuf_clear(&path);
	if (!parent || *parent != '/')
		return NULL;
	strbuf_addf(&path, "%s/%s", parent, name);
	return path.full ? NULL : path.s;
}

static bool
usable(const char *directory)
{
	return directory && memo_prepare(directory, true);
}

const char *
remember_directory(void)
{
	const char *cache = secure_getenv("XDG_CACHE_HOME");

	if (usable(join(secure_getenv("XDG_RUNTIME_DIR"), "sendoff")))
		return path.s;
	if (!cache || *cache != '/') {
		/* it is made where it is missing, as the XDG base directory specification says */
		cache = NULL;
		if (usable(join(io_home(), ".cache/sendoff")))
			return path.s;
		if (join(io_home(), ".cache") && memo_prepare(path.s, true) &&
			usable(join(io_home(), ".cache/sendoff")))
			return path.s;
	} else if (usable(join(cache, "sendoff"))) {
		return path.s;
	}
	return geteuid() ? remember_system() : NULL;
}
