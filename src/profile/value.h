/* One value on its way into a profile: checks that need more than the table, and its stored form.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "options.h"

struct error;
struct strbuf;

/* Sees to it that VALUE, which option_check has accepted, is right for a key with a form of its
 * own: addresses, domains, hosts, pins, mechanisms, commands, notifications. One word of a LIST at
 * a time. FAULT_CONFIG as option_check. */
bool value_check(const struct option *o, const char *value, struct error *err)
	__attribute__((warn_unused_result));
/* Appends a PATH with a leading ~/ and $NAME or ${NAME} expanded; $$ is a dollar sign. FAULT_CONFIG
 * for a variable that is not set. Relative names are refused unless RELATIVE: only a command line
 * has a current directory that its writer knows. */
bool value_add_path(struct strbuf *out, const struct option *o, const char *value, bool relative,
	struct error *err) __attribute__((warn_unused_result));
/* The next word of a LIST at *AT, which is moved behind it; NULL at the end. *RET_N is its length.
 */
const char *value_word(const char **at, size_t *ret_n);
/* Splits "HOST", "HOST:PORT", "[IPV6]:PORT", "IPV6": the host without brackets is *RET_N octets at
 * the result; NULL if it is none of these or the port is no port. */
const char *value_host(const char *text, size_t *ret_n);
/* True iff TEXT, N octets, is an IPv4 or IPv6 address, an IPv6 one perhaps with a scope. */
bool value_is_address(const char *text, size_t n);
/* Splits "socks5://[USER@]HOST[:PORT]". USER (may be NULL) gets at most 256 octets with its NUL,
 * *RET_HOST points at the host with its port. False if it is none. */
bool value_proxy(const char *text, char *user, const char **ret_host);
/* The one spelling of a mechanism ("auto", "PLAIN"), or NULL. */
const char *value_mechanism(const char *text);
