#include <stdlib.h>

#include "error.h"
#include "parse.h"
#include "profile.h"
#include "strbuf.h"
#include "tap.h"

/* A file and what it gives. */
struct parsed {
	struct profile_list l;
	struct profile defaults;
	struct error err;
	bool good;
};

static struct parsed
parse_n(const char *text, size_t n)
{
	struct parsed p = { .err = ERROR_NONE };
	/* a copy of the exact size, so that a read beyond it is seen */
	char *copy = malloc(n ? n : 1);

	memcpy(copy, text, n);
	profile_init(&p.defaults, "defaults", "");
	p.good = parse_config(copy, n, "f", &p.l, &p.defaults, &p.err);
	free(copy);
	return p;
}

static struct parsed
parse(const char *text)
{
	return parse_n(text, strlen(text));
}

static void
done(struct parsed *p)
{
	profile_list_done(&p->l);
	profile_done(&p->defaults);
}

static void
fails_n(const char *text, size_t n, const char *want)
{
	struct parsed p = parse_n(text, n);

	ok(!p.good && p.err.fault == FAULT_CONFIG, "refused");
	same(p.err.text, strlen(p.err.text), want, want);
	done(&p);
}

static void
fails(const char *text, const char *want)
{
	fails_n(text, strlen(text), want);
}

static void
is(const struct profile *p, enum option_id id, const char *value, const char *origin)
{
	const char *text = profile_text(p, id), *from = p->settings[id].origin;

	same(text, text ? strlen(text) : 0, value, options[id].name);
	same(from, from ? strlen(from) : 0, origin, "its origin");
}

static void
good_file(void)
{
	struct parsed p = parse("\xef\xbb\xbf# comment\r\n"
				"\n"
				"  [ defaults ]  \r\n"
				"\tport\t=\t587\t\r\n"
				"   # another, with = in it\n"
				"[account  my work ]\n"
				"host=a.example.org:25 , [::1]:26\n"
				"host = 192.0.2.1\n"
				"from-name = Jos\xc3\xa9 = # \"x\" \n"
				"user = = \n"
				"tls = StartTLS\n"
				"auth = scram-sha-256-plus\n"
				"[account b]\n"
				"from-name =\n"
				"add-date = NO");
	const char *const *hosts;
	size_t n;

	ok(p.good && p.l.n == 2, "parsed %s", p.err.text);
	if (!p.good)
		return;
	is(&p.defaults, OPT_PORT, "587", "f:4");
	same(p.l.v[0].name, strlen(p.l.v[0].name), "my work", "name");
	same(p.l.v[0].origin, strlen(p.l.v[0].origin), "f:6", "origin");
	hosts = profile_list_of(&p.l.v[0], OPT_HOST, &n);
	ok(n == 3 && strcmp(hosts[0], "a.example.org:25") == 0 &&
			strcmp(hosts[1], "[::1]:26") == 0 && strcmp(hosts[2], "192.0.2.1") == 0,
		"a list, and more of it");
	is(&p.l.v[0], OPT_FROM_NAME, "Jos\xc3\xa9 = # \"x\"", "f:9");
	is(&p.l.v[0], OPT_USER, "=", "f:10");
	is(&p.l.v[0], OPT_TLS, "starttls", "f:11");
	is(&p.l.v[0], OPT_AUTH, "SCRAM-SHA-256-PLUS", "f:12");
	ok(!profile_is_set(&p.l.v[0], OPT_PORT), "defaults are not mixed in here");
	is(&p.l.v[1], OPT_FROM_NAME, "", "f:14");
	is(&p.l.v[1], OPT_ADD_DATE, "no", "f:15");
	done(&p);
	p = parse("");
	ok(p.good && p.l.n == 0, "an empty file");
	done(&p);
	p = parse("[account a]");
	ok(p.good && p.l.n == 1, "an account without settings");
	done(&p);
}

static void
structure(void)
{
	fails("port = 25\n", "f:1: port: belongs to no account; accepted: [account NAME] or "
			     "[defaults] on a line above it");
	fails("\n\n[account a]\nhost = a\nhots = b\n",
		"f:5: hots: is not known; accepted: host, if that is meant");
	fails("[account a]\nblah = b\n",
		"f:2: blah: is not known; accepted: keys of sendoff.conf(5)");
	fails("[account a]\nsubject = b\n",
		"f:2: subject: is an option of the command line only; accepted: keys of "
		"sendoff.conf(5)");
	fails("[account a]\npassword = hunter2\n",
		"f:2: password: is not known, passwords have no place in this file; accepted: "
		"password-command, password-file, password-credential or password-key");
	fails("[account a]\npassword hunter2\n",
		"f:2: password: no equals sign; accepted: key = value, [account NAME], [defaults] "
		"or # and a comment");
	fails("[account a]\n= x\n", "f:2: : is not known; accepted: keys of sendoff.conf(5)");
	fails("[account a]\n[account b]\n[account a]\n",
		"f:3: [account a]: is there already (f:1); accepted: a name of its own for each "
		"account");
	fails("[defaults]\n[defaults]\n",
		"f:2: [defaults]: is there already (f:1); accepted: one in a file");
	fails("[account]\n",
		"f:1: [account]: the name is malformed; accepted: [account NAME], with "
		"a name of up to 100 octets without brackets");
	fails("[account a]b]\n", "f:1: [account]: the name is malformed; accepted: [account NAME], "
				 "with a name of up to 100 octets without brackets");
	fails("[account a] # x\n", "f:1: [account a] # x: the line does not end with a bracket; "
				   "accepted: [account NAME] or [defaults]");
	fails("[accounts a]\n",
		"f:1: [accounts a]: is no section; accepted: [account NAME] or [defaults]");
	fails("[", "f:1: [: the line does not end with a bracket; accepted: [account NAME] or "
		   "[defaults]");
	fails("[]", "f:1: []: is no section; accepted: [account NAME] or [defaults]");
	fails("[account environment]\n",
		"f:1: [account environment]: the name is that of the account that SENDOFF_HOST "
		"describes; accepted: any other name");
	fails("[defaults]\ninherit = a\n",
		"f:2: inherit: cannot be a default; accepted: in an account only");
	fails("[account a]\nport = 1\nport = 1\n",
		"f:3: port: is set already (f:2); accepted: once in an account");
}

static void
values(void)
{
	fails("[account a]\nport = 0\n",
		"f:2: port: \"0\" is not such a number; accepted: a number from 1 to 65535");
	fails("[account a]\nport =\n",
		"f:2: port: the value is empty; accepted: a number from 1 to 65535");
	fails("[account a]\ndsn-notify = never, delay\n",
		"f:2: dsn-notify: \"never, delay\" is not such a list; accepted: never, or a list "
		"of "
		"success, failure and delay");
	fails("[account a]\nfrom = *@example.org\n",
		"f:2: from: \"*@example.org\" is a pattern, and those belong in match-from; "
		"accepted: one address, as user@example.org");
	fails("[account a]\nfrom = <>\n",
		"f:2: from: \"<>\" is the null sender; accepted: one address, as user@example.org");
	fails("[account a]\nfrom = a@b, c@d\n", "f:2: from: \"a@b, c@d\" is no address; accepted: "
						"one address, as user@example.org");
	fails("[account a]\nehlo-name = a b\n",
		"f:2: ehlo-name: \"a b\" is no domain; accepted: a domain name, or an address in "
		"brackets");
	fails("[account a]\ntls-trust = ca.pem\n", "f:2: tls-trust: \"ca.pem\" does not begin with "
						   "/ or ~/; accepted: system, none or a "
						   "file name");
	fails("[account a]\npassword-command = pass \"x\n",
		"f:2: password-command: a \" is not closed; accepted: a command with its "
		"arguments");
	fails("[account a]\nauth = SCRAM-MD5\n",
		"f:2: auth: \"SCRAM-MD5\" is not known; accepted: auto, none, SCRAM-SHA-256 or "
		"SCRAM-SHA-1 (with or without -PLUS), PLAIN, LOGIN, CRAM-MD5, EXTERNAL, GSSAPI, "
		"OAUTHBEARER, XOAUTH2, DIGEST-MD5, NTLM");
	fails("[account a]\nhost = good, b@d\n",
		"f:2: host: \"b@d\" is no host; accepted: names or addresses, each as HOST, "
		"HOST:PORT or [IPV6]:PORT");
}

static void
octets(void)
{
	fails_n("[account a]\nuser = a\0b\n", 23, "f:2: a NUL octet; accepted: text in UTF-8");
	fails("# caf\xe9\n", "f:1: octets that are no UTF-8; accepted: text in UTF-8");
	fails("[account a]\nuser = a\rb\n", "f:2: a control character; accepted: text in UTF-8");
	fails("[account a]\nuser = a\r", "f:2: a control character; accepted: text in UTF-8");
	fails("[account a]\nuser = \x1b[2J\n", "f:2: a control character; accepted: text in UTF-8");
	fails("[account a]\nuser = a\tb\n",
		"f:2: user: \"a\\x09b\" holds a control character or is not UTF-8; accepted: one "
		"line of text");
	fails("[account a\xc2\x85]\n", "f:1: a control character; accepted: text in UTF-8");
	fails("[account a]\nhost = a\xc2\x85\n",
		"f:2: a control character; accepted: text in UTF-8");
	fails("[account a\tb]\n", "f:1: [account]: the name is malformed; accepted: [account "
				  "NAME], with a name of up "
				  "to 100 octets without brackets");
	fails("\xef\xbb\xbf\xef\xbb\xbf[account a]\n",
		"f:1: \\u{feff}[account: no equals sign; accepted: key = value, [account NAME], "
		"[defaults] or # and a comment");
}

static void
many(void)
{
	struct strbuf text = STRBUF_INIT(PROFILE_FILE_MAX);
	struct parsed p;
	size_t n;

	for (int i = 0; i <= PROFILE_ACCOUNTS; i++)
		strbuf_addf(&text, "[account %d]\n", i);
	p = parse_n(text.s, text.len);
	ok(!p.good && strstr(p.err.text, "f:1001: [account 1000]: too many"), "%s", p.err.text);
	done(&p);
	strbuf_clear(&text);
	strbuf_adds(&text, "[account a]\nhost = a");
	while (text.len + 10 < PROFILE_FILE_MAX)
		strbuf_adds(&text, ",b");
	p = parse_n(text.s, text.len);
	profile_list_of(&p.l.v[0], OPT_HOST, &n);
	ok(p.good && n > 500000, "a very long list");
	done(&p);
	strbuf_clear(&text);
	strbuf_adds(&text, "[account a]\nhost = a\n");
	while (text.len + 20 < PROFILE_FILE_MAX)
		strbuf_adds(&text, "host=b\n");
	p = parse_n(text.s, text.len);
	profile_list_of(&p.l.v[0], OPT_HOST, &n);
	ok(p.good && n > 100000, "a key that is repeated very often");
	done(&p);
	strbuf_done(&text);
}

int
main(void)
{
	good_file();
	structure();
	values();
	octets();
	many();
	return tap_done();
}
