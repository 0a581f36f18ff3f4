/* tcp_server - a connection loop around a communication loop.
 *
 *   socket - bind - listen    once: buy a phone, put in the SIM, switch it on
 *      accept <----------+    connection loop: pick up, one caller at a time
 *         recv <--+      |    communication loop: hear and answer ...
 *         send ---+      |
 *      close ------------+    ... until the caller hangs up
 *
 * Run:    tcp_server, and tcp_client in a second terminal (or make demo-tcp)
 * Watch:  a second client is connected at once, yet served only after the first
 * Next:   tcp_client, the other end of the line
 */
#define _GNU_SOURCE /* for common.h: program_invocation_short_name */

#include <netinet/tcp.h> /* TCP_NODELAY */
#include <poll.h>	 /* poll, as a pause */

#include "../conversation.h"

static const char usage[] =
	"usage: tcp_server [-b BACKLOG] [-q] [HOST [PORT]]\n"
	"Answer in upper case, one client at a time, until Ctrl-C.\n"
	"  -b BACKLOG  connections that may wait for accept (default 5)\n"
	"  -q          quiet: print the ready line and errors only\n"
	"  HOST PORT   where to listen (default 127.0.0.1 8080: reached\n"
	"              from this machine only; 0.0.0.0 or :: is every\n"
	"              interface, port 0 any free port)\n"
	"example: tcp_server ::1 9000\n";

static bool quiet;

/* Hear and answer until the conversation is over, however it ends. */
static void communicate(int conn_fd, const char *peer)
{
	static char buf[64 * 1024];

	for (;;) {
		ssize_t n = recv(conn_fd, buf, sizeof buf, 0);

		/* Not "nothing yet": the peer has closed its end (FIN). */
		if (n == 0) {
			if (!quiet)
				printf("%s hung up (end of stream)\n", peer);
			return;
		}
		if (n == -1 && errno == EINTR) /* a signal came first */
			continue;

		/* ECONNRESET, as a rule: the peer has aborted (RST). */
		if (n == -1) {
			complain("recv from %s", peer);
			return;
		}

		if (!quiet)
			printf("%s says %s (%zd byte%s)\n", peer,
			       quoted(buf, (size_t)n).s, n, n == 1 ? "" : "s");
		upper_case(buf, (size_t)n);
		if (send_all(conn_fd, buf, (size_t)n) == -1) {
			complain("send to %s", peer);
			return;
		}
	}
}

/* bind or listen has failed: say it, and what helps. */
static void no_address(const char *call, const char *host, const char *port)
{
	complain("%s %s port %s", call, host, port);
	if (errno == EADDRINUSE)
		fprintf(stderr,
			"hint: see who has that port: ss -ltnp 'sport = :%s'\n"
			"hint: or take another one: tcp_server %s %ld\n",
			port, host, strtol(port, NULL, 10) % 65535 + 1);
	if (errno == EADDRNOTAVAIL)
		fputs("hint: this machine has no such address; those it has: "
		      "ip -brief address\n",
		      stderr);
	if (errno == EACCES)
		fputs("hint: ports below 1024 take privilege\n", stderr);
	exit(EXIT_FAILURE);
}

/* From nothing to a listening socket. */
static int start_listening(const char *host, const char *port, int backlog)
{
	struct addrinfo *where = resolve(host, port, SOCK_STREAM);
	const int on = 1;

	/* 1. A TCP socket that has no address yet: we bought a phone. */
	int listen_fd = socket(where->ai_family, where->ai_socktype, 0);
	if (listen_fd == -1)
		die("socket");

	/* 2. Our predecessor's connections, which the kernel still remembers,
	 *    must not keep us from its port: see tcp_reuseaddr. */
	if (setsockopt(listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on))
		die("setsockopt SO_REUSEADDR");

	/*    Sockets from accept inherit this one. An answer that leaves in
	 *    several small segments would wait 40 ms for each of them (Nagle's
	 *    algorithm meets delayed ACK): see tcp_nodelay. */
	if (setsockopt(listen_fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on))
		die("setsockopt TCP_NODELAY");

	/* 3. The socket has its address: the SIM card is in. */
	if (bind(listen_fd, where->ai_addr, where->ai_addrlen) == -1)
		no_address("bind to", host, port);

	/* 4. The phone is on: from here the kernel completes handshakes by
	 *    itself and queues the connections for accept: see tcp_backlog.
	 *    Of two servers started at once, one may get as far as this. */
	if (listen(listen_fd, backlog) == -1)
		no_address("listen on", host, port);

	freeaddrinfo(where);
	return listen_fd;
}

/* One turn of the connection loop: pick up, talk, hang up. */
static void serve_one(int listen_fd)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof address;
	struct text peer;

	/* 6. Sleep until a connection is in the queue, and take it out, as a
	 *    new socket. The listening socket only ever listens. */
	int conn_fd = accept(listen_fd, (struct sockaddr *)&address, &length);
	if (conn_fd == -1) {
		if (errno == EINTR)
			return;
		if (errno == EBADF || errno == EINVAL)
			die("accept"); /* our own mistake: it would not end */
		complain("accept");
		/* ECONNABORTED: that client is gone. EMFILE, ENOMEM, ...: it
		 * stays in the queue, and no event says when there is room
		 * again. Trying at once would burn the CPU, so rest first. */
		if (errno != ECONNABORTED)
			poll(NULL, 0, 100);
		return;
	}
	peer = address_text(&address, length);

	length = sizeof address;
	if (getsockname(conn_fd, (struct sockaddr *)&address, &length) == -1)
		complain("getsockname");
	else if (!quiet)
		printf("%s connected to %s\n", peer.s,
		       address_text(&address, length).s);

	/* 7. Talk, then hang up. */
	communicate(conn_fd, peer.s);
	close(conn_fd);
}

int main(int argc, char *argv[])
{
	const char *host = "127.0.0.1", *port = "8080";
	struct sockaddr_storage address;
	socklen_t length = sizeof address;
	long backlog = 5;
	int option, listen_fd;

	begin(usage);
	while ((option = getopt(argc, argv, "+:b:hq")) != -1) {
		if (option == 'b')
			backlog = parse_number("BACKLOG", optarg, 0, 65535);
		else if (option == 'q')
			quiet = true;
		else
			common_option(option);
	}
	host_and_port(argv + optind, &host, &port, 0);

	listen_fd = start_listening(host, port, (int)backlog);
	leave_on_signals();

	/* 5. Ready. If we asked for port 0, the kernel has chosen one. */
	if (getsockname(listen_fd, (struct sockaddr *)&address, &length) == -1)
		die("getsockname");
	printf("listening on %s\n", address_text(&address, length).s);
	if (strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0)
		puts("on every interface: other machines can connect");

	for (;;)
		serve_one(listen_fd);
}
