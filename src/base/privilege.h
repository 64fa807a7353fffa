/* Giving up for good what a process is not to have. */
#pragma once

#include <stdbool.h>

struct error;

/* The user of the service: who talks to smarthosts for a whole system, and owns its spool and its
 * secrets. */
#define PRIVILEGE_USER "sendoff"

/* Becomes user NAME and its group, without other groups and without capabilities, and makes sure
 * that there is no way back. Only root may; for NAME itself it does nothing but check.
 * FAULT_CONFIG: there is no such user; FAULT_SYSTEM: the kernel refuses. */
bool privilege_switch(const char *name, struct error *err) __attribute__((warn_unused_result));
/* The same with PRIVILEGE_USER where that can be. Otherwise, as there is no such user, or root is
 * not allowed to become another, the user stays who it is, without capabilities and other groups.
 * *RET_SWITCHED tells which. FAULT_SYSTEM: capabilities remain. */
bool privilege_step_down(bool *ret_switched, struct error *err) __attribute__((warn_unused_result));
/* No new privileges by execve, no core files, no debugger, files for nobody else. */
void privilege_harden(void);
