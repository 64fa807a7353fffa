/* Access tokens: what is kept of them, and until when. */
#include <stdio.h>

#include "checkup.h"
#include "clock.h"
#include "token.h"
#include "token_record.h"
#include "token_settings.h"

static void
add_time(struct strbuf *out, const char *before, int64_t when)
{
	if (!when)
		return;
	strbuf_adds(out, before);
	clock_add_rfc3339(out, (time_t)when);
}

static void
tell(struct checkup *c, const struct token_settings *t, const struct token_record *r,
	const char *where, const char *remedy)
{
	struct strbuf text = STRBUF_INIT(1000);
	bool by_use = false;
	int64_t until = token_end(t, r, &by_use);

	strbuf_addf(&text, "kept in %s", *where ? where : "nothing, made when it is needed");
	add_time(&text, "; access until ", r->access.len ? r->expires : 0);
	strbuf_adds(&text, r->refresh.len ? "; can be renewed" : "");
	add_time(&text, by_use ? ", if it is used before " : " until ", r->refresh.len ? until : 0);
	check_text(c, "where", where);
	check_number(c, "expires", r->expires);
	if (until && until - clock_wall() <= TOKEN_WARNING)
		check_warn(c, FINDING_TOKEN,
			by_use ? "sendoff login --refresh-all, from a timer" : remedy, "%s",
			text.s);
	else
		check_good(c, FINDING_TOKEN, "%s", text.s);
	strbuf_done(&text);
}

bool
check_token(struct checkup *c, const struct profile *p)
{
	struct token_record record = TOKEN_RECORD_NONE;
	struct token_settings settings;
	struct error err = ERROR_NONE;
	const char *where = "";
	char remedy[300];
	bool good;

	snprintf(remedy, sizeof(remedy), "sendoff login %.200s", p->name);
	good = token_settings_init(&settings, p, &err) &&
	       token_look(&settings, clock_in(CHECK_MS), &record, &where, &err);
	if (good && settings.grant == TOKEN_BY_PERSON && !*where)
		good = error_set(&err, FAULT_PERMISSION, "nobody has granted access");
	if (good)
		tell(c, &settings, &record, where, remedy);
	else
		check_error(c, FINDING_TOKEN, false, &err,
			err.fault == FAULT_CONFIG ? "set what is named, see sendoff-login(1)"
						  : remedy);
	token_record_done(&record);
	token_settings_done(&settings);
	return good;
}
