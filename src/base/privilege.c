#include "privilege.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "error.h"

/* Root's capabilities go when its ids go, but for those that somebody made ambient or inheritable.
 */
static bool
drop_capabilities(struct error *err)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { { 0 }, { 0 } };

	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (syscall(SYS_capset, &header, none) != 0)
		return error_sys(err, FAULT_SYSTEM, errno, "unable to give up capabilities");
	return true;
}

static bool
is_final(uid_t uid, gid_t gid)
{
	uid_t real, effective, saved;
	gid_t real_gid, effective_gid, saved_gid;

	return getresuid(&real, &effective, &saved) == 0 &&
	       getresgid(&real_gid, &effective_gid, &saved_gid) == 0 && real == uid &&
	       effective == uid && saved == uid && real_gid == gid && effective_gid == gid &&
	       saved_gid == gid && setresuid((uid_t)-1, 0, (uid_t)-1) != 0 &&
	       setresgid((gid_t)-1, 0, (gid_t)-1) != 0;
}

/* What the bounding set lacks no program that is executed later gets either. */
static void
drop_bounds(void)
{
	for (int i = 0; i <= CAP_LAST_CAP; i++)
		prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
}

bool
privilege_switch(const char *name, struct error *err)
{
	struct passwd *entry = getpwnam(name);

	if (!entry)
		return error_set(err, FAULT_CONFIG, "there is no user %s on this machine", name);
	if (!entry->pw_uid || !entry->pw_gid)
		return error_set(err, FAULT_CONFIG, "user %s is root", name);
	drop_bounds();
	if ((geteuid() == 0 && setgroups(0, NULL) != 0) ||
		setresgid(entry->pw_gid, entry->pw_gid, entry->pw_gid) != 0 ||
		setresuid(entry->pw_uid, entry->pw_uid, entry->pw_uid) != 0)
		return error_sys(err, FAULT_SYSTEM, errno, "unable to become user %s", name);
	if (!drop_capabilities(err))
		return false;
	if (!is_final(entry->pw_uid, entry->pw_gid))
		return error_set(err, FAULT_SYSTEM, "unable to stay user %s", name);
	return true;
}

/* Root of a container may lack what it takes to become somebody else, or to end him. */
static bool
may_switch(void)
{
	static const unsigned wanted = 1u << CAP_SETUID | 1u << CAP_SETGID | 1u << CAP_KILL;
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct has[2];

	return geteuid() == 0 && syscall(SYS_capget, &header, has) == 0 &&
	       (has[0].effective & wanted) == wanted;
}

bool
privilege_step_down(bool *ret_switched, struct error *err)
{
	*ret_switched = may_switch() && privilege_switch(PRIVILEGE_USER, NULL);
	if (*ret_switched)
		return true;
	/* there is no such user, or a namespace does not know it */
	if (geteuid() == 0 && setgroups(0, NULL) != 0 && errno != EPERM)
		return error_sys(err, FAULT_SYSTEM, errno, "unable to leave root's groups");
	drop_bounds();
	return drop_capabilities(err);
}

void
privilege_harden(void)
{
	const struct rlimit none = { 0, 0 };

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	setrlimit(RLIMIT_CORE, &none);
	umask(077);
}
