/* A proxy's answers: whatever it says, the verdict is one of those promised, its text is printable,
 * and of an answer that is good not one octet more is taken than it has. The first octet decides
 * whether there is a login. */
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "fuzz.h"
#include "socks.h"
#include "strbuf.h"
#include "text.h"

/* How long a good answer is, 0 if it is none. */
static size_t
good_answer(const uint8_t *at, size_t n, bool login)
{
	size_t head = 2, length;

	if (n < 2 || at[0] != 5 || (at[1] != 0 && !(at[1] == 2 && login)))
		return 0;
	if (at[1] == 2) {
		if (n < 4 || at[2] != 1 || at[3] != 0)
			return 0;
		head = 4;
	}
	at += head;
	if (n < head + 5 || at[0] != 5 || at[1] != 0)
		return 0;
	length = at[3] == 1 ? 4 : at[3] == 4 ? 16 : at[3] == 3 ? (size_t)at[4] + 1 : 0;
	return length && n >= head + 4 + length + 2 ? head + 4 + length + 2 : 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct strbuf password = STRBUF_INIT(16);
	struct wire_proxy proxy = { .host = "proxy", .password = &password };
	struct error err = ERROR_NONE;
	char rest[2048];
	unsigned turns = 0;
	size_t want;
	bool good;
	int fd[2];

	if (size < 1 || size > 1024)
		return 0;
	proxy.user = data[0] & 1 ? "user" : NULL;
	strbuf_adds(&password, "password");
	data++;
	size--;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd))
		abort();
	check(send(fd[1], data, size, 0) == (ssize_t)size && !shutdown(fd[1], SHUT_WR));
	good = socks_connect(fd[0], &proxy, "host", 25, clock_in(1000), &turns, &err);
	want = good_answer(data, size, proxy.user);
	check(good == (want > 0) && turns >= 1 && turns <= 3);
	if (good)
		check(recv(fd[0], rest, sizeof(rest), 0) == (ssize_t)(size - want) && !err.fault);
	else
		check(err.fault && *err.text && !text_has_control(err.text, strlen(err.text)));
	close(fd[0]);
	close(fd[1]);
	strbuf_done(&password);
	return 0;
}
