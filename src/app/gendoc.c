#include "gendoc.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "strbuf.h"

#define CAP (4 << 20)

static const char usage[] =
	"usage: gendoc fill TEMPLATE TEXTS OUTPUT DEPFILE SYSCONFDIR LOCALSTATEDIR\n"
	"       gendoc options|keys TEXTS\n"
	"       gendoc statuses|bash|zsh|fish\n";

void
gendoc_fail(const char *format, ...)
{
	va_list ap;

	fputs("gendoc: ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

void
gendoc_read(const char *path, struct strbuf *out)
{
	char buffer[4096];
	size_t n;
	FILE *f;

	if (!(f = fopen(path, "r")))
		gendoc_fail("unable to open %s: %s", path, strerror(errno));
	while ((n = fread(buffer, 1, sizeof(buffer), f)) > 0)
		strbuf_add(out, buffer, n);
	if (ferror(f) || out->full)
		gendoc_fail("unable to read %s", path);
	fclose(f);
}

static void
write_file(const char *path, const struct strbuf *text)
{
	FILE *f;

	if (text->full)
		gendoc_fail("%s grew too large", path);
	if (!(f = fopen(path, "w")))
		gendoc_fail("unable to create %s: %s", path, strerror(errno));
	if (fwrite(text->s, 1, text->len, f) != text->len || fclose(f))
		gendoc_fail("unable to write %s: %s", path, strerror(errno));
}

static void
add_dependency(struct strbuf *out, const char *path)
{
	for (; *path; path++) {
		if (*path == ' ')
			strbuf_addc(out, '\\');
		strbuf_addc(out, *path);
	}
}

/* Every file in TEXTS must belong to an option. The folder itself is a dependency, so that a new
 * file is noticed. */
static void
check_texts(const char *texts, const char *output, const char *depfile)
{
	struct strbuf deps = STRBUF_INIT(CAP), path = STRBUF_INIT(4096);
	struct dirent *entry;
	const char *dot;
	DIR *dir;

	add_dependency(&deps, output);
	strbuf_adds(&deps, ": ");
	add_dependency(&deps, texts);
	if (!(dir = opendir(texts)))
		gendoc_fail("unable to open %s: %s", texts, strerror(errno));
	while ((entry = readdir(dir))) {
		dot = strrchr(entry->d_name, '.');
		if (entry->d_name[0] == '.' || !dot || strcmp(dot, ".mdoc") != 0)
			continue;
		if (!option_by_name(
			    entry->d_name, (size_t)(dot - entry->d_name), WHERE_FLAG | WHERE_FILE))
			gendoc_fail("%s/%s names no option", texts, entry->d_name);
		strbuf_clear(&path);
		strbuf_addf(&path, "%s/%s", texts, entry->d_name);
		strbuf_addc(&deps, ' ');
		add_dependency(&deps, path.s);
	}
	closedir(dir);
	strbuf_addc(&deps, '\n');
	if (depfile)
		write_file(depfile, &deps);
	strbuf_done(&deps);
	strbuf_done(&path);
}

static bool
add_part(struct strbuf *out, const char *part, const char *texts)
{
	static const struct {
		const char *name;
		void (*add)(struct strbuf *out);
	} parts[] = {
		{ "statuses", manual_add_statuses },
		{ "bash-arguments", bash_add_arguments },
		{ "bash-options", bash_add_options },
		{ "bash-commands", bash_add_commands },
		{ "bash-words", bash_add_words },
		{ "zsh-options", zsh_add_options },
		{ "zsh-commands", zsh_add_commands },
		{ "zsh-words", zsh_add_words },
		{ "fish-options", fish_add_options },
		{ "fish-commands", fish_add_commands },
	};
	size_t i;

	if (texts && !strcmp(part, "options"))
		return manual_add_options(out, texts), true;
	if (texts && !strcmp(part, "keys"))
		return manual_add_keys(out, texts), true;
	for (i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		if (!strcmp(part, parts[i].name))
			return parts[i].add(out), true;
	return false;
}

/* Appends LINE with the folders that it names in their places. */
static void
add_folders(struct strbuf *out, const char *line, char *const folders[2])
{
	static const char *const variables[] = { "@sysconfdir@", "@localstatedir@" };
	size_t n;

	for (; *line; line += n) {
		n = 1;
		for (size_t i = 0; i < 2; i++)
			if (!strncmp(line, variables[i], strlen(variables[i]))) {
				strbuf_adds(out, folders[i]);
				n = strlen(variables[i]);
				break;
			}
		if (n == 1)
			strbuf_addc(out, *line);
	}
}

/* Copies one line of a template: "@PART@" alone on a line, maybe indented, is replaced by a part,
 * "@sysconfdir@" and "@localstatedir@" anywhere by those folders. */
static void
add_line(struct strbuf *out, char *line, const char *texts, char *const folders[2])
{
	char *part = line + strspn(line, " \t");
	size_t n = strlen(part);

	if (n > 2 && part[0] == '@' && part[n - 1] == '@') {
		part[n - 1] = '\0';
		if (!add_part(out, part + 1, texts))
			gendoc_fail("no part is called %s", part + 1);
		return;
	}
	add_folders(out, line, folders);
	strbuf_addc(out, '\n');
}

static void
fill(char *argv[])
{
	struct strbuf template = STRBUF_INIT(CAP), out = STRBUF_INIT(CAP);
	char *line, *rest;

	check_texts(argv[1], argv[2], argv[3]);
	gendoc_read(argv[0], &template);
	for (rest = template.s; (line = strsep(&rest, "\n")) && (rest || *line);)
		add_line(&out, line, argv[1], argv + 4);
	write_file(argv[2], &out);
	strbuf_done(&template);
	strbuf_done(&out);
}

int
main(int argc, char *argv[])
{
	struct strbuf out = STRBUF_INIT(CAP);

	if (argc == 8 && !strcmp(argv[1], "fill")) {
		fill(argv + 2);
	} else if (argc == 2 || argc == 3) {
		if (argc == 3)
			check_texts(argv[2], "", NULL);
		if (!add_part(&out, argv[1], argv[2]))
			gendoc_fail("no part is called %s\n%s", argv[1], usage);
		if (out.full || fwrite(out.s, 1, out.len, stdout) != out.len || fflush(stdout))
			gendoc_fail("unable to write standard output");
	} else {
		fputs(usage, stderr);
		return 64;
	}
	strbuf_done(&out);
	return 0;
}
