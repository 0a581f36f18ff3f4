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

#include <fcntl.h>    /* fcntl, O_NONBLOCK */
#include <poll.h>     /* poll */
#include <sys/time.h> /* setitimer */
#include <time.h>     /* clock_gettime */

#include "../story.h"

static const char usage[] =
	"usage: tcp_nonblock\n"
	"Show calls that do not wait, and poll, which waits for all of them.\n"
	"example: tcp_nonblock\n";

enum { PATIENCE = 5000 }; /* ms: what takes longer on loopback, has failed */

/* What the kernel says: would calls on FD wait? */
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
	if (CALL(who, fcntl(fd, F_SETFL, flags | O_NONBLOCK)) == -1)
		die("fcntl F_SETFL");
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

/* A socket that has an address of its own on loopback, left in *TO. */
static int bound_socket(struct sockaddr_in *to)
{
	socklen_t length = sizeof *to;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	*to = (struct sockaddr_in){.sin_family = AF_INET};
	to->sin_addr.s_addr = htonl(INADDR_LOOPBACK); /* port 0: any */
	if (fd == -1)
		die("socket");
	if (bind(fd, (struct sockaddr *)to, length) == -1)
		die("bind");
	if (getsockname(fd, (struct sockaddr *)to, &length) == -1)
		die("getsockname");
	return fd;
}

/* A client that dials TO without waiting; how it ended: 0 or an errno. */
static int dial(const struct sockaddr_in *to, int *fd)
{
	int error = -1;
	socklen_t length = sizeof error;

	*fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (*fd == -1)
		die("socket");
	long n = CALL("client",
		      connect(*fd, (const struct sockaddr *)to, sizeof *to));
	expect(n == -1 && errno == EINPROGRESS, "not now: it is dialling");
	short revents = ready("client", *fd, POLLOUT);
	expect(revents & POLLOUT, "POLLOUT: connect has ended, somehow");
	if (CALL("client",
		 getsockopt(*fd, SOL_SOCKET, SO_ERROR, &error, &length)) == -1)
		die("getsockopt SO_ERROR");
	note("error = %d%s%s", error, error ? " " : "",
	     error ? errno_name(error) : "");
	return error;
}

/* Both ends of a connection; only now does the listener have something. */
static void accept_and_connect(int *client_fd, int *conn_fd)
{
	struct sockaddr_in address;
	int listen_fd = bound_socket(&address), error;
	long n;

	scene("accept and connect: \"not now\", and when.");
	if (listen(listen_fd, 1) == -1)
		die("listen");
	set_nonblocking("server", listen_fd);
	n = CALL("server", accept(listen_fd, NULL, NULL));
	expect(n == -1 && errno == EAGAIN, "not now: nobody has called");

	error = dial(&address, client_fd);
	expect(error == 0, "SO_ERROR 0: the client is connected");

	ready("server", listen_fd, POLLIN);
	*conn_fd = (int)CALL("server", accept(listen_fd, NULL, NULL));
	expect(*conn_fd != -1, "now accept has a connection");
	expect(!is_nonblocking(*conn_fd), "the flag is not handed down to it");
	close(listen_fd);
}

static void connect_refused(void)
{
	struct sockaddr_in nobody;
	int bound_fd = bound_socket(&nobody), fd, error;
	socklen_t length = sizeof error;

	scene("A connect that fails: \"ready\" is not \"connected\".");
	note("a port that is bound, but where nobody listens:");
	error = dial(&nobody, &fd);
	expect(error == ECONNREFUSED, "SO_ERROR says it: refused");
	if (CALL("client",
		 getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length)) == -1)
		die("getsockopt SO_ERROR");
	note("error = %d", error);
	expect(error == 0, "only once: reading SO_ERROR clears it");
	close(fd);
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
	n = CALL("client", send(client_fd, "hello", 5, MSG_NOSIGNAL));
	if (n == -1)
		die("send");
	ready("server", conn_fd, POLLIN);
	n = CALL("server", recv(conn_fd, buf, sizeof buf, 0));
	expect(n == 5, "now it has");
	CALL("client", close(client_fd));
	ready("server", conn_fd, POLLIN);
	n = CALL("server", recv(conn_fd, buf, sizeof buf, 0));
	expect(n == 0, "the end is no error: poll says POLLIN, recv says 0");
	close(conn_fd);
}

/* Until the stream is empty for now, or broken: how many bytes there were. */
static long drain(int fd)
{
	static char buf[256 * 1024];
	long total = 0, n;

	while ((n = recv(fd, buf, sizeof buf, MSG_DONTWAIT)) > 0 ||
	       (n == -1 && errno == EINTR))
		total += n > 0 ? n : 0;
	if (n == -1 && errno != EAGAIN)
		die("recv");
	return total;
}

/* As many sends as there is room for: how many bytes they took. */
static long fill(int fd)
{
	static const char buf[64 * 1024];
	long total = 0, n;

	while ((n = send(fd, buf, sizeof buf, MSG_NOSIGNAL)) > 0 ||
	       (n == -1 && errno == EINTR))
		total += n > 0 ? n : 0;
	if (n == -1 && errno != EAGAIN)
		die("send");
	return total;
}

static void send_until_full(int client_fd, int conn_fd)
{
	struct pollfd room = {.fd = client_fd, .events = POLLOUT};
	struct pollfd data = {.fd = conn_fd, .events = POLLIN};
	long taken = 0, drained = 0, n;

	scene("send: \"not now\" when there is no room.");
	set_nonblocking("client", client_fd);
	do { /* what is on its way may yet make room: until poll says no */
		taken += fill(client_fd);
		n = poll(&room, 1, 10);
	} while (n == 1 || (n == -1 && errno == EINTR));
	if (n == -1)
		die("poll");
	while ((n = CALL("client", send(client_fd, "more", 4, MSG_NOSIGNAL))) >
	       0)
		taken += n;
	expect(n == -1 && errno == EAGAIN, "not now: the buffers are full");
	note("%ld bytes are in them", taken);

	/* The server reads all of it; some is still on its way. */
	do {
		drained += drain(conn_fd);
		n = drained < taken ? poll(&data, 1, PATIENCE) : 0;
	} while (n == 1 || (n == -1 && errno == EINTR));
	note("the server reads %ld bytes", drained);
	expect(drained == taken, "nothing was lost");

	ready("client", client_fd, POLLOUT);
	n = CALL("client", send(client_fd, "more", 4, MSG_NOSIGNAL));
	expect(n == 4, "there is room again");
	ready("server", conn_fd, POLLIN);
	drain(conn_fd);
}

static volatile sig_atomic_t speaker_fd, speech_error;

static void speak(int signal_number)
{
	int error = errno;

	(void)signal_number;
	if (send(speaker_fd, "x", 1, MSG_NOSIGNAL) == -1) {
		speech_error = errno;
		shutdown(speaker_fd, SHUT_WR); /* the server must not wait on */
	}
	errno = error;
}

/* The handler of SIGALRM plays the client, and speaks in 100 ms. */
static void client_speaks_later(void)
{
	const struct itimerval timer = {.it_value.tv_usec = 100000};

	if (setitimer(ITIMER_REAL, &timer, NULL) == -1)
		die("setitimer");
}

/* Microseconds on CLOCK: of the day's, or of our own use of the CPU. */
static long now_us(clockid_t clock)
{
	struct timespec now;

	if (clock_gettime(clock, &now) == -1)
		die("clock_gettime");
	return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Wait for one byte, with poll or without, and say what the wait has cost: the
 * CPU time in microseconds, and in *CALLS how often recv was asked. */
static long cost_of_waiting(int fd, bool use_poll, long *calls)
{
	struct pollfd pfd = {.fd = fd, .events = POLLIN};
	char byte;
	ssize_t n;

	*calls = 0;
	client_speaks_later();
	long wall = now_us(CLOCK_MONOTONIC);
	long cpu = now_us(CLOCK_PROCESS_CPUTIME_ID);
	do {
		if (use_poll && poll(&pfd, 1, PATIENCE) == -1 && errno != EINTR)
			die("poll");
		n = recv(fd, &byte, 1, 0);
		++*calls;
	} while (n == -1 && (errno == EAGAIN || errno == EINTR) &&
		 now_us(CLOCK_MONOTONIC) - wall < PATIENCE * 1000L);
	cpu = now_us(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	wall = now_us(CLOCK_MONOTONIC) - wall;
	if (n == -1)
		die("recv");
	if ((errno = speech_error))
		die("send, in the signal handler");
	note("%-13s %4ld ms, CPU %8.3f ms, recv called %ld time%s",
	     use_poll ? "poll:" : "busy waiting:", wall / 1000,
	     (double)cpu / 1000, *calls, *calls == 1 ? "" : "s");
	return cpu;
}

static void busy_or_poll(int client_fd, int conn_fd)
{
	const struct sigaction action = {.sa_handler = speak};
	struct sigaction watchdog; /* of begin_story: SIGALRM after 60 s */
	long busy_cpu, poll_cpu, asked, asked_after_poll;
	int rounds = 5; /* a busy machine may have no CPU to waste: once more */

	scene("The price of waiting 100 ms: asking again and again, or poll.");
	set_nonblocking("server", conn_fd);
	speaker_fd = client_fd;
	if (sigaction(SIGALRM, &action, &watchdog) == -1)
		die("sigaction");
	do {
		busy_cpu = cost_of_waiting(conn_fd, false, &asked);
		poll_cpu = cost_of_waiting(conn_fd, true, &asked_after_poll);
	} while (busy_cpu <= 2 * poll_cpu && --rounds);
	if (sigaction(SIGALRM, &watchdog, NULL) == -1)
		die("sigaction");
	alarm(60);
	expect(asked > asked_after_poll && busy_cpu > 2 * poll_cpu,
	       "poll sleeps in the kernel: hardly any CPU time");
}

int main(int argc, char *argv[])
{
	int client_fd, conn_fd;

	begin_story(argc, argv, usage);
	accept_and_connect(&client_fd, &conn_fd);
	connect_refused();
	receive();
	send_until_full(client_fd, conn_fd);
	busy_or_poll(client_fd, conn_fd);
	close(client_fd);
	close(conn_fd);
	puts("\nRemember: non-blocking calls never wait, so something else "
	     "must:\n"
	     "poll. It says that a connect has ended; SO_ERROR says how.");
}
