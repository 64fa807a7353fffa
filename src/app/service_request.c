#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "error.h"
#include "parcel.h"
#include "service.h"
#include "strbuf.h"
#include "text.h"

enum {
	Q_PERSONALITY = 1,
	Q_MAILED,
	Q_VERBOSE,
	Q_DEBUG,
	Q_MODE,
	Q_COMMAND,
	Q_OPTION,
	Q_WORD,
};
enum {
	O_NAME = 1,
	O_VALUE,
	O_ORIGIN,
};

#define ORIGIN "--"

/* About this message: taken over. */
static const enum option_id taken[] = { OPT_ACCOUNT, OPT_PARTIAL, OPT_REQUIRE_TLS, OPT_DELIVER_BY,
	OPT_PRIORITY, OPT_MAIL_AUTH, OPT_STRICT_BODY, OPT_TIMEOUT, OPT_PIPELINING, OPT_QUEUE,
	OPT_BUDGET, OPT_IN, OPT_AT, OPT_HOLD_BY, OPT_ID, OPT_EXPIRE, OPT_DELAY_WARNING,
	OPT_UNCERTAIN, OPT_WAIT, OPT_JSON, OPT_QUIET };
/* The client has done what they ask for, or does it with the answer. */
static const enum option_group done[] = { OPTION_GROUP_MESSAGE, OPTION_GROUP_ENVELOPE,
	OPTION_GROUP_CONTENT, OPTION_GROUP_OUTPUT, OPTION_GROUP_MODE, OPTION_GROUP_IGNORED };
static const enum option_id used[] = { OPT_CONFIG, OPT_FROM, OPT_FROM_NAME, OPT_SENDER,
	OPT_DEFAULT_DOMAIN, OPT_ALIASES, OPT_SUBMIT, OPT_SERVICE_SOCKET, OPT_REMEMBER, OPT_LINGER };

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static bool
is_among(const enum option_id *v, size_t n, enum option_id id)
{
	for (size_t i = 0; i < n; i++)
		if (v[i] == id)
			return true;
	return false;
}

bool
service_takes(enum option_id id)
{
	return is_among(taken, COUNT(taken), id);
}

/* True iff it makes no difference to the service. */
static bool
is_done(enum option_id id)
{
	for (size_t i = 0; i < COUNT(done); i++)
		if (options[id].group == done[i])
			return true;
	return is_among(used, COUNT(used), id);
}

void
service_request_init(struct service_request *r)
{
	*r = (struct service_request){ .personality = PERSONALITY_SENDOFF };
	profile_init(&r->given, "command line", "command line");
}

void
service_request_done(struct service_request *r)
{
	profile_done(&r->given);
	for (size_t i = 0; i < r->count; i++)
		free(r->words[i]);
	free(r->words);
	*r = (struct service_request){ .count = 0 };
}

static void
add_option(struct strbuf *out, const struct profile *given, enum option_id id)
{
	const struct setting *s = &given->settings[id];
	size_t at;

	for (size_t i = 0; i < s->n; i++) {
		at = parcel_open(out, Q_OPTION);
		parcel_add_text(out, O_NAME, options[id].name);
		parcel_add_text(out, O_VALUE, s->v[i]);
		parcel_add_text(out, O_ORIGIN, s->origin);
		parcel_close(out, at);
	}
}

bool
service_add_request(
	struct strbuf *out, const struct arguments *args, bool command, struct error *err)
{
	const struct profile *given = &args->given;

	parcel_add_number(out, Q_PERSONALITY, args->personality);
	parcel_add_number(out, Q_VERBOSE, profile_is_set(given, OPT_VERBOSE));
	parcel_add_number(out, Q_DEBUG, profile_is_set(given, OPT_DEBUG));
	parcel_add_number(out, Q_MODE, args->mode);
	parcel_add_text(out, Q_COMMAND, args->command);
	for (size_t id = 0; id < OPT_COUNT; id++) {
		if (!profile_is_set(given, (enum option_id)id))
			continue;
		if (service_takes((enum option_id)id))
			add_option(out, given, (enum option_id)id);
		else if (!is_done((enum option_id)id))
			return error_set(err, FAULT_USAGE,
				"%s is for the service's configuration to say (--submit=direct "
				"connects from here)",
				given->settings[id].origin);
	}
	for (size_t i = 0; command && i < args->operand_count; i++)
		parcel_add_text(out, Q_WORD, args->operands[i]);
	return !out->full || error_set(err, FAULT_USAGE, "there is too much on the command line");
}

/* An option with its value. What follows the program's own rules is refused by them. */
static void
take_option(struct parcel *outer, const struct parcel_field *field, struct service_request *r,
	struct error *err)
{
	char name[64] = "", origin[80] = ORIGIN;
	const struct option *o;
	struct parcel_field f;
	char *value = NULL;
	struct parcel p;

	parcel_init(&p, field->s, field->n);
	while (parcel_next(&p, &f))
		if (f.tag == O_NAME)
			parcel_text(&p, &f, name, sizeof(name));
		else if (f.tag == O_ORIGIN)
			parcel_text(&p, &f, origin, sizeof(origin));
		else if (f.tag == O_VALUE && !value)
			value = xstrndup(f.s, f.n);
		else
			p.bad = true;
	o = option_by_name(name, strlen(name), WHERE_FLAG);
	if (p.bad || !value || !o || !service_takes(o->id) || *origin != '-' ||
		(r->personality == PERSONALITY_SENDMAIL && !(o->where & WHERE_SENDMAIL) &&
			o->id != OPT_QUEUE))
		outer->bad = true;
	else if (!profile_set(&r->given, o->id, value, origin, err))
		outer->bad = true;
	free(value);
}

static void
take_word(struct parcel *p, const struct parcel_field *f, struct service_request *r)
{
	if (r->count == SERVICE_WORDS || text_has_control(f->s, f->n)) {
		p->bad = true;
		return;
	}
	/* room for the NULL behind the last one */
	r->words = xreallocarray(r->words, r->count + 2, sizeof(*r->words));
	r->words[r->count++] = xstrndup(f->s, f->n);
	r->words[r->count] = NULL;
}

bool
service_take_request(const char *s, size_t n, struct service_request *ret, struct error *err)
{
	struct parcel_field f;
	struct parcel p;

	service_request_init(ret);
	parcel_init(&p, s, n);
	while (parcel_next(&p, &f))
		switch (f.tag) {
		case Q_PERSONALITY:
			ret->personality =
				(enum personality)parcel_number(&p, &f, PERSONALITY_SENDMAIL);
			break;
		case Q_MAILED:
			ret->errors_mailed = parcel_number(&p, &f, 1);
			break;
		case Q_VERBOSE:
			ret->verbose = parcel_number(&p, &f, 1);
			break;
		case Q_DEBUG:
			ret->debug = parcel_number(&p, &f, 1);
			break;
		case Q_MODE:
			ret->mode = (enum mode)parcel_number(&p, &f, MODE_NOTHING);
			break;
		case Q_COMMAND:
			parcel_text(&p, &f, ret->command, sizeof(ret->command));
			break;
		case Q_OPTION:
			take_option(&p, &f, ret, err);
			break;
		case Q_WORD:
			take_word(&p, &f, ret);
			break;
		default:
			p.bad = true;
		}
	return !p.bad || error_set(err, FAULT_PROTOCOL, "the request cannot be understood");
}
