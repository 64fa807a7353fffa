#include "salted.h"

#include <stdio.h>
#include <string.h>

#include "keys.h"
#include "profile.h"
#include "secret_store.h"
#include "smarthost.h"
#include "strbuf.h"

#define KEEP_SECONDS (24 * 60 * 60)
#define VALUE_MAX    2048
#define CACHE_ALL    2 /* as in the table */

static const char *const hashes[] = { "SHA-256", "SHA-1" };
#define HASH_COUNT (sizeof(hashes) / sizeof(*hashes))

/* The key of HASH; salt and iterations stand in what it holds, so that one name is enough to find
 * and to remove it. Names hold no blank. */
static void
add_name(struct strbuf *out, const char *hash, const char *host, const char *user)
{
	strbuf_addf(out, "sendoff-scram %s %s %s", hash, host, user);
}

/* "ITERATIONS SALT ", behind which the value stands. */
static void
add_head(struct strbuf *out, const char *salt, unsigned iterations)
{
	strbuf_addf(out, "%u %s ", iterations, salt);
}

static void
add_own_name(struct strbuf *out, const struct smarthost *h, const char *hash)
{
	struct secret_name n;

	secret_name_of(&n, h->account, "smtp");
	add_name(out, hash, n.host, n.user);
	secret_name_done(&n);
}

static bool
get(void *ctx, const char *hash, const char *salt, unsigned iterations, struct strbuf *ret)
{
	struct strbuf name = STRBUF_INIT(VALUE_MAX), head = STRBUF_INIT(VALUE_MAX),
		      value = STRBUF_INIT_SECRET(VALUE_MAX);
	bool good;

	add_own_name(&name, ctx, hash);
	add_head(&head, salt, iterations);
	good = !name.full && !head.full && keys_read(name.s, &value, NULL) &&
	       value.len > head.len && memcmp(value.s, head.s, head.len) == 0;
	if (good)
		strbuf_add(ret, value.s + head.len, value.len - head.len);
	strbuf_done(&name);
	strbuf_done(&head);
	strbuf_done(&value);
	return good && !ret->full;
}

static void
put(void *ctx, const char *hash, const char *salt, unsigned iterations, const struct strbuf *value)
{
	struct strbuf name = STRBUF_INIT(VALUE_MAX), all = STRBUF_INIT_SECRET(VALUE_MAX);

	add_own_name(&name, ctx, hash);
	if (value) {
		add_head(&all, salt, iterations);
		strbuf_add(&all, value->s, value->len);
	}
	/* a convenience: where it is not possible, the password will be asked for */
	if (!name.full && value && !all.full)
		(void)keys_write(name.s, &all, KEEP_SECONDS);
	else if (!name.full)
		(void)keys_remove(name.s);
	strbuf_done(&name);
	strbuf_done(&all);
}

void
salted_fill(struct smarthost *h, const struct profile *account)
{
	h->account = account;
	if (profile_choice(account, OPT_SECRET_CACHE) != CACHE_ALL ||
		!profile_is_set(account, OPT_USER))
		return;
	h->settings.salted = (struct wire_salted){ .get = get, .put = put, .ctx = h };
}

bool
salted_is_there(const struct smarthost *h)
{
	struct strbuf name = STRBUF_INIT(VALUE_MAX), value = STRBUF_INIT_SECRET(VALUE_MAX);
	bool there = false;

	for (size_t i = 0; i < HASH_COUNT && h->settings.salted.get && !there; i++) {
		strbuf_clear(&name);
		add_own_name(&name, h, hashes[i]);
		there = !name.full && keys_read(name.s, &value, NULL);
	}
	strbuf_done(&name);
	strbuf_done(&value);
	return there;
}

bool
salted_forget(const char *host, const char *user)
{
	struct strbuf name = STRBUF_INIT(VALUE_MAX);
	bool there = false;

	for (size_t i = 0; i < HASH_COUNT; i++) {
		strbuf_clear(&name);
		add_name(&name, hashes[i], host, user);
		there |= !name.full && keys_remove(name.s);
	}
	strbuf_done(&name);
	return there;
}
