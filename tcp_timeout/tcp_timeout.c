/* tcp_timeout - to wait, but not for ever.
 *
 *   SO_RCVTIMEO {0.2 s}    recv gives up: EAGAIN
 *   SO_SNDTIMEO {0.05 s}   connect gives up: EINPROGRESS (send: EAGAIN)
 *   poll(fds, n, 50)       asks first whether anything happens within 50 ms
 *   TCP_USER_TIMEOUT       the kernel gives the *peer* up: ETIMEDOUT
 *
 * Run:    tcp_timeout
 * Watch:  the milliseconds; what zero means; how a silent peer and one that
 *         is cut off look the same
 * Next:   tcp_nonblock, not to wait at all
 */
#define _GNU_SOURCE /* for common.h: program_invocation_short_name */

#include <netinet/tcp.h> /* TCP_KEEPIDLE, TCP_USER_TIMEOUT */
#include <poll.h>	 /* poll */
#include <sys/time.h>	 /* struct timeval, setitimer */
#include <time.h>	 /* clock_gettime */

#include "../private_net.h"
#include "../story.h"

static const char usage[] =
	"usage: tcp_timeout\n"
	"Show recv and connect giving up in time, and what that leaves open.\n"
	"example: tcp_timeout\n";

/* Milliseconds on a clock that nobody sets: the one to measure waiting with. */
static long now_ms(void)
{
	struct timespec now;

	if (clock_gettime(CLOCK_MONOTONIC, &now) == -1)
		die("clock_gettime");
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* It does nothing, but it interrupts. */
static void ring(int signal_number)
{
	(void)signal_number;
}

/* A signal, SIGALRM, every so many ms (below 1000) from now on. FLAGS are those
 * of sigaction(2): does a call that it interrupts go on (SA_RESTART)? */
static void ring_every(long ms, int flags)
{
	const struct sigaction ringing = {.sa_handler = ring,
					  .sa_flags = flags};
	const struct timeval period = {.tv_usec = ms * 1000};
	const struct itimerval timer = {period, period};

	if (sigaction(SIGALRM, &ringing, NULL) == -1)
		die("sigaction");
	if (setitimer(ITIMER_REAL, &timer, NULL) == -1)
		die("setitimer");
}

static void set_timeout(int fd, struct timeval tv)
{
	socklen_t length = sizeof tv;

	note("tv = {%ld s, %ld us}", (long)tv.tv_sec, (long)tv.tv_usec);
	MUST("server", setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv));
	MUST("server", getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, &length));
	note("read back: {%ld s, %ld us}", (long)tv.tv_sec, (long)tv.tv_usec);
}

/* A recv that waits for nothing must end with EAGAIN, LEAST_MS later. */
static void runs_into_timeout(int fd, long least_ms)
{
	long begin_ms = now_ms(), waited;
	char buf[64];
	ssize_t n;

	do
		n = CALL("server", recv(fd, buf, sizeof buf, 0));
	while (n == -1 && errno == EINTR); /* stopped and continued: Ctrl-Z */
	bool gave_up = n == -1 && errno == EAGAIN;
	waited = now_ms() - begin_ms;
	note("waited %ld ms", waited);
	expect(gave_up && waited >= least_ms, "recv gave up: the time is over");
}

static void recv_gives_up(void)
{
	char buf[64];
	int client_fd, conn_fd;
	ssize_t n;

	scene("The peer is silent: recv waits 0.2 s and gives up.");
	connected_pair(&client_fd, &conn_fd);
	set_timeout(conn_fd, (struct timeval){.tv_usec = 200000});
	runs_into_timeout(conn_fd, 180); /* a tick may be missing */

	MUST("client", send(client_fd, "late", 4, MSG_NOSIGNAL));
	n = CALL("server", recv(conn_fd, buf, sizeof buf, 0));
	expect(n == 4, "only that call failed: the connection is as before");
	close(client_fd);
	close(conn_fd);
}

static void zero_is_for_ever(void)
{
	char buf[64];
	int client_fd, conn_fd;
	long begin_ms, waited;
	ssize_t n;

	scene("Zero is not the shortest time-out: it is none.");
	connected_pair(&client_fd, &conn_fd);
	set_timeout(conn_fd, (struct timeval){.tv_usec = 1});
	runs_into_timeout(conn_fd, 0);

	set_timeout(conn_fd, (struct timeval){0});
	begin_ms = now_ms();
	ring_every(30, 0); /* or the next recv would wait for ever */
	n = CALL("server", recv(conn_fd, buf, sizeof buf, 0));
	bool interrupted = n == -1 && errno == EINTR;
	waited = now_ms() - begin_ms;
	watch_story(); /* no more ringing */
	note("waited %ld ms, until a signal came", waited);
	expect(interrupted && waited >= 29, "no time-out: recv waits for ever");
	close(client_fd);
	close(conn_fd);
}

/* A listening socket whose queue is full: it has room for one connection, and
 * FIRST_FD's is in it. */
static int full_listener(struct sockaddr_in *address, int *first_fd)
{
	socklen_t length = sizeof *address;
	int listen_fd = socket(AF_INET, SOCK_STREAM, 0);
	struct pollfd queue = {.fd = listen_fd, .events = POLLIN};

	*address = (struct sockaddr_in){.sin_family = AF_INET};
	address->sin_addr.s_addr = htonl(INADDR_LOOPBACK); /* port 0: any */
	*first_fd = socket(AF_INET, SOCK_STREAM, 0);
	if (listen_fd == -1 || *first_fd == -1)
		die("socket");
	if (bind(listen_fd, (struct sockaddr *)address, length) == -1)
		die("bind");
	if (listen(listen_fd, 0) == -1)
		die("listen");
	if (getsockname(listen_fd, (struct sockaddr *)address, &length) == -1)
		die("getsockname");
	if (connect(*first_fd, (struct sockaddr *)address, length) == -1)
		die("connect");
	while (poll(&queue, 1, -1) == -1) /* until it is in the queue */
		if (errno != EINTR)
			die("poll");
	return listen_fd;
}

static void connect_gives_up(void)
{
	const struct timeval tv = {.tv_usec = 50000};
	struct pollfd dialled = {.events = POLLOUT};
	struct sockaddr_in to;
	int first_fd, listen_fd, fd;
	long begin_ms, n;

	scene("Nobody answers the phone: connect gives up.");
	listen_fd = full_listener(&to, &first_fd);
	note("the listener's queue is full: it drops what asks for more");
	fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd == -1)
		die("socket");
	MUST("client", setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv));
	begin_ms = now_ms();
	do
		n = CALL("client",
			 connect(fd, (struct sockaddr *)&to, sizeof to));
	while (n == -1 && errno == EINTR);
	expect(n == -1 && errno == EINPROGRESS && now_ms() - begin_ms >= 30,
	       "connect gave up after some 50 ms: EINPROGRESS");
	close(fd); /* the kernel dials on until the socket is closed */

	dialled.fd = fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (fd == -1)
		die("socket");
	n = CALL("client", connect(fd, (struct sockaddr *)&to, sizeof to));
	expect(n == -1 && errno == EINPROGRESS,
	       "a non-blocking connect does not wait at all ...");
	do
		n = CALL("client", poll(&dialled, 1, 20));
	while (n == -1 && errno == EINTR);
	expect(n == 0, "... and poll waits for it: 0, nothing in 20 ms");
	close(fd);
	close(first_fd);
	close(listen_fd);
}

/* Call recv on FD, and again whenever a signal has ended it, for at least MS.
 * For how long that was; 0 if recv gave up before, -1 if it did else. */
static long outlasts(int fd, long ms)
{
	long begin_ms = now_ms(), waited = 0;
	char buf[64];

	while (waited < ms) {
		long n = CALL("server", recv(fd, buf, sizeof buf, 0));
		if (n == -1 && errno == EAGAIN)
			return 0;
		if (n != -1 || errno != EINTR)
			return -1;
		waited = now_ms() - begin_ms;
	}
	return waited;
}

/* Until FD is readable (1) or DEADLINE_MS (0), whatever comes in between. */
static long poll_until(int fd, long deadline_ms)
{
	struct pollfd end = {.fd = fd, .events = POLLIN};
	long n;

	do {
		long left = deadline_ms - now_ms();
		if (left < 0)
			left = 0;
		n = CALL("server", poll(&end, 1, (int)left));
	} while (n == -1 && errno == EINTR);
	return n;
}

static void signals_come_between(void)
{
	int client_fd, conn_fd, tries = 0;
	long begin_ms, waited, n;

	scene("Signals come in between, one every 30 ms.");
	connected_pair(&client_fd, &conn_fd);
	set_timeout(conn_fd, (struct timeval){.tv_usec = 50000});
	/* A time-out makes SA_RESTART void: EINTR all the same, signal(7). */
	ring_every(30, SA_RESTART);
	do /* it gave up: a busy machine was late with the signal */
		waited = outlasts(conn_fd, 58);
	while (waited == 0 && ++tries < 50);
	note("waited %ld ms, and recv has not said EAGAIN", waited);
	expect(waited > 0,
	       "each new recv begins the 50 ms anew: it may never give up");

	begin_ms = now_ms();
	n = poll_until(conn_fd, begin_ms + 50);
	waited = now_ms() - begin_ms;
	watch_story(); /* no more ringing */
	note("waited %ld ms, in pieces", waited);
	expect(n == 0 && waited >= 49, "with a deadline the time runs out");
	close(client_fd);
	close(conn_fd);
}

static int option_of(int fd, int level, int option)
{
	int value;
	socklen_t length = sizeof value;

	if (getsockopt(fd, level, option, &value, &length) == -1)
		die("getsockopt");
	return value;
}

static void show_keepalive(const char *when, int fd)
{
	note("%s: %s; after %d s of silence, every %d s, %d times", when,
	     option_of(fd, SOL_SOCKET, SO_KEEPALIVE) ? "on" : "off",
	     option_of(fd, IPPROTO_TCP, TCP_KEEPIDLE),
	     option_of(fd, IPPROTO_TCP, TCP_KEEPINTVL),
	     option_of(fd, IPPROTO_TCP, TCP_KEEPCNT));
}

static void keepalive(void)
{
	const int on = 1, idle = 10, every = 5, count = 3;
	int client_fd, fd;

	scene("Is a silent peer alive? Keepalive asks, once it is on.");
	connected_pair(&client_fd, &fd);
	show_keepalive("by default", fd);
	MUST("server",
	     setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on));
	MUST("server",
	     setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle));
	MUST("server",
	     setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every, sizeof every));
	MUST("server",
	     setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count));
	show_keepalive("read back", fd);
	expect(option_of(fd, SOL_SOCKET, SO_KEEPALIVE) == 1 &&
		       option_of(fd, IPPROTO_TCP, TCP_KEEPIDLE) == idle &&
		       option_of(fd, IPPROTO_TCP, TCP_KEEPINTVL) == every &&
		       option_of(fd, IPPROTO_TCP, TCP_KEEPCNT) == count,
	       "the kernel will ask as often as it was told");
	close(client_fd);
	close(fd);
}

/* Last, for the process stays in its private network: see raw_icmp. */
static void cable_is_cut(void)
{
	const int ms = 20;
	struct ifreq lo = {.ifr_name = "lo"}; /* flags: IFF_UP is missing */
	struct pollfd end = {.events = POLLIN};
	char buf[64];
	int client_fd, conn_fd;
	long begin_ms, n;

	scene("The cable is cut: does the time-out tell?");
	if (enter_private_network() == -1) {
		note("left out: it takes a private network (%s)",
		     errno_name(errno));
		return;
	}
	connected_pair(&client_fd, &conn_fd);
	set_timeout(conn_fd, (struct timeval){.tv_usec = 1});
	MUST("network", ioctl(conn_fd, SIOCSIFFLAGS, &lo));
	begin_ms = now_ms();
	n = CALL("server", send(conn_fd, "hello?", 6, MSG_NOSIGNAL));
	expect(n == 6, "send is content: its bytes are in our own kernel");
	runs_into_timeout(conn_fd, 0);

	note("no: all as with a silent peer. But the kernel can be asked to "
	     "tell:");
	MUST("server", setsockopt(conn_fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms,
				  sizeof ms));
	end.fd = conn_fd;
	do
		n = CALL("server", poll(&end, 1, 9000));
	while (n == -1 && errno == EINTR);
	if (n == -1)
		die("poll");
	n = CALL("server", recv(conn_fd, buf, sizeof buf, 0));
	bool given_up = n == -1 && errno == ETIMEDOUT;
	note("%ld ms after send, which nobody acknowledged",
	     now_ms() - begin_ms);
	expect(given_up, "ETIMEDOUT: the kernel has given the connection up");
	close(client_fd);
	close(conn_fd);
}

int main(int argc, char *argv[])
{
	begin_story(argc, argv, usage);
	recv_gives_up();
	zero_is_for_ever();
	connect_gives_up();
	signals_come_between();
	keepalive();
	cable_is_cut();
	puts("\n"
	     "Remember: a time-out says how long you waited, "
	     "not whether the peer is alive.\n"
	     "Set it before the first call that may wait.");
}
