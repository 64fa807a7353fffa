/* What a client that came by a socket may do besides: log in, and be a browser. */
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "clients.h"
#include "mime.h"
#include "smtpd_state.h"

#define ATTEMPTS 3
#define PAUSE_S  1

/* A page that a browser shows can make it connect to any port of this machine: what it sends would
 * be mistakes, but its body could hold commands. */
static bool
is_http(const char *line)
{
	static const char *const verbs[] = { "GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT",
		"DELETE", "PATCH", "TRACE", "PRI" };
	size_t n = strcspn(line, " ");

	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
		if (strlen(verbs[i]) == n && strncasecmp(line, verbs[i], n) == 0)
			return true;
	/* one that was cut off its verb, or any other header of a request */
	return strcasestr(line, " HTTP/") != NULL || strncasecmp(line, "Host:", 5) == 0;
}

static bool
is_verb(const char *line, const char *verb)
{
	size_t n = strlen(verb);

	return strncasecmp(line, verb, n) == 0 && (!line[n] || line[n] == ' ');
}

/* RFC 4616: authorization identity, NUL, authentication identity, NUL, password. The first is left
 * empty or the same. */
static bool
check(const struct smtpd *d, const char *response, char name[CLIENTS_NAME], struct error *err)
{
	struct strbuf plain = STRBUF_INIT_SECRET(4096);
	const char *who, *word;
	bool good;

	good = mime_decode_base64(&plain, response, strlen(response)) && !plain.full;
	who = good ? memchr(plain.s, '\0', plain.len) : NULL;
	who = who ? who + 1 : NULL;
	word = who ? memchr(who, '\0', plain.len - (size_t)(who - plain.s)) : NULL;
	word = word ? word + 1 : NULL;
	good = word && strlen(who) < CLIENTS_NAME && (!*plain.s || strcmp(plain.s, who) == 0) &&
	       clients_check(
		       d->of->password_file, who, word, plain.len - (size_t)(word - plain.s), err);
	if (good)
		memcpy(name, who, strlen(who) + 1);
	strbuf_done(&plain);
	return good;
}

static void
log_in(struct smtpd *d, const char *response)
{
	struct error err = ERROR_NONE;
	char name[CLIENTS_NAME];

	if (check(d, response, name, &err)) {
		peer_of_name(&d->authenticated, name);
		d->s.peer = &d->authenticated;
		smtpd_reply(d, 235, 7, 0, "you are known");
	} else if (err.fault) {
		smtpd_reply(d, 454, 7, 0, "nobody can log in: %s", err.text);
	} else {
		sleep(PAUSE_S);
		smtpd_reply(d, 535, 7, 8, "name or password are wrong");
		if (++d->refused_logins >= ATTEMPTS) {
			smtpd_reply(d, 421, 7, 0, "this was tried too often");
			smtpd_end(d, fault_status(FAULT_PERMISSION));
		}
	}
}

static void
auth(struct smtpd *d, const char *line)
{
	const char *at = line + strcspn(line, " ");

	at += strspn(at, " ");
	if (d->s.peer == &d->authenticated || d->mail) {
		smtpd_reply(d, 503, 5, 1, "not now");
	} else if (!is_verb(at, "PLAIN")) {
		smtpd_reply(d, 504, 5, 4, "PLAIN is what is offered");
	} else {
		at += strcspn(at, " ");
		at += strspn(at, " ");
		if (*at) {
			log_in(d, at);
			return;
		}
		/* RFC 4954 section 4: an empty challenge, the response is the next line */
		smtpd_say(d, 334, (struct enhanced){ 0, 0, 0 }, "");
		d->expects_response = true;
	}
}

bool
smtpd_listened(struct smtpd *d, const char *line)
{
	if (!d->of->listened)
		return false;
	if (d->expects_response) {
		d->expects_response = false;
		if (strcmp(line, "*") == 0)
			smtpd_reply(d, 501, 0, 0, "as you like");
		else
			log_in(d, line);
		return true;
	}
	if (is_http(line)) {
		d->silent = true;
		smtpd_end(d, fault_status(FAULT_PROTOCOL));
		return true;
	}
	if (!d->of->password_file)
		return false;
	if (is_verb(line, "AUTH")) {
		auth(d, line);
		return true;
	}
	if (d->s.peer != &d->authenticated && (is_verb(line, "MAIL") || is_verb(line, "RCPT"))) {
		smtpd_reply(d, 530, 7, 0, "log in first (AUTH PLAIN)");
		d->waste += SMTPD_MISTAKE;
		return true;
	}
	return false;
}
