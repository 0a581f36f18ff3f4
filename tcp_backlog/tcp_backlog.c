/* tcp_backlog - the queue in front of accept, and what happens when it is full.
 *
 *   client 1  --SYN-->  [ waits ]  <-- accept takes from here, when the
 *   client 2  --SYN-->  [ waits ]      server has time
 *   client 3  --SYN-->  dropped: no answer, so it is sent again, and again
 *
 * Run:    tcp_backlog, or tcp_backlog 10 for listen(listen_fd, 10)
 * Watch:  nobody is refused; the one too many hangs until there is room
 * Next:   tcp_sendall, what becomes of the bytes once connected
 */
#define _GNU_SOURCE /* for common.h: program_invocation_short_name */

#include <netinet/tcp.h> /* TCP_INFO */
#include <poll.h>	 /* poll */
#include <sys/time.h>	 /* struct timeval */
#include <time.h>	 /* clock_gettime */

#include "../story.h"

static const char usage[] =
	"usage: tcp_backlog [N]\n"
	"Fill the queue of a server that does not accept, then call again.\n"
	"  N  the backlog of listen, 0 to 400 (default: 0, 1, 2, 5 in turn)\n"
	"example: tcp_backlog 10\n";

enum {
	MAX_BACKLOG = 400, /* both ends need descriptors: 1024 */
	PATIENCE = 20,	   /* seconds, for what is bound to happen */
};

static const struct timeval patience = {.tv_sec = PATIENCE};
static const struct timeval limit = {.tv_usec = 200000}; /* 200 ms */

/* A server, how many clients are connected to it, and the client that comes
 * when its queue is full already. */
struct server {
	int listen_fd, backlog, connected, late_fd;
	struct sockaddr_in address;
};

static double now(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_MONOTONIC, &t) == -1)
		die("clock_gettime");
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* What the kernel knows of a TCP socket. Of one that listens, tcpi_unacked is
 * how many wait in its queue, tcpi_sacked its limit (ss: Recv-Q, Send-Q). */
static struct tcp_info info_of(int fd)
{
	struct tcp_info info = {0};
	socklen_t length = sizeof info;

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) == -1)
		die("getsockopt TCP_INFO");
	return info;
}

/* Sleep until FD is connected or has failed, at most MS milliseconds. */
static void await_connection(int fd, int ms)
{
	struct pollfd end = {.fd = fd, .events = POLLOUT};

	if (poll(&end, 1, ms) == -1 && errno != EINTR)
		die("poll");
}

/* A client whose connect is given up after PATIENCE seconds. */
static int new_client(int flags)
{
	int fd = socket(AF_INET, SOCK_STREAM | flags, 0);

	if (fd == -1)
		die("socket");
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience,
		       sizeof patience) == -1)
		die("setsockopt SO_SNDTIMEO");
	return fd;
}

static void new_server(struct server *s, int backlog)
{
	socklen_t length = sizeof s->address;
	struct sockaddr *address = (struct sockaddr *)&s->address;

	s->backlog = backlog;
	s->address.sin_family = AF_INET; /* port 0: any */
	s->address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s->listen_fd = socket(AF_INET, SOCK_STREAM, 0);
	if (s->listen_fd == -1)
		die("socket");
	if (bind(s->listen_fd, address, length) == -1)
		die("bind");
	if (getsockname(s->listen_fd, address, &length) == -1)
		die("getsockname");
}

/* A client is connected once it has the server's SYN+ACK; the server's queue
 * grows a moment later, with the client's ACK. Wait until it holds QUEUED. */
static void await_queue(int listen_fd, unsigned queued)
{
	double end = now() + PATIENCE;

	while (info_of(listen_fd).tcpi_unacked < queued) {
		if (now() > end) {
			errno = ETIMEDOUT;
			die("wait for %u in the queue", queued);
		}
		poll(NULL, 0, 1); /* a pause; if it is cut short, no matter */
	}
}

/* One more client connects; returns once QUEUED of them wait for accept. */
static void connect_one(const struct server *s, unsigned queued)
{
	const struct sockaddr *to = (const struct sockaddr *)&s->address;
	int failed, fd = new_client(0);

	do
		failed = connect(fd, to, sizeof s->address);
	while (failed && errno == EINTR); /* Ctrl-Z and fg: wait on */
	if (failed)
		die("connect, to be no. %u in the queue", queued);
	await_queue(s->listen_fd, queued);
}

static void queues(struct server *servers, int count)
{
	bool one_more = true, cut = false;

	scene("Servers that listen, but do not accept: who gets through?");
	for (struct server *s = servers; s < servers + count; s++) {
		int listen_fd = s->listen_fd, n = s->backlog;
		struct tcp_info queue;

		MUST("server", listen(listen_fd, n));
		do {
			connect_one(s, (unsigned)++s->connected);
			queue = info_of(listen_fd);
		} while (queue.tcpi_unacked <= queue.tcpi_sacked);
		note("n = %d: %d connected, %u in the queue, its limit is %u",
		     n, s->connected, queue.tcpi_unacked, queue.tcpi_sacked);
		one_more &= s->connected == (int)queue.tcpi_sacked + 1;
		cut |= (int)queue.tcpi_sacked < n;
	}
	if (cut)
		note("(net.core.somaxconn allows no more)");
	expect(one_more, "the kernel connects them, one more than the limit");
}

/* How many late clients have had no answer yet. */
static int still_calling(const struct server *servers, int count)
{
	int calling = 0;

	for (int i = 0; i < count; i++)
		if (info_of(servers[i].late_fd).tcpi_state == TCP_SYN_SENT)
			calling++;
	return calling;
}

/* How far a late client is: TCP_INFO counts how often it repeated its SYN. */
static void report(int late_fd, double start)
{
	struct tcp_info late = info_of(late_fd);
	const char *state = "neither SYN_SENT nor ESTABLISHED";

	if (late.tcpi_state == TCP_SYN_SENT)
		state = "SYN_SENT";
	if (late.tcpi_state == TCP_ESTABLISHED)
		state = "ESTABLISHED";
	note("after %.1f s: SYN sent %u times, state %s", now() - start,
	     late.tcpi_total_retrans + 1, state);
}

/* One client too many at each server; the moment in which they called. */
static double one_too_many(struct server *servers, int count)
{
	unsigned seen = 0;
	int through = 0;
	double start = now(), waited = 0;

	scene("The queue is full, and one more client calls.");
	for (struct server *s = servers; s < servers + count; s++) {
		const struct sockaddr *to = (struct sockaddr *)&s->address;
		socklen_t size = sizeof s->address;
		int fd = new_client(SOCK_NONBLOCK);
		long failed = CALL("client", connect(fd, to, size));

		if (failed && errno != EINPROGRESS)
			die("connect to a full queue");
		through += failed == 0;
		s->late_fd = fd;
	}

	/* See the SYN repeated twice: after 1 s and after 2. Older kernels let
	 * 3 s pass before the second time, so once is enough after 2.5 s. */
	while (still_calling(servers, 1) && waited < PATIENCE && seen < 2 &&
	       (seen < 1 || waited < 2.5)) {
		unsigned before = seen;

		await_connection(servers->late_fd, 50);
		seen = info_of(servers->late_fd).tcpi_total_retrans;
		if (seen != before)
			report(servers->late_fd, start);
		waited = now() - start;
	}
	expect(!through && seen > 0 && still_calling(servers, count) == count,
	       "not connected, not refused: its SYN is dropped, and repeated");
	return start;
}

static void accept_one(struct server *servers, int count, double start)
{
	int listen_fd = servers->listen_fd, late_fd = servers->late_fd;
	struct tcp_info late;

	scene("The server's cure: accept. That makes room for one.");
	MUST("server", accept(listen_fd, NULL, NULL));
	do {
		await_connection(late_fd, 50);
		late = info_of(late_fd);
	} while (late.tcpi_state == TCP_SYN_SENT && now() - start < PATIENCE);
	report(late_fd, start);
	expect(late.tcpi_state == TCP_ESTABLISHED &&
		       late.tcpi_total_retrans > 0,
	       "no error in between: a repeated SYN got in");
	await_queue(listen_fd, (unsigned)servers->connected); /* full again */
	if (count > 1)
		expect(still_calling(servers + 1, count - 1) == count - 1,
		       "where nobody accepts, the late clients wait on");
}

static void limited_connect(const struct server *s)
{
	const struct sockaddr *to = (const struct sockaddr *)&s->address;
	socklen_t size = sizeof s->address;
	int fd = new_client(0);
	double start, waited;
	long failed;

	scene("The client's cure: a limit to its patience.");
	note("the queue is full again; limit = 200 ms");
	MUST("client",
	     setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit));
	start = now();
	do
		failed = CALL("client", connect(fd, to, size));
	while (failed && errno == EINTR); /* Ctrl-Z and fg: wait on */
	waited = now() - start;
	/* EALREADY: the same, for a connect that had been interrupted. */
	if (failed && errno != EINPROGRESS && errno != EALREADY)
		die("connect with a limit");
	note("given up after %.2f s", waited);
	expect(failed && waited > 0.1, "still calling, but we wait no longer");
	close(fd); /* now it does not call any more */
}

static void clients_in_turn(struct server *s)
{
	int conn_fds[MAX_BACKLOG + 11], all = s->connected + 10, connected = 0;

	scene("Who has been accepted does not count any more.");
	for (int i = 0; i < all; i++) {
		if (i >= s->connected) /* all who waited are in: one more */
			connect_one(s, 1);
		conn_fds[i] = accept(s->listen_fd, NULL, NULL);
		if (conn_fds[i] == -1)
			die("accept");
	}
	for (int i = 0; i < all; i++)
		if (info_of(conn_fds[i]).tcpi_state == TCP_ESTABLISHED)
			connected++;
	note("n = %d: %d more accepted, %d are connected", s->backlog, all,
	     connected);
	expect(connected == all, "all stay connected, more than the backlog");
}

int main(int argc, char *argv[])
{
	static const int backlogs[] = {0, 1, 2, 5};
	struct server servers[4] = {0};
	int option, count = 0;

	begin(usage);
	if ((option = getopt(argc, argv, "+:h")) != -1)
		common_option(option);
	if (argc - optind > 1)
		wrong_use("'%s' is too much", argv[optind + 1]);
	watch_story();

	if (argv[optind])
		new_server(
			&servers[count++],
			(int)parse_number("N", argv[optind], 0, MAX_BACKLOG));
	else
		for (; count < 4; count++)
			new_server(&servers[count], backlogs[count]);

	queues(servers, count);
	accept_one(servers, count, one_too_many(servers, count));
	limited_connect(&servers[0]);
	clients_in_turn(&servers[0]);
	puts("\nRemember: the backlog is how many may wait for accept, not\n"
	     "how many may come. When it is full Linux does not refuse: the\n"
	     "client hangs until there is room.");
	return EXIT_SUCCESS;
}
