#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "error.h"
#include "field.h"
#include "service.h"
#include "strbuf.h"
#include "text.h"

#define SERVICE_OPTIONS 10000

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

/* The options for the service. False with *ERR for one that it does not take. */
static bool
add_options(struct strbuf *out, const struct profile *given, struct error *err)
{
	struct strbuf options_out = STRBUF_INIT(SERVICE_REQUEST);
	uint64_t count = 0;
	bool good = true;

	for (size_t id = 0; good && id < OPT_COUNT; id++) {
		const struct setting *s = &given->settings[id];

		if (!profile_is_set(given, (enum option_id)id))
			continue;
		for (size_t i = 0; service_takes((enum option_id)id) && i < s->n; i++, count++) {
			field_add_text(&options_out, options[id].name);
			field_add_text(&options_out, s->v[i]);
			field_add_text(&options_out, s->origin);
		}
		good = service_takes((enum option_id)id) || is_done((enum option_id)id) ||
		       error_set(err, FAULT_USAGE,
			       "%s is for the service's configuration to say (--submit=direct "
			       "connects from here)",
			       s->origin);
	}
	field_add_number(out, count);
	strbuf_add(out, options_out.s, options_out.len);
	out->full = out->full || options_out.full;
	strbuf_done(&options_out);
	return good;
}

bool
service_add_request(
	struct strbuf *out, const struct arguments *args, bool command, struct error *err)
{
	const struct profile *given = &args->given;
	size_t words = command ? args->operand_count : 0;

	field_add_number(out, args->personality);
	field_add_number(out, args->errors_mailed);
	field_add_number(out, profile_is_set(given, OPT_VERBOSE));
	field_add_number(out, profile_is_set(given, OPT_DEBUG));
	field_add_number(out, args->mode);
	field_add_text(out, args->command ? args->command : "");
	if (!add_options(out, given, err))
		return false;
	field_add_number(out, words);
	for (size_t i = 0; i < words; i++)
		field_add_text(out, args->operands[i]);
	return !out->full || error_set(err, FAULT_USAGE, "there is too much on the command line");
}

/* An option with its value. What follows the program's own rules is refused by them. */
static bool
take_option(const char **at, const char *end, struct service_request *r, struct error *err)
{
	char name[64], origin[80], *value;
	const struct option *o;
	const char *text;
	size_t n;
	bool good;

	if (!field_take_text(at, end, name, sizeof(name)) || !field_take(at, end, &text, &n) ||
		!field_take_text(at, end, origin, sizeof(origin)))
		return false;
	o = option_by_name(name, strlen(name), WHERE_FLAG);
	if (!o || !service_takes(o->id) || *origin != '-' || memchr(text, '\0', n) ||
		(r->personality == PERSONALITY_SENDMAIL && !(o->where & WHERE_SENDMAIL) &&
			o->id != OPT_QUEUE))
		return false;
	value = xstrndup(text, n);
	good = profile_set(&r->given, o->id, value, origin, err);
	free(value);
	return good;
}

static bool
take_words(const char **at, const char *end, struct service_request *r)
{
	uint64_t count;
	const char *text;
	size_t n;

	if (!field_take_number(at, end, SERVICE_WORDS, &count))
		return false;
	while (r->count < count) {
		if (!field_take(at, end, &text, &n) || text_has_control(text, n))
			return false;
		/* room for the NULL behind the last one */
		r->words = xreallocarray(r->words, r->count + 2, sizeof(*r->words));
		r->words[r->count++] = xstrndup(text, n);
		r->words[r->count] = NULL;
	}
	return true;
}

static bool
take_head(const char **at, const char *end, struct service_request *r)
{
	uint64_t personality = 0, mode = 0;
	bool good = field_take_number(at, end, PERSONALITY_SENDMAIL, &personality) &&
		    field_take_bool(at, end, &r->errors_mailed) &&
		    field_take_bool(at, end, &r->verbose) && field_take_bool(at, end, &r->debug) &&
		    field_take_number(at, end, MODE_NOTHING, &mode) &&
		    field_take_text(at, end, r->command, sizeof(r->command));

	r->personality = (enum personality)personality;
	r->mode = (enum mode)mode;
	return good;
}

bool
service_take_request(const char *s, size_t n, struct service_request *ret, struct error *err)
{
	const char *end = s + n;
	uint64_t options_left = 0;
	bool good;

	service_request_init(ret);
	good = take_head(&s, end, ret) &&
	       field_take_number(&s, end, SERVICE_OPTIONS, &options_left);
	while (good && options_left--)
		good = take_option(&s, end, ret, err);
	if (good && take_words(&s, end, ret) && s == end)
		return true;
	return error_set(err, FAULT_PROTOCOL, "the request cannot be understood");
}
