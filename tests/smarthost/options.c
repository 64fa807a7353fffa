#include "options.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "io.h"
#include "smarthost.h"
#include "text.h"

static const char help[] =
	"smarthost [OPTION]...\n"
	"A mail submission server for tests; prints \"ready PORT\" and records what it gets.\n"
	"\n"
	"  --listen ADDRESS          127.0.0.1 unless set\n"
	"  --port PORT               0 (unless set): any free one\n"
	"  --tls MODE                implicit, starttls, none (unless set)\n"
	"  --tls-version VERSION     1.2, 1.3, any\n"
	"  --ca-dir DIR              write ca.pem, crl.pem, server.pem, server-key.pem, "
	"client.pem,\n"
	"                            client-key.pem and password\n"
	"  --certificate VARIANT     good, expired, future, wrongname, selfsigned, cnonly, "
	"rsa1024,\n"
	"                            lasting, rsa2048, clientauth, unknownca, revoked\n"
	"  --make-ca DIR             write an authority with all variants, and end\n"
	"  --use-ca DIR              serve with what --make-ca wrote\n"
	"  --request-client-certificate\n"
	"  --user NAME, --password-file FILE    in pairs; alice with \"wonderland\" unless set\n"
	"  --mechanisms LIST         of PLAIN LOGIN CRAM-MD5 DIGEST-MD5 SCRAM-SHA-1 "
	"SCRAM-SHA-256,\n"
	"                            those with -PLUS, EXTERNAL; \"none\": no AUTH\n"
	"  --auth-optional           mail is taken without AUTH too\n"
	"  --extensions LIST         the extensions of EHLO, such as PIPELINING,SIZE=1000,\n"
	"                            LIMITS=RCPTMAX=5+MAILMAX=2; \"none\"; words with - or + in "
	"front\n"
	"                            change the usual list\n"
	"  --record DIR              write NNNNNN.eml and NNNNNN.json for each message\n"
	"  --discard                 write NNNNNN.json only\n"
	"  --max-recipients N        452 for those behind\n"
	"  --messages N, --once      end after N messages, after one\n"
	"  --delay MS                wait before each flight of replies\n"
	"  --idle SECONDS            end silent connections; 60 unless set\n"
	"  --until-eof               end when standard input ends\n"
	"  --verbose                 show the dialogue on standard error\n"
	"\n"
	"Recipients that steer, in any domain: tempfail@ 451, permfail@ 550, slow@ a second late,\n"
	"datatemp@ 451 and dataperm@ 554 to the content, drop@ closes instead of answering the\n"
	"content, lost@ the same but the message is recorded. Senders: tempfail@ and permfail@.\n";

static const char usual_extensions[] =
	"PIPELINING,SIZE=104857600,8BITMIME,SMTPUTF8,DSN,CHUNKING,ENHANCEDSTATUSCODES";
static const char usual_mechanisms[] =
	"PLAIN,LOGIN,CRAM-MD5,SCRAM-SHA-1,SCRAM-SHA-256,SCRAM-SHA-1-PLUS,SCRAM-SHA-256-PLUS,"
	"EXTERNAL";

static bool
complain(const char *what, const char *value)
{
	fprintf(stderr, "smarthost: %s: %s (see --help)\n", what, value);
	return false;
}

/* The first line of FILE. */
static char *
read_password(const char *file)
{
	char buffer[4096];
	ssize_t n = -1;
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		n = io_read_full(fd, buffer, sizeof(buffer) - 1);
		close(fd);
	}
	if (n < 0)
		return NULL;
	buffer[n] = '\0';
	return xstrndup(buffer, strcspn(buffer, "\r\n"));
}

/* Applies "-CHUNKING,+LIMITS=RCPTMAX=3" to the usual extensions. */
static char *
changed_extensions(const char *change)
{
	struct strbuf out = STRBUF_INIT(4096);
	const char *at = usual_extensions, *word, *w;
	char name[512];
	size_t n, length;

	while (list_next(&at, &word, &n)) {
		bool wanted = true;

		for (const char *c = change; list_next(&c, &w, &length);) {
			snprintf(name, sizeof(name), "%.*s", (int)(length - 1), w + 1);
			name[strcspn(name, "=")] = '\0';
			if (strncmp(word, name, strlen(name)) == 0 &&
				(word[strlen(name)] == '=' || strlen(name) == n))
				wanted = false;
		}
		if (wanted)
			strbuf_addf(&out, "%s%.*s", out.len ? "," : "", (int)n, word);
	}
	while (list_next(&change, &w, &length))
		if (*w == '+')
			strbuf_addf(&out, ",%.*s", (int)(length - 1), w + 1);
	return out.s;
}

static bool
set_tls(struct config *c, const char *value)
{
	static const char *const names[] = { "none", "starttls", "implicit" };

	for (int i = 0; i < 3; i++)
		if (strcmp(value, names[i]) == 0) {
			c->tls = (enum tls_mode)i;
			return true;
		}
	return complain("unknown TLS mode", value);
}

static bool
set_tls_version(struct config *c, const char *value)
{
	c->tls_version = value;
	return list_has("1.2,1.3,any", value) || complain("unknown TLS version", value);
}

static bool
set_certificate(struct config *c, const char *value)
{
	c->certificate = value;
	return certificate_variant_known(value) || complain("unknown certificate", value);
}

static bool
set_user(struct config *c, const char *value)
{
	if (c->user_count == USERS_MAX)
		return complain("too many users", value);
	c->users[c->user_count++].name = value;
	return true;
}

static bool
set_password(struct config *c, const char *value)
{
	if (!c->user_count && !set_user(c, "alice"))
		return false;
	free(c->users[c->user_count - 1].password);
	c->users[c->user_count - 1].password = read_password(value);
	return c->users[c->user_count - 1].password || complain("unable to read", value);
}

static bool
set_mechanisms(struct config *c, const char *value)
{
	c->mechanisms = strcmp(value, "none") == 0 ? "" : value;
	return true;
}

static bool
set_extensions(struct config *c, const char *value)
{
	if (strcmp(value, "none") == 0)
		c->extensions = "";
	else
		c->extensions = value;
	if (*value == '-' || *value == '+')
		c->extensions = c->changed_extensions = changed_extensions(value);
	return true;
}

static bool
set_once(struct config *c, const char *value)
{
	(void)value;
	c->messages = 1;
	return true;
}

static bool __attribute__((noreturn)) show_help(struct config *c, const char *value)
{
	(void)c, (void)value;
	fputs(help, stdout);
	exit(0);
}

enum kind { YES, NUMBER, TEXT, CALL, CALL_YES };

#define AT(member) offsetof(struct config, member)

static const struct row {
	const char *name;
	enum kind kind;
	size_t offset; /* bool, unsigned, const char * */
	bool (*call)(struct config *c, const char *value);
} rows[] = {
	{ "auth-optional", YES, AT(auth_optional), NULL },
	{ "ca-dir", TEXT, AT(ca_directory), NULL },
	{ "certificate", CALL, 0, set_certificate },
	{ "delay", NUMBER, AT(delay_ms), NULL },
	{ "discard", YES, AT(discard), NULL },
	{ "extensions", CALL, 0, set_extensions },
	{ "help", CALL_YES, 0, show_help },
	{ "idle", NUMBER, AT(idle), NULL },
	{ "listen", TEXT, AT(listen), NULL },
	{ "make-ca", TEXT, AT(make_ca), NULL },
	{ "max-recipients", NUMBER, AT(max_recipients), NULL },
	{ "mechanisms", CALL, 0, set_mechanisms },
	{ "messages", NUMBER, AT(messages), NULL },
	{ "once", CALL_YES, 0, set_once },
	{ "password-file", CALL, 0, set_password },
	{ "port", NUMBER, AT(port), NULL },
	{ "record", TEXT, AT(record), NULL },
	{ "request-client-certificate", YES, AT(request_certificate), NULL },
	{ "tls", CALL, 0, set_tls },
	{ "tls-version", CALL, 0, set_tls_version },
	{ "until-eof", YES, AT(until_eof), NULL },
	{ "use-ca", TEXT, AT(use_ca), NULL },
	{ "user", CALL, 0, set_user },
	{ "verbose", YES, AT(verbose), NULL },
};

#define ROWS (sizeof(rows) / sizeof(*rows))

static bool
set(struct config *c, const struct row *row, const char *value)
{
	char *field = (char *)c + row->offset;
	uint64_t n;

	switch (row->kind) {
	case YES:
		memcpy(field, &(bool){ true }, sizeof(bool));
		return true;
	case TEXT:
		memcpy(field, &value, sizeof(value));
		return true;
	case NUMBER:
		if (!text_number(value, 0, UINT32_MAX, &n))
			return complain("not a good number", value);
		memcpy(field, &(unsigned){ (unsigned)n }, sizeof(unsigned));
		return true;
	case CALL:
	case CALL_YES:
		return row->call(c, value);
	}
	return false;
}

static bool
read_arguments(struct config *c, int argc, char **argv)
{
	struct option long_options[ROWS + 1] = { { NULL, 0, NULL, 0 } };
	int at;

	for (size_t i = 0; i < ROWS; i++) {
		long_options[i].name = rows[i].name;
		long_options[i].has_arg = rows[i].kind != YES && rows[i].kind != CALL_YES;
		long_options[i].val = (int)i;
	}
	while ((at = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		if (at == '?' || !set(c, &rows[at], optarg))
			return false;
	return optind == argc || complain("unexpected", argv[optind]);
}

bool
options_parse(struct config *c, int argc, char **argv)
{
	char size[32];

	memset(c, 0, sizeof(*c));
	c->listen = "127.0.0.1";
	c->tls_version = "any";
	c->certificate = "good";
	c->mechanisms = usual_mechanisms;
	c->extensions = usual_extensions;
	c->max_recipients = RECIPIENTS_MAX;
	c->idle = 60;
	if (!read_arguments(c, argc, argv))
		return false;
	if (c->port > 65535 || c->max_recipients > RECIPIENTS_MAX)
		return complain("number too large", c->port > 65535 ? "port" : "max-recipients");
	if (!c->user_count) {
		c->users[c->user_count].name = "alice";
		c->users[c->user_count++].password = xstrdup("wonderland");
	}
	for (size_t i = 0; i < c->user_count; i++)
		if (!c->users[i].password)
			return complain("no --password-file for", c->users[i].name);
	if (extension_argument(c, "SIZE", size, sizeof(size)) &&
		!text_number(size, 0, UINT64_MAX, &c->size_limit))
		return complain("not a size", size);
	return true;
}

bool
options_write_password(const struct config *c)
{
	char name[4096];
	bool good;
	int fd;

	if (!c->ca_directory)
		return true;
	snprintf(name, sizeof(name), "%s/password", c->ca_directory);
	fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	good = fd >= 0 && io_write_full(fd, c->users[0].password, strlen(c->users[0].password)) &&
	       io_write_full(fd, "\n", 1);
	if (fd >= 0)
		close(fd);
	return good || complain(strerror(errno), name);
}

void
options_done(struct config *c)
{
	for (size_t i = 0; i < c->user_count; i++)
		free(c->users[i].password);
	free(c->changed_extensions);
}
