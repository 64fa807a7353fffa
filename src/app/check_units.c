/* What systemd knows of our units. It is asked, and nothing is started. */
#include <stdio.h>
#include <string.h>

#include "checkup.h"
#include "child.h"
#include "clock.h"
#include "json.h"
#include "strbuf.h"

#define ASK_MS   (5 * CLOCK_SECOND)
#define OUT_MAX  (64 << 10)
#define PROPERTY 100 /* octets */

struct unit {
	char name[PROPERTY], load[PROPERTY], active[PROPERTY], file[PROPERTY], last[PROPERTY],
		result[PROPERTY];
};

struct round {
	struct checkup *c;
	bool system;
	struct strbuf all; /* what is as it should be */
	json_t *data;
};

/* False where systemd does not run, or not for this user, or does not answer. */
static bool
ask(bool system, struct strbuf *out)
{
	/* no pointers, which cost each start of the program */
	static const char line[][80] = { "systemctl", "--user", "--no-pager", "--no-ask-password",
		"show", "--property=Id,LoadState,ActiveState,UnitFileState,LastTriggerUSec,Result",
		"sendoff-queue.timer", "sendoff-queue.service", "sendoff-login.timer",
		"sendoff-login.service", "sendoff.socket", "sendoff.service" };
	char words[sizeof(line) / sizeof(*line)][sizeof(*line)];
	char *argv[sizeof(line) / sizeof(*line) + 1];
	struct child child = CHILD_NONE;
	size_t n = 0;
	bool good;

	memcpy(words, line, sizeof(words));
	for (size_t i = 0; i < sizeof(line) / sizeof(*line); i++)
		if (i != 1 || !system)
			argv[n++] = words[i];
	argv[n] = NULL;
	good = child_start(&child, argv, NULL) &&
	       child_wait(&child, clock_in(ASK_MS), out, NULL, NULL);
	child_stop(&child);
	return good;
}

static void
take(struct unit *u, const char *line, size_t n)
{
	const struct {
		const char *key;
		char *to;
	} properties[] = { { "Id=", u->name }, { "LoadState=", u->load },
		{ "ActiveState=", u->active }, { "UnitFileState=", u->file },
		{ "LastTriggerUSec=", u->last }, { "Result=", u->result } };

	for (size_t i = 0; i < sizeof(properties) / sizeof(*properties); i++) {
		size_t key = strlen(properties[i].key);

		if (n > key && memcmp(line, properties[i].key, key) == 0)
			snprintf(properties[i].to, PROPERTY, "%.*s", (int)(n - key), line + key);
	}
}

static bool
ends(const char *name, const char *with)
{
	size_t n = strlen(name), m = strlen(with);

	return n > m && strcmp(name + n - m, with) == 0;
}

/* A unit that has no file here is not mentioned. */
static void
tell(struct round *r, const struct unit *u)
{
	const char *user = r->system ? "" : "--user ";
	bool service = ends(u->name, ".service"), enabled = strcmp(u->file, "enabled") == 0;
	char remedy[300];
	json_t *o;

	if (strcmp(u->load, "not-found") == 0 || !*u->name || !*u->load)
		return;
	o = json_object();
	json_put_text(o, "file", u->file);
	json_put_text(o, "active", u->active);
	json_put_text(o, "last", u->last);
	json_put(r->data, u->name, o);
	if (strcmp(u->active, "failed") == 0) {
		snprintf(remedy, sizeof(remedy), "journalctl %s-u %s says why", user, u->name);
		check_text(r->c, "unit", u->name);
		check_warn(r->c, FINDING_UNITS, remedy, "%s has failed (%s)", u->name, u->result);
	} else if (!service && enabled && strcmp(u->active, "active") != 0) {
		snprintf(remedy, sizeof(remedy), "systemctl %sstart %s", user, u->name);
		check_text(r->c, "unit", u->name);
		check_warn(r->c, FINDING_UNITS, remedy, "%s is enabled, but it was not started",
			u->name);
	} else if (!service || enabled) {
		strbuf_addf(&r->all, "%s%s is %s", r->all.len ? "; " : "", u->name, u->file);
		if (ends(u->name, ".timer") && enabled)
			strbuf_addf(&r->all, ", last run: %s",
				*u->last && strcmp(u->last, "n/a") != 0 ? u->last : "none yet");
	}
}

void
check_units(struct checkup *c, bool system)
{
	struct round r = { .c = c, .system = system, .all = STRBUF_INIT(4000) };
	struct strbuf out = STRBUF_INIT(OUT_MAX);
	struct unit u = { .name = "" };
	const char *at, *end;

	if (ask(system, &out)) {
		r.data = json_object();
		for (at = out.s; *at; at = *end ? end + 1 : end) {
			end = at + strcspn(at, "\n");
			take(&u, at, (size_t)(end - at));
			/* a blank line, or the end: that is all of one */
			if (end == at || !*end || !end[1]) {
				tell(&r, &u);
				u = (struct unit){ .name = "" };
			}
		}
		if (r.all.len) {
			check_datum(c, "units", r.data);
			check_good(c, FINDING_UNITS, "%s", r.all.s);
		} else {
			json_decref(r.data);
		}
	}
	strbuf_done(&r.all);
	strbuf_done(&out);
}
