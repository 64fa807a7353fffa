/* Where is kept what outlives a submission. */
#pragma once

/* A private directory for what is remembered of servers, made where it is missing: below
 * $XDG_RUNTIME_DIR, the cache directory that a service was given, or the user's cache. NULL where
 * there is none that is ours alone. The string stays valid until the next call. */
const char *remember_directory(void);
