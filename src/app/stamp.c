#include "stamp.h"

#include <string.h>
#include <sys/stat.h>

#include "error.h"
#include "hash.h"
#include "profile.h"
#include "secret_file.h"
#include "secret_store.h"
#include "strbuf.h"
#include "submission.h"
#include "token.h"

/* What is not there counts for nothing, not even its name: whoever has a home directory may look
 * for files that another process of the same service does not look for, and both must mean the
 * same. */
static void
add_file(void *ctx, const char *path)
{
	struct hash *h = ctx;
	struct stat st;
	int64_t facts[6];

	if (stat(path, &st) != 0)
		return;
	hash_add(h, path, strlen(path) + 1);
	facts[0] = (int64_t)st.st_dev;
	facts[1] = (int64_t)st.st_ino;
	facts[2] = st.st_size;
	facts[3] = st.st_mtim.tv_sec;
	facts[4] = st.st_mtim.tv_nsec;
	/* a chmod may be what was needed */
	facts[5] = (int64_t)st.st_mode;
	hash_add(h, facts, sizeof(facts));
}

/* What `sendoff password` keeps in a file. The Secret Service cannot be looked at like that. */
static void
add_stored(struct hash *h, const struct profile *account)
{
	struct strbuf path = STRBUF_INIT(8192);
	struct error ignored = ERROR_NONE;
	struct secret_name n;

	if (!profile_is_set(account, OPT_USER) || profile_source(account) != OPT_COUNT)
		return;
	secret_name_of(&n, account, "smtp");
	for (int sealed = 0; n.directory && sealed < 2; sealed++) {
		strbuf_clear(&path);
		strbuf_addf(&path, "%s/", n.directory);
		if (secret_file_name(&n, sealed, &path, &ignored))
			add_file(h, path.s);
	}
	secret_name_done(&n);
	strbuf_done(&path);
}

uint64_t
stamp_of(const struct profile_sources *where, const struct profile *account)
{
	struct strbuf mark = STRBUF_INIT(8192);
	struct hash h;

	hash_init(&h, 0);
	profile_each_file(where, add_file, &h);
	for (int id = 0; account && id < OPT_COUNT; id++)
		if (options[id].kind == KIND_PATH && id != OPT_QUEUE_DIR && id != OPT_LOG &&
			profile_is_set(account, (enum option_id)id))
			add_file(&h, profile_text(account, (enum option_id)id));
	if (account)
		add_stored(&h, account);
	/* a login may be what was needed */
	if (account && token_is_used(account)) {
		token_add_mark(&mark, account, false);
		add_file(&h, mark.s);
		strbuf_done(&mark);
	}
	return hash_end(&h);
}

uint64_t
submission_stamp(const struct submission *s)
{
	struct profile_sources where = submission_sources(s);

	return stamp_of(&where, &s->account);
}
