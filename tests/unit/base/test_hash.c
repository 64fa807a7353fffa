/* XXH64: known sums, and pieces of every length. */
#include "hash.h"

#include <stdlib.h>

#include "tap.h"

static const struct {
	const char *text;
	uint64_t seed, sum;
} known[] = {
	{ "", 0, 0xef46db3751d8e999u },
	{ "a", 0, 0xd24ec4f1a98c6e5bu },
	{ "abc", 0, 0x44bc2cf5ad770999u },
	{ "Nobody inspects the spammish repetition", 0, 0xfbcea83c8a378bf1u },
	{ "xxhash", 20141025, 13067679811253438005u },
};

int
main(void)
{
	unsigned char data[200];
	struct hash h;
	uint64_t whole;
	bool good = true, changes = true;

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		ok(hash_of(known[i].seed, known[i].text, strlen(known[i].text)) == known[i].sum,
			"the sum of '%s'", known[i].text);
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (unsigned char)(i * 37 + 11);
	for (size_t n = 0; n <= sizeof(data); n++) {
		whole = hash_of(7, data, n);
		for (size_t cut = 0; cut <= n; cut++) {
			hash_init(&h, 7);
			hash_add(&h, data, cut);
			(void)hash_end(&h);
			hash_add(&h, data + cut, n - cut);
			good = good && hash_end(&h) == whole;
		}
		changes = changes && hash_of(8, data, n) != whole;
	}
	ok(good, "pieces have the sum of the whole");
	ok(changes, "the seed counts");
	return tap_done();
}
