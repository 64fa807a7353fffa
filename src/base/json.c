#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "error.h"
#include "field.h"
#include "strbuf.h"
#include "text.h"

#define EXACT 9007199254740992.0 /* whole numbers up to it are themselves as double */

json_t *
json_text(const char *s)
{
	struct strbuf shown = STRBUF_INIT(1 << 20);
	json_t *value;

	if (!text_is_utf8(s, strlen(s)))
		text_add_printable(&shown, s, strlen(s), 1 << 19);
	value = json_string(shown.len ? shown.s : s);
	strbuf_done(&shown);
	if (!value)
		alloc_failed();
	return value;
}

void
json_put(json_t *object, const char *key, json_t *value)
{
	if (!value || json_object_set_new(object, key, value) != 0)
		alloc_failed();
}

void
json_put_text(json_t *object, const char *key, const char *s)
{
	json_put(object, key, s && *s ? json_text(s) : json_null());
}

void
json_add_line(struct strbuf *out, json_t *object)
{
	char *dump = json_dumps(object, JSON_COMPACT | JSON_PRESERVE_ORDER);

	if (!dump)
		alloc_failed();
	strbuf_adds(out, dump);
	strbuf_addc(out, '\n');
	free(dump);
	json_decref(object);
}

/* The words of a list, with blanks between them; false if it is no list of words. */
static bool
add_words(struct strbuf *out, const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *one = json_array_get(list, i);
		const char *word = json_string_value(one);

		if (!word || !*word || strpbrk(word, " \t\r\n"))
			return false;
		if (i)
			strbuf_addc(out, ' ');
		strbuf_adds(out, word);
	}
	return true;
}

/* A value as text; false for what has none. */
static bool
add_value(struct strbuf *out, const json_t *value)
{
	double real;

	switch (json_typeof(value)) {
	case JSON_STRING:
		strbuf_adds(out, json_string_value(value));
		return true;
	case JSON_INTEGER:
		strbuf_addf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		return true;
	case JSON_REAL:
		real = json_real_value(value);
		if (!(real > -EXACT && real < EXACT))
			return false;
		strbuf_addf(out, "%lld", (long long)real);
		return true;
	case JSON_TRUE:
	case JSON_FALSE:
		strbuf_adds(out, json_is_true(value) ? "true" : "false");
		return true;
	case JSON_ARRAY:
		return add_words(out, value);
	case JSON_OBJECT:
	case JSON_NULL:
		break;
	}
	return false;
}

bool
json_fields(
	const char *text, size_t n, const char *const *keys, struct strbuf *ret, struct error *err)
{
	struct strbuf value = STRBUF_INIT_SECRET(ret->cap);
	json_t *object, *one;
	json_error_t why;

	object = json_loadb(text, n, JSON_REJECT_DUPLICATES, &why);
	/* its words hold some of the text */
	if (!object)
		return error_set(err, FAULT_PROTOCOL,
			json_error_code(&why) == json_error_duplicate_key
				? "a JSON object that says one thing twice (line %d)"
				: "no JSON object (line %d)",
			why.line);
	if (!json_is_object(object)) {
		json_decref(object);
		return error_set(err, FAULT_PROTOCOL, "no JSON object");
	}
	for (; *keys; keys++) {
		strbuf_clear(&value);
		one = json_object_get(object, *keys);
		if (one && add_value(&value, one) && !value.full)
			field_add_string(ret, value.s);
		else
			field_add_string(ret, NULL);
	}
	json_decref(object);
	strbuf_done(&value);
	return !ret->full || error_set(err, FAULT_PROTOCOL, "a JSON object that is too large");
}
