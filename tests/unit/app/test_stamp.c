#include "stamp.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "profile.h"
#include "submission.h"
#include "tap.h"
#include "token.h"

static struct submission nobody;
static char home[] = "/tmp/sendoff-test.XXXXXX";

/* What stamp.c asks of the rest of app. */
bool
token_is_used(const struct profile *account)
{
	(void)account;
	return false;
}

void
token_add_mark(struct strbuf *out, const struct profile *account, bool prepared)
{
	(void)out, (void)account, (void)prepared;
}

struct profile_sources
submission_sources(const struct submission *s)
{
	(void)s;
	return (struct profile_sources){ .use_environment = true };
}

static const char *
in_home(const char *name)
{
	static char path[200];

	snprintf(path, sizeof(path), "%s%s", home, name);
	return path;
}

static void
put(const char *content)
{
	FILE *f = fopen(in_home("/.config/sendoff/config"), "w");

	ok(f && fputs(content, f) >= 0 && fclose(f) == 0, "a file of %s", content);
}

int
main(void)
{
	const struct profile_sources service = { .use_environment = false },
				     user = { .use_environment = true };
	uint64_t none, one;

	if (!mkdtemp(home))
		return 99;
	unsetenv("SENDOFF_CONFIG");
	unsetenv("XDG_CONFIG_HOME");
	unsetenv("HOME");
	none = stamp_of(&service, NULL);
	ok(stamp_of(&user, NULL) == none, "without a home");
	setenv("HOME", home, 1);
	ok(stamp_of(&user, NULL) == none, "a home where nothing is changes nothing");
	ok(submission_stamp(&nobody) == none, "nor for a submission");
	ok(!mkdir(in_home("/.config"), 0700) && !mkdir(in_home("/.config/sendoff"), 0700),
		"a directory");
	ok(stamp_of(&user, NULL) == none, "changes nothing");
	put("one");
	one = stamp_of(&user, NULL);
	ok(one != none, "a file of one's own does");
	ok(stamp_of(&service, NULL) == none, "where it is looked for");
	ok(stamp_of(&user, NULL) == one, "the same again");
	put("another");
	ok(stamp_of(&user, NULL) != one, "its content does");
	one = stamp_of(&user, NULL);
	ok(!chmod(in_home("/.config/sendoff/config"), 0400), "another mode");
	ok(stamp_of(&user, NULL) != one, "does");
	unlink(in_home("/.config/sendoff/config"));
	ok(stamp_of(&user, NULL) == none, "gone");
	rmdir(in_home("/.config/sendoff"));
	rmdir(in_home("/.config"));
	ok(!rmdir(home), "nothing is left");
	return tap_done();
}
