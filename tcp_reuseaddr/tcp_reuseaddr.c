/* tcp_reuseaddr - why is the address in use?
 *
 *   server                   client
 *   close    ---- FIN ---->
 *            <--- FIN -----  close
 *   TIME_WAIT, 60 s          forgets at once
 *
 * Watch:  of four ways to start a TCP server again, one works
 * Next:   tcp_fork, a process for each client
 */
#include "../common.h"

static struct sockaddr_in server;
static const struct sockaddr *where = (struct sockaddr *)&server;
static int n, new_fd, second_fd;

/* Return a TCP socket, with SO_REUSEADDR (1) or without (0). */
static int new_socket(int reuse)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof reuse))
		die("socket or setsockopt");
	return fd;
}

/* A server comes, has a client, and goes; one of the two hangs up first. Its
 * end stays in TIME_WAIT. */
static void old_server(int reuse, bool server_first)
{
	const struct linger wait = {.l_onoff = 1, .l_linger = 5}; /* seconds */
	int listen_fd = new_socket(reuse), conn_fd, client_fd;

	close(bound_socket(&server)); /* a free port, here */
	if (bind(listen_fd, where, sizeof server) == -1 ||
	    listen(listen_fd, 1) == -1)
		die("bind or listen");
	client_fd = dial(&server);
	conn_fd = accept(listen_fd, NULL, NULL);
	if (conn_fd == -1)
		die("accept");
	close(listen_fd);

	int first_fd = server_first ? conn_fd : client_fd;
	int other_fd = server_first ? client_fd : conn_fd;
	CALL(server_first ? "server" : "client", close(first_fd));
	wait_for(other_fd, POLLRDHUP); /* hears the end, and ... */
	/* ... hangs up, too. With SO_LINGER, close waits until its FIN has an
	 * ACK. So now there is no socket left, and yet the kernel remembers. */
	if (setsockopt(other_fd, SOL_SOCKET, SO_LINGER, &wait, sizeof wait) ||
	    close(other_fd))
		die("setsockopt or close");
}

int main(int argc, char *argv[])
{
	static const char *const claims[] = {
		"neither server set SO_REUSEADDR: in use",
		"only the new server sets it: in use",
		"only the old server had set it: in use",
		"both set it: bound",
	};

	begin_story(argc, argv,
		    "usage: tcp_reuseaddr\n"
		    "Start a TCP server again on the port that it has left.\n"
		    "example: tcp_reuseaddr\n");

	scene("The server hangs up first, ends, and is started again.");
	for (int way = 0; way < 4; way++) {
		if (way % 2 == 0)
			old_server(way == 2, true);
		new_fd = new_socket(way % 2);
		n = CALL("again", bind(new_fd, where, sizeof server));
		expect(claims[way],
		       way == 3 ? n == 0 : n == -1 && errno == EADDRINUSE);
	}

	scene("Now one listens there: SO_REUSEADDR lets no second one in.");
	CALL("again", listen(new_fd, 1));
	second_fd = new_socket(1);
	n = CALL("second", bind(second_fd, where, sizeof server));
	expect("both set it, and yet: in use", n == -1 && errno == EADDRINUSE);
	CALL("again", close(new_fd));
	n = CALL("second", bind(second_fd, where, sizeof server));
	expect("it has ended: now the second one may have it", n == 0);

	scene("The client hangs up first; no server sets the option.");
	old_server(0, false);
	new_fd = new_socket(0);
	int bound = CALL("again", bind(new_fd, where, sizeof server));
	expect("what the kernel remembers is the client's port", bound == 0);
}
