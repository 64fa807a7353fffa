/* Where is kept what outlives a submission. */
#pragma once

/* A private directory for what is remembered of servers, made where it is missing: below
 * $XDG_RUNTIME_DIR, the cache directory that a service was given, or the user's cache. NULL where
 * there is none that is ours alone. The string stays valid until the next call. */
const char *remember_directory(void);
/* That of the service; NULL where there is none that is ours alone. */
const char *remember_system(void);
/* Makes it for UID and GID where it is missing. It is done without, too. */
void remember_prepare(unsigned uid, unsigned gid);
