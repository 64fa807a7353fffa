#include "importing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "args.h"
#include "child.h"
#include "clock.h"
#include "error.h"
#include "import.h"
#include "io.h"
#include "parse.h"
#include "status.h"
#include "strbuf.h"
#include "text.h"
#include "trusted.h"

#define EVAL_SECONDS 60
#define OUTPUT_MAX   (16 << 20)
#define PATH_OCTETS  4096

/* Where a program keeps its configuration, in the order in which they are asked. */
static const struct {
	const char *base, *file; /* the base: a variable, "~", or "" */
} usual[] = {
	{ "~", "/.msmtprc" },
	{ "XDG_CONFIG_HOME", "/msmtp/config" },
	{ "~", "/.config/msmtp/config" },
	{ "", "/etc/msmtprc" },
	{ "", "/etc/ssmtp/ssmtp.conf" },
	{ "", "/etc/nullmailer/remotes" },
	{ "", "/etc/dma/dma.conf" },
	{ "~", "/.esmtprc" },
	{ "", "/etc/esmtprc" },
	{ "~", "/.mailrc" },
};

/* Files that belong to the one that is read; what may not be read is as if it were not there. */
static bool
companion(void *ctx, const char *path, struct strbuf *out)
{
	(void)ctx;
	return trusted_read(path, TRUSTED_CONFIG, out, NULL, NULL);
}

/* What msmtp does with an eval line, for who has asked for it. */
static bool
eval(void *ctx, const char *command, struct strbuf *out, struct error *err)
{
	char shell[] = "/bin/sh", option[] = "-c", *copy = xstrdup(command);
	char *argv[] = { shell, option, copy, NULL };
	struct child child = CHILD_NONE;
	bool good;

	(void)ctx;
	good = child_start(&child, argv, err) &&
	       child_wait(&child, clock_in(EVAL_SECONDS * CLOCK_SECOND), out, NULL, err);
	child_stop(&child);
	free(copy);
	strbuf_truncate(out, strcspn(out->s, "\r\n"));
	return good;
}

static bool
exists(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* The first of the usual files that is there; the others that are there too are named. */
static bool
find(const struct arguments *args, struct strbuf *path, struct error *err)
{
	struct strbuf other = STRBUF_INIT(PATH_OCTETS);
	const char *base;

	for (size_t i = 0; i < sizeof(usual) / sizeof(*usual); i++) {
		base = usual[i].base;
		base = *base == '~' ? io_home() : *base ? secure_getenv(base) : base;
		strbuf_clear(&other);
		if (!base || (*base && *base != '/'))
			continue;
		strbuf_addf(&other, "%s%s", base, usual[i].file);
		if (!exists(other.s) || (path->len && strcmp(path->s, other.s) == 0))
			continue;
		if (!path->len)
			strbuf_adds(path, other.s);
		else
			fprintf(stderr, "%s: note: there is %s too (%s import %s)\n", args->program,
				other.s, args->program, other.s);
	}
	strbuf_done(&other);
	return path->len || error_set(err, FAULT_NOINPUT,
				    "none of the usual files is there: name one (import FILE)");
}

/* What was written must be what the program reads. */
static bool
accepted(const struct strbuf *out, const char *path, struct error *err)
{
	struct profile_list l = { NULL, 0 };
	struct profile defaults;
	bool good;

	profile_init(&defaults, "defaults", "");
	good = !out->full && parse_config(out->s, out->len, "the result", &l, &defaults, err);
	if (!good)
		error_set(err, FAULT_SOFTWARE, "%s is too large", path);
	profile_list_done(&l);
	profile_done(&defaults);
	return good;
}

/* Accounts that cannot be used as they are, for a reason that no line is to blame for. */
static unsigned
check(struct import *i)
{
	unsigned bad = 0;

	for (size_t at = 0; at < i->accounts.n; at++) {
		struct error err = ERROR_NONE;

		if (profile_check(&i->accounts.v[at], &err))
			continue;
		fprintf(stderr, "%s\n", err.text);
		bad++;
	}
	return bad;
}

static int
print(const struct arguments *args, struct import *i, enum import_format format, struct error *err)
{
	struct strbuf out = STRBUF_INIT(OUTPUT_MAX), name = STRBUF_INIT(PATH_OCTETS * 4);
	unsigned bad;

	text_add_printable(&name, i->name, strlen(i->name), PATH_OCTETS);
	strbuf_addf(
		&out, "# From %s, a configuration of %s.\n", name.s, import_format_name(format));
	strbuf_done(&name);
	import_write(i, &out);
	if (!accepted(&out, i->name, err)) {
		strbuf_done(&out);
		return fault_status(err->fault);
	}
	fputs(out.s, stdout);
	strbuf_done(&out);
	if (!status_printed()) {
		error_set(err, FAULT_IO, "standard output cannot be written");
		return fault_status(err->fault);
	}
	fputs(i->remarks.s, stderr);
	bad = i->left + check(i);
	if (bad)
		fprintf(stderr, "%s: %u of the lines above ask%s for something to be done\n",
			args->program, bad, bad == 1 ? "s" : "");
	return bad ? fault_status(FAULT_DATA) : 0;
}

static int
run(const struct arguments *args, struct error *err)
{
	struct strbuf path = STRBUF_INIT(PATH_OCTETS), text = STRBUF_INIT_SECRET(PROFILE_FILE_MAX);
	struct import i = { .companion = companion };
	enum import_format format = IMPORT_UNKNOWN;
	int status = 0;

	if (args->operand_count > 1)
		error_set(err, FAULT_USAGE, "one file at a time");
	else if (args->operand_count)
		strbuf_adds(&path, args->operands[0]);
	else if (find(args, &path, err))
		fprintf(stderr, "%s: note: reading %s\n", args->program, path.s);
	if (!err->fault && trusted_read(path.s, TRUSTED_CONFIG, &text, NULL, err) &&
		(format = import_guess(path.s, text.s, text.len)) == IMPORT_UNKNOWN)
		error_set(err, FAULT_DATA,
			"%s is no configuration of msmtp, ssmtp, nullmailer, dma, esmtp or s-nail",
			path.s);
	if (!err->fault) {
		i.name = path.s;
		i.eval = profile_is_set(&args->given, OPT_RUN_EVAL) ? eval : NULL;
		import_parse(&i, format, text.s, text.len);
		status = print(args, &i, format, err);
		import_done(&i);
	}
	strbuf_done(&text);
	strbuf_done(&path);
	return status;
}

int
importing(const struct arguments *args)
{
	struct error err = ERROR_NONE;
	int status = run(args, &err);

	if (!err.fault)
		return status;
	fprintf(stderr, "%s: unable to import: %s\n", args->program, err.text);
	return fault_status(err.fault);
}
