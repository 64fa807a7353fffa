#include "channel.h"
#include "warm.h"

bool
warm_say(int fd, enum warm_word word, const void *data, size_t n, int pass, int64_t deadline)
{
	const struct strbuf body = { .s = (char *)(uintptr_t)data, .len = n };

	return n <= WARM_MAX &&
	       channel_send(fd, word, &body, &pass, pass >= 0 ? 1 : 0, deadline, NULL);
}

bool
warm_hear(int fd, enum warm_word *ret, struct strbuf *data, int *ret_passed, int64_t deadline)
{
	struct channel_parcel p;
	bool good;

	channel_parcel_init(&p, WARM_MAX);
	/* memory that is there is used again */
	strbuf_clear(data);
	strbuf_move(&p.body, data);
	good = channel_receive(fd, &p, deadline) == CHANNEL_PARCEL && p.fd_count <= 1;
	strbuf_move(data, &p.body);
	if (good)
		*ret = (enum warm_word)p.kind;
	if (good && ret_passed)
		*ret_passed = p.fd_count ? p.fds[--p.fd_count] : -1;
	channel_parcel_done(&p);
	return good;
}
