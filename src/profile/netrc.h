/* Files in the format of netrc, as ftp, curl and msmtp read them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct strbuf;

#define NETRC_MAX 262144 /* octets of such a file */

/* What was found. */
enum netrc_answer {
	NETRC_FOUND,
	NETRC_NO_MACHINE,  /* neither the machine nor a default that fits */
	NETRC_OTHER_LOGIN, /* the machine is there, but for others to log in */
	NETRC_NO_PASSWORD, /* the entry that fits has none */
	NETRC_BROKEN       /* the entry that fits holds what is no word of the format */
};

struct netrc_result {
	enum netrc_answer answer;
	size_t line;     /* of the entry, or of what is broken; 0: of none */
	unsigned logins; /* NETRC_OTHER_LOGIN: how many entries the machine has */
};

/* Looks for the password of USER at the machine HOST (without regard to case) and appends it to
 * PASSWORD, which must be secret. The first entry of the machine whose login is USER, or that has
 * none, is taken; where the machine has no entry, `default` is. Words are separated by blanks and
 * line ends; "..." holds blanks, with \n, \r, \t and \ before any other character; elsewhere
 * \ stands before a blank, a quote or another \, and for itself before anything else. A line that
 * begins with # is a comment, a macdef goes to the next empty line. Any octets may be given; what
 * holds a NUL is no word. */
struct netrc_result
netrc_find(const char *s, size_t n, const char *host, const char *user, struct strbuf *password);
