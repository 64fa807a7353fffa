/* The table of exit statuses, as far as replies decide them. */
#include "verdict.h"

#include "tap.h"

#define EACH (-1) /* every stage that has replies */

struct row {
	enum stage stage;
	int code;
	const char *enhanced;
	int status;
};

static const struct row rows[] = {
	/* 4yz, whatever else it says: 75 */
	{ EACH, 421, "", 75 },
	{ EACH, 421, "4.3.2", 75 },
	{ EACH, 450, "", 75 },
	{ EACH, 451, "4.7.1", 75 },
	{ EACH, 452, "4.3.1", 75 },
	{ EACH, 452, "4.5.3", 75 },
	{ EACH, 454, "4.7.0", 75 },
	{ EACH, 450, "4.1.2", 75 },
	{ EACH, 450, "4.6.7", 75 },
	{ EACH, 499, "", 75 },
	/* the domain of an address does not exist: 68 at any stage */
	{ EACH, 550, "5.1.2", 68 },
	{ EACH, 553, "5.1.2", 68 },
	{ EACH, 530, "5.1.2", 68 },
	/* too large, or content that cannot be handled: 65 */
	{ EACH, 552, "5.3.4", 65 },
	{ EACH, 554, "5.3.4", 65 },
	{ EACH, 550, "5.6.0", 65 },
	{ EACH, 550, "5.6.7", 65 },
	{ EACH, 554, "5.6.1", 65 },
	{ STAGE_MAIL, 552, "", 65 },
	{ STAGE_MAIL, 552, "5.0.0", 65 },
	{ STAGE_MAIL, 552, "5.2.2", 69 },
	{ STAGE_END, 552, "", 69 },
	{ STAGE_RCPT, 552, "", 69 },
	/* other addresses at RCPT, or no enhanced code: 67 */
	{ STAGE_RCPT, 550, "5.1.1", 67 },
	{ STAGE_RCPT, 550, "5.1.0", 67 },
	{ STAGE_RCPT, 550, "5.1.3", 67 },
	{ STAGE_RCPT, 550, "5.1.6", 67 },
	{ STAGE_RCPT, 550, "5.1.10", 67 },
	{ STAGE_RCPT, 554, "5.1.1", 67 },
	{ STAGE_RCPT, 530, "5.1.1", 67 },
	{ STAGE_RCPT, 550, "", 67 },
	{ STAGE_RCPT, 551, "", 67 },
	{ STAGE_RCPT, 553, "", 67 },
	{ STAGE_RCPT, 550, "5.0.0", 67 },
	{ STAGE_RCPT, 550, "4.1.1", 67 }, /* class of another code: as if there were none */
	/* other refusals: 69 */
	{ STAGE_RCPT, 550, "5.2.1", 69 },
	{ STAGE_RCPT, 552, "5.2.2", 69 },
	{ STAGE_RCPT, 550, "5.7.1", 69 },
	{ STAGE_RCPT, 553, "5.7.1", 69 },
	{ STAGE_RCPT, 554, "5.7.1", 69 },
	{ STAGE_RCPT, 550, "5.4.1", 69 },
	{ STAGE_RCPT, 554, "", 69 },
	{ STAGE_RCPT, 556, "", 69 },
	{ STAGE_RCPT, 500, "5.5.1", 69 },
	{ STAGE_DATA, 554, "", 69 },
	{ STAGE_DATA, 503, "5.5.1", 69 },
	{ STAGE_DATA, 550, "5.1.1", 69 },
	{ STAGE_END, 550, "5.7.1", 69 },
	{ STAGE_END, 554, "5.7.1", 69 },
	{ STAGE_END, 550, "", 69 },
	{ STAGE_END, 553, "", 69 },
	{ STAGE_END, 554, "5.2.0", 69 },
	{ STAGE_GREETING, 554, "", 69 },
	{ STAGE_GREETING, 521, "", 69 },
	{ STAGE_EHLO, 502, "", 69 },
	{ STAGE_EHLO, 550, "5.7.1", 69 },
	{ STAGE_TLS, 502, "5.5.1", 69 },
	{ STAGE_TLS, 554, "5.7.0", 69 },
	/* credentials: 77 */
	{ STAGE_AUTH, 535, "", 77 },
	{ STAGE_AUTH, 535, "5.7.8", 77 },
	{ STAGE_AUTH, 535, "5.7.3", 77 },
	{ STAGE_AUTH, 535, "5.7.139", 77 },
	{ STAGE_AUTH, 550, "5.7.30", 77 },
	{ STAGE_AUTH, 534, "5.7.9", 77 },
	{ STAGE_AUTH, 504, "5.5.4", 77 },
	{ STAGE_AUTH, 500, "", 77 },
	{ STAGE_MAIL, 530, "", 77 },
	{ STAGE_MAIL, 530, "5.7.0", 77 },
	{ STAGE_MAIL, 530, "5.5.1", 77 },
	{ STAGE_RCPT, 530, "5.7.1", 77 },
	{ STAGE_DATA, 530, "", 77 },
	{ STAGE_END, 530, "5.7.0", 77 },
	{ STAGE_AUTH, 538, "5.7.11", 77 },
	{ STAGE_MAIL, 538, "", 77 },
	/* the sender: 77 */
	{ STAGE_MAIL, 550, "5.7.1", 77 },
	{ STAGE_MAIL, 553, "5.7.1", 77 },
	{ STAGE_MAIL, 550, "5.7.60", 77 },
	{ STAGE_MAIL, 550, "5.1.7", 77 },
	{ STAGE_MAIL, 553, "5.1.8", 77 },
	{ STAGE_MAIL, 550, "", 69 },
	{ STAGE_MAIL, 553, "", 69 },
	{ STAGE_MAIL, 550, "5.1.1", 69 },
	{ STAGE_MAIL, 555, "5.5.4", 69 },
	{ STAGE_MAIL, 501, "5.5.4", 69 },
	{ STAGE_RCPT, 550, "5.1.7", 67 },
	{ STAGE_RCPT, 550, "5.1.8", 67 },
	{ STAGE_END, 550, "5.1.7", 69 },
	/* replies that cannot stand where they do: 76 */
	{ EACH, 250, "", 76 },
	{ EACH, 250, "2.0.0", 76 },
	{ EACH, 354, "", 76 },
	{ EACH, 334, "", 76 },
};

static void
check(enum stage stage, const struct row *r)
{
	struct enhanced e = { 0, 0, 0 };
	int got;

	if (*r->enhanced && !enhanced_parse(r->enhanced, strlen(r->enhanced), &e))
		ok(false, "the test is wrong: %s", r->enhanced);
	got = fault_status(verdict(stage, r->code, e));
	ok(got == r->status, "%s %d %s: %d, got %d", stage_name(stage), r->code, r->enhanced,
		r->status, got);
}

int
main(void)
{
	static const enum stage stages[] = { STAGE_GREETING, STAGE_EHLO, STAGE_TLS, STAGE_AUTH,
		STAGE_MAIL, STAGE_RCPT, STAGE_DATA, STAGE_END };

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if ((int)rows[i].stage != EACH) {
			check(rows[i].stage, &rows[i]);
			continue;
		}
		for (size_t k = 0; k < sizeof(stages) / sizeof(*stages); k++)
			check(stages[k], &rows[i]);
	}
	return tap_done();
}
