#include <ctype.h>
#include <stdlib.h>

#include "error.h"
#include "options.h"
#include "strbuf.h"
#include "tap.h"

/* Properties that every row of the table has. */
static void
table(void)
{
	bool sane = true, unique = true, fallbacks = true, sentences = true, groups = true;

	for (int i = 0; i < OPT_COUNT; i++) {
		const struct option *o = &options[i];
		struct error err = ERROR_NONE;

		sane = sane && o->id == (enum option_id)i && (o->letter || *o->name) &&
		       (o->where & (WHERE_FLAG | WHERE_FILE)) &&
		       (o->kind == KIND_FLAG || o->kind == KIND_BOOL) == !*o->arg &&
		       (o->kind != KIND_FLAG || !(o->where & WHERE_FILE));
		sentences =
			sentences && *o->sentence && o->sentence[strlen(o->sentence) - 1] == '.';
		groups = groups && o->group < OPTION_GROUP_COUNT &&
			 (i == 0 || o->group >= options[i - 1].group) &&
			 *option_group_titles[o->group];
		if (*o->fallback && !option_check(o, o->fallback, &err)) {
			printf("# %s: %s\n", o->name, err.text);
			fallbacks = false;
		}
		for (int j = 0; j < i; j++)
			unique = unique && (!o->letter || o->letter != options[j].letter) &&
				 (!*o->name || strcmp(o->name, options[j].name) != 0);
	}
	ok(sane, "every row is sane");
	ok(unique, "letters and names are unique");
	ok(fallbacks, "the defaults are accepted");
	ok(sentences, "the sentences end with a dot");
	ok(groups && options[OPT_TO].group == 0 &&
			options[OPT_IGNORE_X].group == OPTION_GROUP_COUNT - 1 &&
			options[OPT_PARTIAL].group == OPTION_GROUP_ENVELOPE,
		"every option is in the group above it");
}

static void
finding(void)
{
	ok(option_by_letter('f') == &options[OPT_ENVELOPE_FROM], "by letter");
	ok(option_by_letter('r') == &options[OPT_ENVELOPE_FROM], "by the letter of an alias");
	ok(!option_by_letter('Z') && !option_by_letter('\0') && !option_by_letter((char)0xe9),
		"by letters that are none");
	ok(option_by_name("port", 4, WHERE_FILE) == &options[OPT_PORT], "by name");
	ok(option_by_name("portable", 4, WHERE_FLAG) == &options[OPT_PORT], "by a piece of text");
	ok(!option_by_name("por", 3, WHERE_FLAG) && !option_by_name("ports", 5, WHERE_FLAG) &&
			!option_by_name("", 0, WHERE_FLAG) &&
			!option_by_name("PORT", 4, WHERE_FILE),
		"by names that are none");
	ok(!option_by_name("subject", 7, WHERE_FILE), "an option that is no key");
	ok(!option_by_name("inherit", 7, WHERE_FLAG), "a key that is no option");
	ok(!option_by_name("host", 4, WHERE_SENDMAIL), "an option that sendmail does not have");
}

static void
likeness(void)
{
	static const struct {
		const char *name, *want;
	} rows[] = {
		{ "hots", "host" },
		{ "hst", "host" },
		{ "prot", "port" },
		{ "tls_trust", "tls-trust" },
		{ "tls-fingreprint", "tls-fingerprint" },
		{ "passwordfile", "password-file" },
		{ "ser", "user" },
		{ "x", NULL },
		{ "foo", NULL },
		{ "", NULL },
		{ "certificate", NULL },
		{ "password-and-a-name-that-is-longer-than-any-option-is", NULL },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct option *o = option_like(rows[i].name, WHERE_FILE);

		ok(rows[i].want ? o && strcmp(o->name, rows[i].want) == 0 : !o, "like \"%s\": %s",
			rows[i].name, o ? o->name : "nothing");
	}
	ok(option_like("attahc", WHERE_FLAG) == &options[OPT_ATTACH] &&
			!option_like("attahc", WHERE_FILE),
		"only where it may appear");
}

static void
values(void)
{
	static const struct {
		enum option_id id;
		const char *value;
		enum fault fault;
	} rows[] = {
		{ OPT_PORT, "1", FAULT_NONE },
		{ OPT_PORT, "65535", FAULT_NONE },
		{ OPT_PORT, "0", FAULT_CONFIG },
		{ OPT_PORT, "65536", FAULT_CONFIG },
		{ OPT_PORT, "", FAULT_CONFIG },
		{ OPT_PORT, " 25", FAULT_CONFIG },
		{ OPT_PORT, "-1", FAULT_CONFIG },
		{ OPT_PORT, "0x19", FAULT_CONFIG },
		{ OPT_PORT, "99999999999999999999999", FAULT_CONFIG },
		{ OPT_TIMEOUT, "30", FAULT_NONE },
		{ OPT_TIMEOUT, "1d", FAULT_NONE },
		{ OPT_TIMEOUT, "86401s", FAULT_CONFIG },
		{ OPT_TIMEOUT, "0", FAULT_CONFIG },
		{ OPT_TIMEOUT, "s", FAULT_CONFIG },
		{ OPT_TIMEOUT, "1w", FAULT_CONFIG },
		{ OPT_TIMEOUT, "1 m", FAULT_CONFIG },
		{ OPT_TIMEOUT, "18446744073709551615d", FAULT_CONFIG },
		{ OPT_TIMEOUT, "213503982334602d", FAULT_CONFIG },
		{ OPT_KEEP_BCC, "yes", FAULT_NONE },
		{ OPT_KEEP_BCC, "No", FAULT_NONE },
		{ OPT_KEEP_BCC, "true", FAULT_CONFIG },
		{ OPT_KEEP_BCC, "", FAULT_CONFIG },
		{ OPT_TLS, "implicit", FAULT_NONE },
		{ OPT_TLS, "STARTTLS", FAULT_NONE },
		{ OPT_TLS, "start", FAULT_CONFIG },
		{ OPT_TLS, "implicit|none", FAULT_CONFIG },
		{ OPT_TLS, "", FAULT_CONFIG },
		{ OPT_USER, "jos\xc3\xa9", FAULT_NONE },
		{ OPT_USER, "jos\xe9", FAULT_DATA },
		{ OPT_USER, "a\tb", FAULT_DATA },
		{ OPT_USER, "a\nb", FAULT_DATA },
		{ OPT_USER, "", FAULT_CONFIG },
		{ OPT_USER, "  ", FAULT_CONFIG },
		{ OPT_FROM_NAME, "", FAULT_NONE },
		{ OPT_FROM_NAME, "x\r\nBcc: y@example.org", FAULT_DATA },
		{ OPT_HOST, "a,\tb", FAULT_NONE },
		{ OPT_HOST, " , ", FAULT_CONFIG },
		{ OPT_HOST, "a\nb", FAULT_DATA },
		{ OPT_TLS_CERT, "/x/\xe9", FAULT_NONE },
		{ OPT_TLS_CERT, "/x\n", FAULT_DATA },
		{ OPT_PASSWORD_COMMAND, "a\tb", FAULT_NONE },
		{ OPT_PASSWORD_COMMAND, "a\x01", FAULT_DATA },
		{ OPT_BODY, "two\nlines", FAULT_NONE },
		{ OPT_SUBJECT, "", FAULT_NONE },
		{ OPT_ENVELOPE_FROM, "", FAULT_NONE },
		{ OPT_QUIET, "yes", FAULT_NONE },
		{ OPT_QUIET, "", FAULT_NONE },
		{ OPT_QUIET, "no", FAULT_CONFIG },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct error err = ERROR_NONE;
		bool good = option_check(&options[rows[i].id], rows[i].value, &err);
		char shown[80];

		snprintf(shown, sizeof(shown), "%s: row %zu", options[rows[i].id].name, i);
		ok(good == !rows[i].fault && err.fault == rows[i].fault, "%s %s", shown, err.text);
	}
}

static void
messages(void)
{
	static const struct {
		enum option_id id;
		const char *value, *want;
	} rows[] = {
		{ OPT_PORT, "x\x1b",
			"\"x\\x1b\" holds a control character or is not UTF-8; "
			"accepted: a number from 1 to 65535" },
		{ OPT_PORT, "70000",
			"\"70000\" is not such a number; accepted: a number from 1 to "
			"65535" },
		{ OPT_TLS, "on", "\"on\" is not known; accepted: implicit, starttls or none" },
		{ OPT_SENDER, "", "the value is empty; accepted: auto, force or header" },
		{ OPT_TIMEOUT, "1w",
			"\"1w\" is not such a time; accepted: a time from 1s to 1d (as "
			"30, 30s, 5m, 2h or 1d)" },
		{ OPT_ADD_DATE, "on", "\"on\" is neither yes nor no; accepted: yes or no" },
		{ OPT_PASSWORD_COMMAND, "echo hunter2 \x01",
			"holds a control character or is not UTF-8; accepted: a command with its "
			"arguments" },
	};
	struct error err = ERROR_NONE;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		err = (struct error)ERROR_NONE;
		ok(!option_check(&options[rows[i].id], rows[i].value, &err), "refused");
		same(err.text, strlen(err.text), rows[i].want, options[rows[i].id].name);
	}
	err = (struct error)ERROR_NONE;
	option_refuse(&options[OPT_PASSWORD_COMMAND], "hunter2", "is wrong", &err);
	ok(!strstr(err.text, "hunter2"), "masked values are not shown");
	ok(!option_check(&options[OPT_PORT], "x", NULL), "nobody needs the message");
}

static void
decoding(void)
{
	ok(option_yes("yes") && option_yes("YES") && !option_yes("no"), "yes and no");
	ok(option_choice(&options[OPT_TLS], "implicit") == 0 &&
			option_choice(&options[OPT_TLS], "Starttls") == 1 &&
			option_choice(&options[OPT_TLS], "none") == 2 &&
			option_choice(&options[OPT_TLS], "non") == -1 &&
			option_choice(&options[OPT_TLS], "") == -1 &&
			option_choice(&options[OPT_USER], "x") == -1,
		"choices");
	ok(option_seconds("30") == 30 && option_seconds("30s") == 30 &&
			option_seconds("5m") == 300 && option_seconds("2h") == 7200 &&
			option_seconds("1d") == 86400 && option_seconds("x") == 0,
		"times");
	ok(option_has_argument(&options[OPT_PORT]) && !option_has_argument(&options[OPT_QUIET]) &&
			!option_has_argument(&options[OPT_KEEP_BCC]),
		"arguments");
}

static void
phrases(void)
{
	bool good = true;

	for (int i = 0; i < OPT_COUNT; i++) {
		struct strbuf text = STRBUF_INIT(256);

		option_add_accepted(&text, &options[i]);
		good = good && text.len > 0 && !text.full && !strchr(text.s, '|');
		strbuf_done(&text);
	}
	ok(good, "there is a phrase for every option");
}

int
main(void)
{
	table();
	finding();
	likeness();
	values();
	messages();
	decoding();
	phrases();
	return tap_done();
}
