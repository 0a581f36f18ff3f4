/* tcp_reuseaddr - bind: Address already in use, and which cures are none.
 *
 *   server closes first:  its port keeps a connection in TIME_WAIT for 60 s,
 *                         and bind to that port fails ...
 *   SO_REUSEADDR          ... unless the old server and the new one both had
 *                         this option, set before their connections and bind
 *
 * Run:    tcp_reuseaddr
 * Watch:  of four ways to start the server again, one works
 * Next:   tcp_backlog, when the port is free and the client hangs
 */
#define _GNU_SOURCE /* for common.h: program_invocation_short_name */

#include <poll.h> /* poll, as a pause */

#include "../story.h"

static const char usage[] =
	"usage: tcp_reuseaddr\n"
	"Start a server again on the port that it has just left.\n"
	"example: tcp_reuseaddr\n";

enum { TIME_WAIT = 6 }; /* the state's number in /proc/net/tcp */

static const int on = 1;

/* The server's address. All of 127.0.0.0/8 is this machine, so we take one that
 * nobody else uses, 127.64.0.0 plus our process id: between two servers of ours
 * nobody else can take the port. */
static struct sockaddr_in address;
static const struct sockaddr *where = (struct sockaddr *)&address;
static socklen_t size = sizeof address;

static int new_socket(bool reuse)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd == -1)
		die("socket");
	if (reuse && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on))
		die("setsockopt SO_REUSEADDR");
	return fd;
}

/* A server that listens on a new port, which address then names. */
static int first_server(bool reuse)
{
	int listen_fd = new_socket(reuse);

	address.sin_family = AF_INET;
	address.sin_port = 0; /* any */
	address.sin_addr.s_addr = htonl(0x7f400000U | (unsigned)getpid());
	if (bind(listen_fd, where, size) == -1)
		die("bind to any port");
	if (getsockname(listen_fd, (struct sockaddr *)&address, &size) == -1)
		die("getsockname");
	if (listen(listen_fd, 1) == -1)
		die("listen");
	return listen_fd;
}

/* A connection from a client to the server, and the client's own address. */
static struct sockaddr_in dial(int listen_fd, int *client_fd, int *conn_fd)
{
	struct sockaddr_in own;
	socklen_t length = sizeof own;

	*client_fd = new_socket(false);
	if (connect(*client_fd, where, size) == -1)
		die("connect");
	if (getsockname(*client_fd, (struct sockaddr *)&own, &length) == -1)
		die("getsockname");
	*conn_fd = accept(listen_fd, NULL, NULL);
	if (*conn_fd == -1)
		die("accept");
	return own;
}

/* The seconds that the connection OWN - PEER still has in TIME_WAIT, or -1 if
 * it is not there. Both ends count: the kernel gives a client's port to
 * connections that lead elsewhere, too. A row of /proc/net/tcp, see proc(5), is
 *    0: 0100407F:1F90 0100007F:A3C4 06 00000000:00000000 03:00001770 ...
 * own address, peer's address, state, queues, and behind the timer's kind the
 * time left in hundredths of a second; in hexadecimal, addresses as s_addr. */
static double time_wait_left(const struct sockaddr_in *own,
			     const struct sockaddr_in *peer)
{
	unsigned from, from_port, to, to_port, state, ticks;
	double left = -1;
	char row[256];
	FILE *table = fopen("/proc/net/tcp", "r");

	if (!table)
		die("open /proc/net/tcp");
	while (left < 0 && fgets(row, sizeof row, table)) {
		/* The kernel writes numbers. NOLINTNEXTLINE(cert-err34-c) */
		if (sscanf(row, " %*u: %X:%X %X:%X %X %*X:%*X %*X:%X", &from,
			   &from_port, &to, &to_port, &state, &ticks) != 6)
			continue; /* the headline */
		if (from == own->sin_addr.s_addr &&
		    from_port == ntohs(own->sin_port) &&
		    to == peer->sin_addr.s_addr &&
		    to_port == ntohs(peer->sin_port) && state == TIME_WAIT)
			left = ticks / (double)sysconf(_SC_CLK_TCK);
	}
	fclose(table);
	return left;
}

/* The same, once there is one: the last segment may be on its way. No call can
 * wait for a state that only the kernel has: look every 50 ms, for 10 s. */
static double await_time_wait(const struct sockaddr_in *own,
			      const struct sockaddr_in *peer)
{
	double left = time_wait_left(own, peer);

	for (int tries = 0; left < 0 && tries < 200; tries++) {
		poll(NULL, 0, 50); /* a pause; if it is cut short, no matter */
		left = time_wait_left(own, peer);
	}
	if (left < 0) {
		errno = ETIMEDOUT;
		die("wait for TIME_WAIT of %s in /proc/net/tcp",
		    address_text(own, sizeof *own).s);
	}
	return left;
}

/* A server has a client, hangs up first, and ends. */
static void server_comes_and_goes(bool reuse)
{
	int listen_fd = first_server(reuse), client_fd, conn_fd;
	struct sockaddr_in client;
	char byte;

	client = dial(listen_fd, &client_fd, &conn_fd);
	close(conn_fd);
	if (recv(client_fd, &byte, 1, 0) != 0)
		die("recv of the end");
	close(client_fd);
	close(listen_fd);
	await_time_wait(&address, &client);
}

static void in_use(void)
{
	int listen_fd, client_fd, conn_fd, new_fd;
	struct sockaddr_in client;
	double left;
	long n, failed;
	char byte;

	scene("The server hangs up first, ends, and is started again.");
	listen_fd = first_server(false);
	client = dial(listen_fd, &client_fd, &conn_fd);
	MUST("server", close(conn_fd));
	n = CALL("client", recv(client_fd, &byte, 1, 0));
	expect(n == 0, "the client hears that, and hangs up, too");
	MUST("client", close(client_fd));
	MUST("server", close(listen_fd));
	left = await_time_wait(&address, &client);

	new_fd = new_socket(false);
	failed = CALL("again", bind(new_fd, where, size));
	expect(failed && errno == EADDRINUSE,
	       "all sockets are closed, and yet the address is in use");
	note("/proc/net/tcp: %s is in TIME_WAIT, for %.1f s more",
	     address_text(&address, size).s, left);
	expect(left > 0 && left <= 61, "by the connection that is over");
	close(new_fd);
}

static void four_ways(void)
{
	scene("SO_REUSEADDR, on the old server and on the new one.");
	for (int way = 0; way < 4; way++) {
		bool old = way & 2, new = way & 1;
		int fd, client_fd, conn_fd;
		long failed;

		server_comes_and_goes(old);
		fd = new_socket(new);
		note("old %s, new %s:", old ? "with" : "without",
		     new ? "with" : "without");
		failed = CALL("again", bind(fd, where, size));
		if (failed && errno != EADDRINUSE)
			die("bind");
		expect(!failed == (old && new),
		       old && new ? "yes: both servers had the option"
				  : "no: both must have it");
		if (!failed) {
			MUST("again", listen(fd, 1));
			dial(fd, &client_fd, &conn_fd);
			note("it listens, and has its first client");
			close(client_fd);
			close(conn_fd);
		}
		close(fd);
	}
}

static void too_late(void)
{
	struct sockaddr_in none = {0};
	socklen_t length = sizeof none;
	long failed;
	int fd;

	scene("The option after bind comes too late.");
	server_comes_and_goes(true);
	fd = new_socket(false);
	failed = CALL("again", bind(fd, where, size));
	expect(failed && errno == EADDRINUSE, "bind looks for it now, ...");
	MUST("again", setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on));
	MUST("again", getsockname(fd, (struct sockaddr *)&none, &length));
	expect(none.sin_port == 0, "... not later: there is still no address");
	MUST("again", bind(fd, where, size));
	note("only another bind helps");
	close(fd);
}

static void live_server(void)
{
	int listen_fd, fd;
	long failed;

	scene("The old server still runs: the option is no way round it.");
	listen_fd = first_server(true);
	fd = new_socket(true);
	failed = CALL("second", bind(fd, where, size));
	expect(failed && errno == EADDRINUSE,
	       "one listens there: no, and rightly so");
	close(listen_fd);
	close(fd);
}

static void client_first(void)
{
	int listen_fd, client_fd, conn_fd, fd;
	struct sockaddr_in client;
	double left;
	char byte;
	long n;

	scene("The client hangs up first: no trouble for the server.");
	listen_fd = first_server(false);
	client = dial(listen_fd, &client_fd, &conn_fd);
	MUST("client", close(client_fd));
	n = CALL("server", recv(conn_fd, &byte, 1, 0));
	expect(n == 0, "the server hears that, and hangs up, too");
	MUST("server", close(conn_fd));
	MUST("server", close(listen_fd));
	left = await_time_wait(&client, &address);

	fd = new_socket(false);
	MUST("again", bind(fd, where, size));
	note("/proc/net/tcp: %s, the client, waits %.1f s",
	     address_text(&client, sizeof client).s, left);
	expect(left > 0 && time_wait_left(&address, &client) < 0,
	       "TIME_WAIT is with the one who closed first");
	close(fd);
}

int main(int argc, char *argv[])
{
	begin_story(argc, argv, usage);
	in_use();
	four_ways();
	too_late();
	live_server();
	client_first();
	puts("\nRemember: every server sets SO_REUSEADDR, and before bind.\n"
	     "It frees the port from connections that are over, never from a\n"
	     "server that runs.");
	return EXIT_SUCCESS;
}
