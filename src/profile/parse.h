/* The configuration file: octets to settings. No file access here, so that it can be fuzzed. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct error;
struct profile;
struct profile_list;

/* Parses N octets of TEXT, called NAME in messages: UTF-8 lines, CRLF or LF; `[defaults]`,
 * `[account NAME]`, `key = value` to the end of the line, `#` comments on their own line. Appends
 * the accounts to *L and fills DEFAULTS (initialised by the caller). Errors: FAULT_CONFIG,
 * "NAME:LINE: ...": unknown key (with a guess), bad value, duplicate account, duplicate key, a key
 * before any section, NUL or malformed UTF-8, options that are no keys. Inheritance is not resolved
 * here. */
bool parse_config(const char *text, size_t n, const char *name, struct profile_list *l,
	struct profile *defaults, struct error *err) __attribute__((warn_unused_result));
