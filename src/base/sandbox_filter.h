/* The system calls that remain in the sandbox, as a seccomp filter. For sandbox.c. */
#pragma once

#include <stdbool.h>

struct error;

/* True iff the kernel filters system calls, and this program knows the machine's numbers. */
bool sandbox_filter_is_possible(void);
/* Needs PR_SET_NO_NEW_PRIVS. FAULT_SYSTEM. */
bool sandbox_filter_install(struct error *err) __attribute__((warn_unused_result));
