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

#include <fcntl.h>	 /* O_NONBLOCK */
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

static volatile sig_atomic_t rings;
static volatile sig_atomic_t speaker_fd = -1; /* who speaks when it rings */
static volatile sig_atomic_t speech_error;

static void ring(int signal_number)
{
	int error = errno;

	(void)signal_number;
	rings = rings + 1;
	if (speaker_fd != -1 &&
	    send(speaker_fd, "late", 4, MSG_NOSIGNAL) == -1) {
		speech_error = errno;
		shutdown(speaker_fd, SHUT_WR); /* or recv would wait for ever */
	}
	errno = error;
}

static struct sigaction watchdog; /* of begin_story, for SIGALRM as well */

/* A signal, SIGALRM, every so many ms (below 1000) from now on; 0: no more. */
static void ring_every(long ms)
{
	/* A recv without a time-out goes on after this signal (SA_RESTART),
	 * one with a time-out fails with EINTR all the same: signal(7). */
	const struct sigaction ringing = {.sa_handler = ring,
					  .sa_flags = SA_RESTART};
	const struct timeval period = {.tv_usec = ms * 1000};
	const struct itimerval timer = {period, period};

	/* No ring while the handler changes: the watchdog would hear it. */
	if (setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL) == -1)
		die("setitimer");
	if (sigaction(SIGALRM, ms ? &ringing : &watchdog, NULL) == -1)
		die("sigaction");
	rings = 0;
	if (ms == 0)
		alarm(60); /* the watchdog's, which shares the timer */
	else if (setitimer(ITIMER_REAL, &timer, NULL) == -1)
		die("setitimer");
}

static void set_timeout(int fd, struct timeval tv)
{
	socklen_t length = sizeof tv;

	note("tv = {%ld s, %ld us}", (long)tv.tv_sec, (long)tv.tv_usec);
	if (CALL("server", setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv,
				      sizeof tv)) == -1 ||
	    CALL("server",
		 getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, &length)) == -1)
		die("SO_RCVTIMEO");
	note("read back: {%ld s, %ld us}", (long)tv.tv_sec, (long)tv.tv_usec);
}

/* A recv that waits for nothing must end with EAGAIN, LEAST_MS later. */
static void runs_into_timeout(int fd, long least_ms)
{
	char buf[64];
	long begin_ms = now_ms(), waited;
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

	if (CALL("client", send(client_fd, "late", 4, MSG_NOSIGNAL)) == -1)
		die("send");
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
	speaker_fd = client_fd; /* 30 ms from now the client will speak */
	ring_every(30);
	n = CALL("server", recv(conn_fd, buf, sizeof buf, 0));
	waited = now_ms() - begin_ms;
	ring_every(0);
	speaker_fd = -1;
	if ((errno = speech_error))
		die("send, in the signal handler");
	note("waited %ld ms, until the client spoke", waited);
	expect(n >= 4 && waited >= 20, "no time-out: recv waits for ever");
	close(client_fd);
	close(conn_fd);
}

/* A listener with room for one connection, and that one is in the queue. */
static int full_listener(struct sockaddr_in *address, int *first_fd)
{
	socklen_t length = sizeof *address;
	int listen_fd = socket(AF_INET, SOCK_STREAM, 0);
	struct pollfd queue = {.fd = listen_fd, .events = POLLIN};
	int n;

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
	while ((n = poll(&queue, 1, 5000)) == -1 && errno == EINTR)
		;
	if (n != 1)
		die("poll for the first connection");
	return listen_fd;
}

static void connect_gives_up(void)
{
	const struct timeval tv = {.tv_usec = 50000};
	struct sockaddr_in to;
	int first_fd, listen_fd, fd;
	long begin_ms, n;

	scene("Nobody answers the phone: connect gives up.");
	listen_fd = full_listener(&to, &first_fd);
	note("the listener's queue is full: it drops what asks for more");
	fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd == -1)
		die("socket");
	if (CALL("client",
		 setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv)) == -1)
		die("setsockopt SO_SNDTIMEO");
	begin_ms = now_ms();
	do
		n = CALL("client",
			 connect(fd, (struct sockaddr *)&to, sizeof to));
	while (n == -1 && errno == EINTR);
	expect(n == -1 && errno == EINPROGRESS && now_ms() - begin_ms >= 30,
	       "connect gave up after some 50 ms: EINPROGRESS");
	close(fd);

	struct pollfd dialled = {.events = POLLOUT};
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (fd == -1)
		die("socket");
	dialled.fd = fd;
	CALL("client", connect(fd, (struct sockaddr *)&to, sizeof to));
	do
		n = CALL("client", poll(&dialled, 1, 50));
	while (n == -1 && errno == EINTR);
	expect(n == 0, "the same with poll: 0, nothing in 50 ms");
	close(fd); /* the kernel dials on until the socket is closed */
	close(first_fd);
	close(listen_fd);
}

/* Until FD is readable or DEADLINE_MS, whatever comes in between. */
static int poll_until(int fd, long deadline_ms)
{
	struct pollfd end = {.fd = fd, .events = POLLIN};
	int n;

	do {
		long left = deadline_ms - now_ms();
		n = poll(&end, 1, left > 0 ? (int)left : 0);
	} while (n == -1 && errno == EINTR);
	if (n == -1)
		die("poll");
	return n;
}

static void signals_come_between(void)
{
	char buf[64];
	int client_fd, conn_fd, cut_short = 0;
	long begin_ms = 0, waited = 0, n;

	scene("Signals come in between, one every 60 ms.");
	connected_pair(&client_fd, &conn_fd);
	set_timeout(conn_fd, (struct timeval){.tv_usec = 100000});
	for (int tries = 0; tries < 50 && (cut_short < 2 || waited < 110);
	     tries++) {
		if (cut_short == 0) {
			begin_ms = now_ms();
			ring_every(60);
		}
		n = CALL("server", recv(conn_fd, buf, sizeof buf, 0));
		if (n != -1 || (errno != EINTR && errno != EAGAIN))
			break;
		/* EAGAIN: a busy machine let us wait for the CPU; once more. */
		cut_short = errno == EINTR ? cut_short + 1 : 0;
		waited = cut_short ? now_ms() - begin_ms : 0;
	}
	note("waited %ld ms, and recv has not said EAGAIN", waited);
	expect(cut_short >= 2 && waited >= 110,
	       "each new recv begins the 100 ms anew: it may never give up");

	begin_ms = now_ms();
	ring_every(20);
	n = poll_until(conn_fd, begin_ms + 50);
	waited = now_ms() - begin_ms;
	note("poll, with what is left of 50 ms: %ld ms, %d signal%s", waited,
	     (int)rings, rings == 1 ? "" : "s");
	ring_every(0);
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

	scene("Is a silent peer alive? Keepalive asks, once it is switched "
	      "on.");
	connected_pair(&client_fd, &fd);
	show_keepalive("by default", fd);
	CALL("server",
	     setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on));
	CALL("server",
	     setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle));
	CALL("server",
	     setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every, sizeof every));
	CALL("server",
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
	if (CALL("network", ioctl(conn_fd, SIOCSIFFLAGS, &lo)) == -1)
		die("ioctl SIOCSIFFLAGS");
	begin_ms = now_ms();
	n = CALL("server", send(conn_fd, "hello?", 6, MSG_NOSIGNAL));
	expect(n == 6, "send is content: its bytes are in our own kernel");
	runs_into_timeout(conn_fd, 0);

	note("no: all as with a silent peer. But the kernel can be asked to "
	     "tell:");
	if (CALL("server", setsockopt(conn_fd, IPPROTO_TCP, TCP_USER_TIMEOUT,
				      &ms, sizeof ms)) == -1)
		die("setsockopt TCP_USER_TIMEOUT");
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
	if (sigaction(SIGALRM, NULL, &watchdog) == -1)
		die("sigaction");
	recv_gives_up();
	zero_is_for_ever();
	connect_gives_up();
	signals_come_between();
	keepalive();
	cable_is_cut();
	puts("\nRemember: a time-out says how long you waited, not whether "
	     "the\n"
	     "peer is alive. Set it before the first call that may wait.");
}
