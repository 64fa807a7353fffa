#include "verdict.h"

/* One rule: fields that are ANY fit everything. The first rule that fits decides. */
#define ANY (-1)

static const struct rule {
	int stage, code, subject, detail; /* of a 5yz reply */
	enum fault fault;
} rules[] = {
	/* the domain of an address does not exist, whoever found it out */
	{ ANY, ANY, 1, 2, FAULT_NOHOST },
	/* the message: too large, or content that cannot be handled */
	{ ANY, ANY, 3, 4, FAULT_DATA },
	{ ANY, ANY, 6, ANY, FAULT_DATA },
	/* who may log in, and as whom mail may be sent */
	{ STAGE_AUTH, ANY, ANY, ANY, FAULT_PERMISSION },
	{ STAGE_RCPT, ANY, 1, ANY, FAULT_NOUSER },
	{ ANY, 530, ANY, ANY, FAULT_PERMISSION },
	{ ANY, 538, ANY, ANY, FAULT_PERMISSION },
	{ STAGE_MAIL, ANY, 1, 7, FAULT_PERMISSION },
	{ STAGE_MAIL, ANY, 1, 8, FAULT_PERMISSION },
	{ STAGE_MAIL, ANY, 7, ANY, FAULT_PERMISSION },
	/* RFC 1870 section 6.1: without an enhanced code 552 at MAIL is about SIZE= */
	{ STAGE_MAIL, 552, 0, 0, FAULT_DATA },
	/* the recipient */
	{ STAGE_RCPT, 550, 0, 0, FAULT_NOUSER },
	{ STAGE_RCPT, 551, 0, 0, FAULT_NOUSER },
	{ STAGE_RCPT, 553, 0, 0, FAULT_NOUSER },
	{ ANY, ANY, ANY, ANY, FAULT_UNAVAILABLE },
};

static bool
fits(int want, int have)
{
	return want == ANY || want == have;
}

enum fault
verdict(enum stage stage, int code, struct enhanced enhanced)
{
	/* 5.0.0 says no more than the class (RFC 3463 section 3.1): as good as none */
	int subject = enhanced.class == 5 ? enhanced.subject : 0;
	int detail = enhanced.class == 5 ? enhanced.detail : 0;

	if (code / 100 == 4)
		return FAULT_TEMPORARY;
	if (code / 100 != 5)
		return FAULT_PROTOCOL;
	for (const struct rule *r = rules;; r++)
		if (fits(r->stage, (int)stage) && fits(r->code, code) &&
			fits(r->subject, subject) && fits(r->detail, detail))
			return r->fault;
}
