/* A slow link: delaylink RTT SERVER COMMAND [ARGUMENT]...
 *
 * Makes two network namespaces and a TUN device in each, and carries packets between them, each
 * of which, the first SYN included, arrives RTT/2 milliseconds after it was sent. Runs SERVER (by
 * sh -c) in the one, where it has the address 10.9.0.2, and COMMAND in the other one; ends when
 * COMMAND ends, with its exit status. Wants root and /dev/net/tun. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SERVER_ADDRESS "10.9.0.2"
#define CLIENT_ADDRESS "10.9.0.1"
#define PACKETS        4096 /* on the way in one direction; more are lost, as on a real link */
#define PACKET_MAX     1600

/* Packets in the order of their arrival. */
struct direction {
	int from, to;
	size_t first, count;
	struct packet {
		long long due; /* ns */
		size_t size;
		char data[PACKET_MAX];
	} * packets;
};

static void __attribute__((noreturn)) die(const char *what)
{
	fprintf(stderr, "delaylink: %s: %s\n", what, strerror(errno));
	exit(2);
}

static long long
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void
set_up(int s, const char *name, const char *address, const char *peer)
{
	struct ifreq request = { .ifr_flags = IFF_UP };
	struct sockaddr_in in = { .sin_family = AF_INET };

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (ioctl(s, SIOCSIFFLAGS, &request) < 0)
		die("SIOCSIFFLAGS");
	if (!address)
		return;
	inet_pton(AF_INET, address, &in.sin_addr);
	memcpy(&request.ifr_addr, &in, sizeof(in));
	if (ioctl(s, SIOCSIFADDR, &request) < 0)
		die("SIOCSIFADDR");
	inet_pton(AF_INET, peer, &in.sin_addr);
	memcpy(&request.ifr_dstaddr, &in, sizeof(in));
	if (ioctl(s, SIOCSIFDSTADDR, &request) < 0)
		die("SIOCSIFDSTADDR");
}

/* Enters a new network namespace; its end of the link is at ADDRESS. */
static int
open_end(const char *address, const char *peer)
{
	struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int tun, s;

	if (unshare(CLONE_NEWNET) < 0)
		die("unshare");
	tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (tun < 0)
		die("/dev/net/tun");
	snprintf(request.ifr_name, sizeof(request.ifr_name), "slow");
	if (ioctl(tun, TUNSETIFF, &request) < 0)
		die("TUNSETIFF");
	s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (s < 0)
		die("socket");
	set_up(s, "slow", address, peer);
	set_up(s, "lo", NULL, NULL);
	close(s);
	return tun;
}

/* Starts ARGV in the namespace that the caller is in. It ends with the caller at the latest. */
static pid_t
start(char *const argv[])
{
	pid_t pid = fork();
	sigset_t none;

	if (pid < 0)
		die("fork");
	if (pid)
		return pid;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	setpgid(0, 0);
	execvp(argv[0], argv);
	die(argv[0]);
}

static void
take(struct direction *d, long long delay)
{
	struct packet *p;
	ssize_t n;

	while (d->count < PACKETS) {
		p = &d->packets[(d->first + d->count) % PACKETS];
		n = read(d->from, p->data, sizeof(p->data));
		if (n <= 0)
			return;
		p->size = (size_t)n;
		p->due = now() + delay;
		d->count++;
	}
}

static void
deliver(struct direction *d)
{
	while (d->count && d->packets[d->first].due <= now()) {
		if (write(d->to, d->packets[d->first].data, d->packets[d->first].size) < 0 &&
			errno == EAGAIN)
			return;
		d->first = (d->first + 1) % PACKETS;
		d->count--;
	}
}

/* How long nothing needs to be done. */
static struct timespec
pause_until_due(const struct direction d[2])
{
	long long due = now() + 1000000000LL, left;

	for (int i = 0; i < 2; i++)
		if (d[i].count && d[i].packets[d[i].first].due < due)
			due = d[i].packets[d[i].first].due;
	left = due - now();
	if (left < 0)
		left = 0;
	return (struct timespec){ left / 1000000000LL, left % 1000000000LL };
}

/* Carries packets until COMMAND has ended; returns its status. */
static int
carry(struct direction d[2], long long delay, int signals, pid_t command)
{
	struct pollfd fds[3] = { { d[0].from, POLLIN, 0 }, { d[1].from, POLLIN, 0 },
		{ signals, POLLIN, 0 } };
	struct signalfd_siginfo info;
	struct timespec wait;
	int status;

	for (;;) {
		wait = pause_until_due(d);
		if (ppoll(fds, 3, &wait, NULL) < 0)
			die("ppoll");
		for (int i = 0; i < 2; i++) {
			take(&d[i], delay);
			deliver(&d[i]);
		}
		if (!(fds[2].revents & POLLIN) || read(signals, &info, sizeof(info)) < 0)
			continue;
		if (info.ssi_signo != SIGCHLD)
			return 128 + (int)info.ssi_signo;
		if (waitpid(command, &status, WNOHANG) == command)
			return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
	}
}

int
main(int argc, char **argv)
{
	char shell[] = "sh", option[] = "-c";
	char *const server[] = { shell, option, argc > 3 ? argv[2] : NULL, NULL };
	const struct sched_param realtime = { .sched_priority = 1 };
	struct direction d[2] = { { 0 } };
	pid_t server_pid, command_pid;
	int signals, status;
	sigset_t handled;

	if (argc < 4) {
		fputs("usage: delaylink RTT SERVER COMMAND [ARGUMENT]...\n", stderr);
		return 2;
	}
	sigemptyset(&handled);
	sigaddset(&handled, SIGCHLD);
	sigaddset(&handled, SIGTERM);
	sigaddset(&handled, SIGINT);
	sigprocmask(SIG_BLOCK, &handled, NULL);
	signals = signalfd(-1, &handled, SFD_CLOEXEC);
	d[0].from = d[1].to = open_end(SERVER_ADDRESS, CLIENT_ADDRESS);
	server_pid = start(server);
	d[1].from = d[0].to = open_end(CLIENT_ADDRESS, SERVER_ADDRESS);
	command_pid = start(argv + 3);
	for (int i = 0; i < 2; i++) {
		d[i].packets = calloc(PACKETS, sizeof(struct packet));
		if (!d[i].packets || signals < 0)
			die("start");
	}
	/* so that what else the machine does is not measured too; it works without */
	(void)sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &realtime);
	status = carry(d, (long long)(atof(argv[1]) * 500000), signals, command_pid);
	kill(-server_pid, SIGTERM);
	kill(-command_pid, SIGTERM);
	return status;
}
