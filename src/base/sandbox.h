/* Takes away from this process, for good, all that talking to a server does not need: Landlock for
 * files, seccomp for system calls. What the kernel does not have is left out. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct error;

/* What there is, or what was done. */
struct sandbox_state {
	int landlock; /* version of its interface, 0 for none */
	bool seccomp;
};

/* What remains. Lists end in NULL and may be NULL; what does not exist is passed over. */
struct sandbox {
	const char *const *read;  /* files and directories that may be read */
	const char *const *write; /* directories in which files may be made, changed and removed */
};

/* What name resolution, TLS and the C library read. Nothing of ours. */
#define SANDBOX_PUBLIC 23
extern const char *const sandbox_public[SANDBOX_PUBLIC];

/* What the kernel has and this program was built for. */
void sandbox_probe(struct sandbox_state *ret);
/* Does it: from here on nothing can be executed or traced, no file but those of RULES opened, no
 * process started (threads can), no other kind of socket made than inet, unix and netlink, no port
 * listened on. What is not allowed fails with EPERM, EACCES or ENOSYS. *RET says what was done:
 * nothing under a sanitizer. False with FAULT_SYSTEM when the kernel has it and refuses. */
bool sandbox_enter(const struct sandbox *rules, struct sandbox_state *ret, struct error *err)
	__attribute__((warn_unused_result));
