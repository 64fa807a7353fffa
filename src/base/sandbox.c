#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "error.h"
#include "sandbox_filter.h"

/* Landlock's interface, spelled out: the headers of the machine that builds may be older than the
 * kernel of the one that runs. The three calls have these numbers everywhere but on alpha. */
#define CREATE_RULESET 444
#define ADD_RULE       445
#define RESTRICT_SELF  446
#define GET_VERSION    1
#define PATH_BENEATH   1
#define NET_PORT       2
#define FS_WRITE_FILE  (1ULL << 1)
#define FS_READ_FILE   (1ULL << 2)
#define FS_READ_DIR    (1ULL << 3)
#define FS_REMOVE_FILE (1ULL << 5)
#define FS_MAKE_REG    (1ULL << 8)
#define FS_TRUNCATE    (1ULL << 14)
#define NET_BIND       (1ULL << 0)
#define SCOPE_ABSTRACT (1ULL << 0) /* abstract unix sockets of others */
#define SCOPE_SIGNAL   (1ULL << 1)

struct ruleset {
	uint64_t files, net, scoped;
};
struct beneath {
	uint64_t allowed;
	int32_t parent;
} __attribute__((packed));

const char *const sandbox_public[SANDBOX_PUBLIC] = { "/etc/resolv.conf", "/etc/hosts",
	"/etc/nsswitch.conf", "/etc/host.conf", "/etc/gai.conf", "/etc/services", "/etc/protocols",
	"/etc/localtime", "/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/etc/gnutls",
	"/etc/crypto-policies", "/etc/ld.so.cache", "/etc/idn.conf", "/usr", "/lib", "/lib64",
	"/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager", "/dev/null",
	"/dev/urandom" };

struct port {
	uint64_t allowed, number;
};

/* How many rights to files each version knows, and how large the structure is. */
static unsigned
rights(int version, size_t *ret_size)
{
	*ret_size = version >= 6   ? sizeof(struct ruleset)
		    : version >= 4 ? 2 * sizeof(uint64_t)
				   : sizeof(uint64_t);
	return version >= 5 ? 16 : version >= 3 ? 15 : version >= 2 ? 14 : 13;
}

static bool
allow(int ruleset, const char *const *paths, uint64_t wanted, struct error *err)
{
	struct beneath rule;
	struct stat st;
	bool good = true;

	for (; good && paths && *paths; paths++) {
		rule.parent = open(*paths, O_PATH | O_CLOEXEC);
		if (rule.parent < 0)
			continue;
		rule.allowed = wanted;
		if (fstat(rule.parent, &st) == 0 && !S_ISDIR(st.st_mode))
			rule.allowed &= FS_READ_FILE | FS_WRITE_FILE | FS_TRUNCATE;
		if (syscall(ADD_RULE, ruleset, PATH_BENEATH, &rule, 0) != 0)
			good = error_sys(err, FAULT_SYSTEM, errno,
				"unable to keep %s within the sandbox", *paths);
		close(rule.parent);
	}
	return good;
}

/* To connect from an address of one's own one binds to it, without a port of one's own. */
static bool
allow_source(int ruleset, struct error *err)
{
	const struct port any = { NET_BIND, 0 };

	return syscall(ADD_RULE, ruleset, NET_PORT, &any, 0) == 0 ||
	       error_sys(err, FAULT_SYSTEM, errno, "unable to keep addresses within the sandbox");
}

static bool
restrict_files(const struct sandbox *rules, int version, struct error *err)
{
	struct ruleset all = { .net = NET_BIND, .scoped = SCOPE_ABSTRACT | SCOPE_SIGNAL };
	uint64_t read = FS_READ_FILE | FS_READ_DIR;
	uint64_t write = read | FS_WRITE_FILE | FS_REMOVE_FILE | FS_MAKE_REG | FS_TRUNCATE;
	size_t size;
	bool good;
	int fd;

	all.files = (1ULL << rights(version, &size)) - 1;
	fd = (int)syscall(CREATE_RULESET, &all, size, 0);
	if (fd < 0)
		return error_sys(err, FAULT_SYSTEM, errno, "unable to make a sandbox");
	good = allow(fd, rules->read, read, err) &&
	       allow(fd, rules->write, write & all.files, err) &&
	       (size == sizeof(uint64_t) || allow_source(fd, err));
	if (good && syscall(RESTRICT_SELF, fd, 0) != 0)
		good = error_sys(err, FAULT_SYSTEM, errno, "unable to enter the sandbox");
	close(fd);
	return good;
}

void
sandbox_probe(struct sandbox_state *ret)
{
	long version = syscall(CREATE_RULESET, NULL, 0, GET_VERSION);

	*ret = (struct sandbox_state){ .landlock = version > 0 ? (int)version : 0,
		.seccomp = sandbox_filter_is_possible() };
}

bool
sandbox_enter(const struct sandbox *rules, struct sandbox_state *ret, struct error *err)
{
	struct sandbox_state kernel;

	*ret = (struct sandbox_state){ 0 };
	/* a sanitizer reads files and starts processes as it likes */
	if (SANITIZED)
		return true;
	sandbox_probe(&kernel);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return error_sys(err, FAULT_SYSTEM, errno, "unable to give up new privileges");
	if (kernel.landlock && !restrict_files(rules, kernel.landlock, err))
		return false;
	ret->landlock = kernel.landlock;
	if (kernel.seccomp && !sandbox_filter_install(err))
		return false;
	ret->seccomp = kernel.seccomp;
	return true;
}
