/* tcp_nonblock - calls that say "not now" instead of waiting.
 *
 *   O_NONBLOCK:  accept, recv, send  -> -1 EAGAIN       nothing here, no room
 *                connect             -> -1 EINPROGRESS  dialling, go on
 *   poll(fds, n, ms)     sleeps until one of them would not say so
 *   SO_ERROR             tells how a connect ended
 *
 * Run:    tcp_nonblock
 * Watch:  connect that fails after poll has said "ready"; the CPU time of
 *         asking again and again
 * Next:   tcp_fdopen, a socket as a file
 */
#define _GNU_SOURCE /* for common.h: program_invocation_short_name */

#include <fcntl.h> /* fcntl, O_NONBLOCK */
#include <poll.h>  /* poll */
#include <time.h>  /* clock_gettime */

#include "../story.h"

static const char usage[] =
	"usage: tcp_nonblock\n"
	"Show calls that do not wait, and poll, which waits for all of them.\n"
	"example: tcp_nonblock\n";

enum { PATIENCE = 20000 }; /* ms: what takes longer on loopback, has failed */
enum { WAIT = 100 };	   /* ms, in the last scene */

/* What the kernel says: do calls on FD say "not now"? */
static bool is_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags == -1)
		die("fcntl F_GETFL");
	note("flags are %#o: O_NONBLOCK (%#o) is %s", (unsigned)flags,
	     (unsigned)O_NONBLOCK, flags & O_NONBLOCK ? "set" : "not set");
	return flags & O_NONBLOCK;
}

/* From here no call on FD waits. Its other flags stay as they are. */
static void set_nonblocking(const char *who, int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags == -1)
		die("fcntl F_GETFL");
	MUST(who, fcntl(fd, F_SETFL, flags | O_NONBLOCK));
	expect(is_nonblocking(fd), "read back: the flag is set");
}

/* Sleep until FD is ready for EVENTS; what poll says about it. */
static short ready(const char *who, int fd, short events)
{
	struct pollfd pfd = {.fd = fd, .events = events};
	long n;

	do
		n = CALL(who, poll(&pfd, 1, PATIENCE));
	while (n == -1 && errno == EINTR);
	if (n == -1)
		die("poll");
	note("revents:%s%s%s%s", pfd.revents & POLLIN ? " POLLIN" : "",
	     pfd.revents & POLLOUT ? " POLLOUT" : "",
	     pfd.revents & POLLERR ? " POLLERR" : "",
	     pfd.revents & POLLHUP ? " POLLHUP" : "");
	return pfd.revents;
}

/* A socket that has an address of its own on loopback, left in *ADDRESS. */
static int bound_socket(struct sockaddr_in *address)
{
	socklen_t length = sizeof *address;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	*address = (struct sockaddr_in){.sin_family = AF_INET};
	address->sin_addr.s_addr = htonl(INADDR_LOOPBACK); /* port 0: any */
	if (fd == -1)
		die("socket");
	if (bind(fd, (struct sockaddr *)address, length) == -1)
		die("bind");
	if (getsockname(fd, (struct sockaddr *)address, &length) == -1)
		die("getsockname");
	return fd;
}

/* A client that dials TO without waiting for the answer, and then waits. */
static int dial(const struct sockaddr_in *to)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	long n;

	if (fd == -1)
		die("socket");
	n = CALL("client",
		 connect(fd, (const struct sockaddr *)to, sizeof *to));
	expect(n == -1 && errno == EINPROGRESS, "not now: it is dialling");
	expect(ready("client", fd, POLLOUT) & POLLOUT,
	       "POLLOUT: connect has ended, somehow");
	return fd;
}

/* What SO_ERROR says about a connect that has ended: 0 or an errno. */
static int how_it_ended(int fd)
{
	int error = -1;
	socklen_t length = sizeof error;

	MUST("client", getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length));
	note("error = %d%s%s", error, error ? " " : "",
	     error ? errno_name(error) : "");
	return error;
}

static void accept_and_connect(void)
{
	struct sockaddr_in address;
	int listen_fd = bound_socket(&address), client_fd, conn_fd;
	long n;

	scene("accept and connect: \"not now\", and when.");
	if (listen(listen_fd, 1) == -1)
		die("listen");
	set_nonblocking("server", listen_fd);
	n = CALL("server", accept(listen_fd, NULL, NULL));
	expect(n == -1 && errno == EAGAIN, "not now: nobody has called");

	client_fd = dial(&address);
	expect(how_it_ended(client_fd) == 0,
	       "SO_ERROR 0: the client is connected");

	ready("server", listen_fd, POLLIN);
	conn_fd = (int)CALL("server", accept(listen_fd, NULL, NULL));
	expect(conn_fd != -1, "now accept has a connection");
	expect(!is_nonblocking(conn_fd), "the flag is not handed down to it");
	close(conn_fd);
	close(client_fd);
	close(listen_fd);
}

static void connect_refused(void)
{
	struct sockaddr_in nobody;
	int bound_fd = bound_socket(&nobody), client_fd;

	scene("A connect that fails: \"ready\" is not \"connected\".");
	note("a port that is bound, but where nobody listens:");
	client_fd = dial(&nobody);
	expect(how_it_ended(client_fd) == ECONNREFUSED,
	       "SO_ERROR says it: refused");
	expect(how_it_ended(client_fd) == 0,
	       "only once: reading SO_ERROR clears it");
	close(client_fd);
	close(bound_fd);
}

static void receive(void)
{
	char buf[64];
	int client_fd, conn_fd;
	long n;

	scene("recv: \"not now\" is -1, the end of the stream is 0.");
	connected_pair(&client_fd, &conn_fd);
	set_nonblocking("server", conn_fd);
	n = CALL("server", recv(conn_fd, buf, sizeof buf, 0));
	expect(n == -1 && errno == EAGAIN, "not now: nothing has come");

	MUST("client", send(client_fd, "hello", 5, MSG_NOSIGNAL));
	ready("server", conn_fd, POLLIN);
	n = CALL("server", recv(conn_fd, buf, sizeof buf, 0));
	expect(n == 5, "now it has");

	MUST("client", close(client_fd));
	ready("server", conn_fd, POLLIN);
	n = CALL("server", recv(conn_fd, buf, sizeof buf, 0));
	expect(n == 0, "the end is no error: poll says POLLIN, recv says 0");
	close(conn_fd);
}

/* Read N bytes from FD, or to the end of the stream; how many there were. No
 * "not now" here: FD is blocking, and recv waits for what is on its way. */
static long read_bytes(int fd, long n)
{
	static char buf[256 * 1024];
	long heard = 0;

	while (heard < n) {
		ssize_t got = recv(fd, buf, sizeof buf, 0);
		if (got == 0) /* end of stream */
			break;
		if (got == -1 && errno == EINTR)
			continue;
		if (got == -1)
			die("recv");
		heard += got;
	}
	return heard;
}

static void send_until_full(void)
{
	static const char block[1024 * 1024];
	int client_fd, conn_fd;
	long taken = 0, heard, n;

	scene("send: \"not now\" when there is no room.");
	connected_pair(&client_fd, &conn_fd);
	set_nonblocking("client", client_fd);
	do {
		n = CALL("client",
			 send(client_fd, block, sizeof block, MSG_NOSIGNAL));
		taken += n > 0 ? n : 0;
	} while (n > 0 || (n == -1 && errno == EINTR));
	expect(n == -1 && errno == EAGAIN, "not now: the buffers are full");
	note("%ld bytes are in them", taken);

	heard = read_bytes(conn_fd, taken);
	note("the server reads %ld bytes", heard);
	expect(heard == taken, "nothing was lost");
	ready("client", client_fd, POLLOUT);
	n = CALL("client", send(client_fd, "more", 4, MSG_NOSIGNAL));
	expect(n == 4, "there is room again");
	close(client_fd);
	close(conn_fd);
}

/* Microseconds on CLOCK: of the day's, or of our own use of the CPU. */
static long now_us(clockid_t clock)
{
	struct timespec now;

	if (clock_gettime(clock, &now) == -1)
		die("clock_gettime");
	return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Ask FD, on which nothing comes, again and again for WAIT ms: CPU time in us.
 * A busy machine may give us no CPU to waste in that time; hence LEAST. */
static long busy_waiting(int fd)
{
	enum { LEAST = 2000 };
	long asked = 0, begin_us = now_us(CLOCK_MONOTONIC);
	long cpu_us = now_us(CLOCK_PROCESS_CPUTIME_ID);
	char buf[64];

	while (asked < LEAST ||
	       now_us(CLOCK_MONOTONIC) - begin_us < WAIT * 1000L) {
		ssize_t n = recv(fd, buf, sizeof buf, 0);
		if (n != -1 || (errno != EAGAIN && errno != EINTR))
			die("recv");
		asked++;
	}
	cpu_us = now_us(CLOCK_PROCESS_CPUTIME_ID) - cpu_us;
	note("busy waiting: CPU %8.3f ms, recv called %ld times",
	     (double)cpu_us / 1000, asked);
	return cpu_us;
}

/* The same wait with poll. */
static long sleeping(int fd)
{
	struct pollfd pfd = {.fd = fd, .events = POLLIN};
	long cpu_us = now_us(CLOCK_PROCESS_CPUTIME_ID);
	int n = poll(&pfd, 1, WAIT);

	if (n == -1 && errno != EINTR)
		die("poll");
	cpu_us = now_us(CLOCK_PROCESS_CPUTIME_ID) - cpu_us;
	note("poll:         CPU %8.3f ms", (double)cpu_us / 1000);
	return cpu_us;
}

static void busy_or_poll(void)
{
	int client_fd, conn_fd;
	long busy_us, poll_us;

	scene("The price of waiting 100 ms: asking again and again, or poll.");
	connected_pair(&client_fd, &conn_fd);
	set_nonblocking("server", conn_fd);
	busy_us = busy_waiting(conn_fd);
	poll_us = sleeping(conn_fd);
	expect(busy_us > 2 * poll_us,
	       "poll sleeps in the kernel: hardly any CPU time");
	close(client_fd);
	close(conn_fd);
}

int main(int argc, char *argv[])
{
	begin_story(argc, argv, usage);
	accept_and_connect();
	connect_refused();
	receive();
	send_until_full();
	busy_or_poll();
	puts("\n"
	     "Remember: non-blocking calls never wait, so something else must: "
	     "poll.\n"
	     "It says that a connect has ended; SO_ERROR says how.");
}
