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

enum { TIME_WAIT = 6, PATIENCE = 200 }; /* in /proc/net/tcp; times 50 ms */

static const int on = 1;

/* The server's address. All of 127.0.0.0/8 is this machine: one of our own
 * keeps the port free for us between two servers, whoever else runs. */
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

/* The seconds that a connection in TIME_WAIT still has, from /proc/net/tcp; -1
 * if it is not there. Both ends count: the kernel gives a client's port to
 * other connections, too, if they lead elsewhere. A row there, see proc(5): 0:
 * 0100007F:1F90 0100007F:A3C4 06 00000000:00000000 03:00001770 ... own end peer
 * state    queues      timer:ticks */
static double time_wait_left(const struct sockaddr_in *own,
			     const struct sockaddr_in *peer)
{
	char row[256], wanted[48], *place;
	double left = -1;
	FILE *table = fopen("/proc/net/tcp", "r");

	if (!table)
		die("open /proc/net/tcp");
	snprintf(wanted, sizeof wanted, ": %08X:%04X %08X:%04X ",
		 own->sin_addr.s_addr, ntohs(own->sin_port),
		 peer->sin_addr.s_addr, ntohs(peer->sin_port));
	while (left < 0 && fgets(row, sizeof row, table)) {
		place = strchr(row, ':');
		if (!place || strncmp(place, wanted, strlen(wanted)) != 0)
			continue;
		place += strlen(wanted);
		if (strtoul(place, &place, 16) != TIME_WAIT)
			continue;
		place = strchr(place, ':'); /* in the queues */
		place = place ? strchr(place + 1, ':') : NULL; /* the timer */
		if (place)
			left = (double)strtoul(place + 1, NULL, 16) /
			       (double)sysconf(_SC_CLK_TCK);
	}
	fclose(table);
	return left;
}

/* The same, once there is one: the last segment may be on its way. */
static double await_time_wait(const struct sockaddr_in *own,
			      const struct sockaddr_in *peer)
{
	double left = time_wait_left(own, peer);

	for (int i = 0; left < 0 && i < PATIENCE; i++) {
		poll(NULL, 0, 50); /* best effort: a pause */
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
	char byte;
	double left;

	scene("The server hangs up first, ends, and is started again.");
	listen_fd = first_server(false);
	client = dial(listen_fd, &client_fd, &conn_fd);
	MUST("server", close(conn_fd));
	MUST("client", recv(client_fd, &byte, 1, 0));
	MUST("client", close(client_fd));
	MUST("server", close(listen_fd));
	left = await_time_wait(&address, &client);

	new_fd = new_socket(false);
	long failed = CALL("again", bind(new_fd, where, size));
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
	expect(failed && errno == EADDRINUSE, "one listens there: no, and "
					      "rightly so");
	close(listen_fd);
	close(fd);
}

static void client_first(void)
{
	int listen_fd, client_fd, conn_fd, fd;
	struct sockaddr_in client;
	char byte;

	scene("The client hangs up first: no trouble for the server.");
	listen_fd = first_server(false);
	client = dial(listen_fd, &client_fd, &conn_fd);
	MUST("client", close(client_fd));
	MUST("server", recv(conn_fd, &byte, 1, 0));
	MUST("server", close(conn_fd));
	MUST("server", close(listen_fd));
	double left = await_time_wait(&client, &address);

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
	puts("\nRemember: every server sets SO_REUSEADDR, always, and before "
	     "bind. It lets\nit have its port back from the dead, never from "
	     "the living.");
	return EXIT_SUCCESS;
}
