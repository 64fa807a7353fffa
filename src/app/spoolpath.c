/* Where spools are, and who serves them. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "heartbeat.h"
#include "io.h"
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
