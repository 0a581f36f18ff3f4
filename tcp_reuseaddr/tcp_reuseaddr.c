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
#include <netinet/tcp.h>

static const int on = 1;
static struct sockaddr_in server, client;
static const struct sockaddr *where = (struct sockaddr *)&server;
static socklen_t size = sizeof server;
static int n, new_fd, second_fd;

/* Return a TCP socket, with SO_REUSEADDR or without. */
static int new_socket(bool reuse)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd == -1)
		die("socket");
	if (reuse && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on))
		die("setsockopt SO_REUSEADDR");
	return fd;
}

/* Return the state of OWN's end of the connection to PEER, or 0. A line of
 * /proc/net/tcp is in hexadecimal: number, own address, peer's, state ... */
static int state_of(struct sockaddr_in *own, struct sockaddr_in *peer)
{
	FILE *table = fopen("/proc/net/tcp", "r");
	char line[200], ends[40], *found = NULL;

	if (!table)
		die("open /proc/net/tcp");
	snprintf(ends, sizeof ends, "%08X:%04X %08X:%04X ",
		 own->sin_addr.s_addr, ntohs(own->sin_port),
		 peer->sin_addr.s_addr, ntohs(peer->sin_port));
	while (!found && fgets(line, sizeof line, table))
		found = strstr(line, ends);
	fclose(table);
	return found ? (int)strtol(found + strlen(ends), NULL, 16) : 0;
}

/* A server comes, has a client, and goes; one of the two hangs up first. */
static void old_server(bool reuse, bool server_first)
{
	struct sockaddr_in *own = server_first ? &server : &client;
	struct sockaddr_in *peer = server_first ? &client : &server;
	int listen_fd = new_socket(reuse), conn_fd, client_fd, looks = 0;
	char byte;

	close(bound_socket(&server)); /* a free port of a host of our own */
	if (bind(listen_fd, where, size) == -1 || listen(listen_fd, 1) == -1)
		die("bind or listen");
	client_fd = dial(&server);
	conn_fd = accept(listen_fd, (struct sockaddr *)&client, &size);
	if (conn_fd == -1)
		die("accept");

	int first_fd = server_first ? conn_fd : client_fd;
	int other_fd = server_first ? client_fd : conn_fd;
	n = CALL(server_first ? "server" : "client", close(first_fd));
	if (recv(other_fd, &byte, 1, 0) != 0) /* hears the end, and ... */
		die("recv");
	close(other_fd); /* ... hangs up, too */
	close(listen_fd);
	/* The last segment may need a moment: look again until it is there. */
	while ((state_of(own, peer) != TCP_TIME_WAIT ||
		(!server_first && state_of(peer, own))) &&
	       looks++ < 500)
		poll(NULL, 0, 10);
	expect("its end stays, in TIME_WAIT", n == 0 && looks < 500);
}

int main(int argc, char *argv[])
{
	static const char *const claims[] = {
		"neither server set SO_REUSEADDR: in use",
		"only the new server sets it: in use",
		"only the old server had set it: in use",
		"both set it: bound, and it listens",
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
		n = CALL("again", bind(new_fd, where, size));
		if (n == 0)
			n = CALL("again", listen(new_fd, 1));
		expect(claims[way],
		       way == 3 ? n == 0 : n == -1 && errno == EADDRINUSE);
	}

	scene("Now one listens there: SO_REUSEADDR lets no second one in.");
	second_fd = new_socket(true);
	n = CALL("second", bind(second_fd, where, size));
	expect("both set it, and yet: in use", n == -1 && errno == EADDRINUSE);
	CALL("again", close(new_fd));
	n = CALL("second", bind(second_fd, where, size));
	expect("it has ended: now the second one may have it", n == 0);

	scene("The client hangs up first; no server sets the option.");
	old_server(false, false);
	new_fd = new_socket(false);
	n = CALL("again", bind(new_fd, where, size));
	expect("what is in TIME_WAIT is the client's port", n == 0);
}
