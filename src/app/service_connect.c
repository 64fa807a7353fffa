#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "service.h"
#include "strbuf.h"
#include "submission.h"

bool
service_is_asked(const struct submission *s)
{
	return profile_choice(&s->account, OPT_SUBMIT) == 1;
}

/* True with *RET_NONE where there is no account: *RET is of the file that ARGS name, and has what
 * they say. */
static bool
find_settings(const struct arguments *args, struct profile *ret, bool *ret_none, struct error *err)
{
	const struct submission s = { .args = args };
	const struct profile_sources where = submission_sources(&s);
	const char *file = profile_text(&args->given, OPT_CONFIG);
	struct profile_list accounts = { NULL, 0 };
	struct strbuf origin = STRBUF_INIT(8192);
	struct profile *chosen;

	if (!profile_load(&where, &accounts, err))
		return false;
	chosen = profile_select(&accounts, NULL, NULL, NULL);
	if (!chosen && accounts.n)
		chosen = &accounts.v[0];
	*ret_none = !chosen;
	strbuf_addf(&origin, "%s:1", file ? file : "");
	profile_init(ret, chosen ? chosen->name : "", chosen ? chosen->origin : origin.s);
	if (chosen)
		profile_override(ret, chosen);
	profile_override(ret, &args->given);
	profile_list_done(&accounts);
	strbuf_done(&origin);
	return true;
}

static bool
refuse_none(struct profile *p, struct error *err)
{
	profile_done(p);
	return error_set(err, FAULT_CONFIG, "no account is configured");
}

bool
service_settings(const struct arguments *args, struct profile *ret, struct error *err)
{
	bool none;

	return find_settings(args, ret, &none, err) && (!none || refuse_none(ret, err));
}

bool
service_settings_or_none(const struct arguments *args, struct profile *ret, struct error *err)
{
	bool none;

	return find_settings(args, ret, &none, err) &&
	       (!none || profile_is_system(ret) || refuse_none(ret, err));
}

/* A blocking socket: the kernel waits for room in the service's backlog. */
static bool
limit_wait(int fd, int64_t deadline)
{
	int left = clock_left(deadline);
	struct timeval tv = { left / 1000, left % 1000 * 1000 };

	if (left < 0)
		return true;
	if (!left)
		return false;
	return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) == 0;
}

int
service_connect(const char *path, int64_t deadline, bool *ret_absent, struct error *err)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd, sys = ETIMEDOUT;

	*ret_absent = false;
	if (strlen(path) >= sizeof(to.sun_path)) {
		error_set(err, FAULT_CONFIG, "the name of the service's socket is too long: %s",
			path);
		return -1;
	}
	snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && limit_wait(fd, deadline)) {
		if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
			return fd;
		sys = errno;
	} else if (fd < 0) {
		sys = errno;
	}
	if (fd >= 0)
		close(fd);
	*ret_absent = sys == ENOENT || sys == ECONNREFUSED || sys == ENOTDIR;
	error_sys(err, FAULT_TEMPORARY, sys == EAGAIN ? ETIMEDOUT : sys,
		"unable to connect to the service at %s", path);
	return -1;
}
