/* tcp_server - how does a server answer?
 *
 *   socket - bind - listen    once: buy a phone, put in the SIM, switch it on
 *      accept <----------+    connection loop: pick up, one caller at a time
 *         recv <--+      |    communication loop: hear and answer ...
 *         send ---+      |
 *      close ------------+    ... until the caller hangs up
 *
 * Watch:  a second client is connected at once, yet served only after the first
 * Next:   tcp_client, the other end of the line
 */
#include "../common.h"

static const char usage[] =
	"usage: tcp_server [-q] [HOST [PORT]]\n"
	"Answer in upper case, one client at a time, until Ctrl-C.\n"
	"  -q         quiet: print the ready line and errors only\n"
	"  HOST PORT  where to listen (default 127.0.0.1 8080: reached from\n"
	"             this machine only; 0.0.0.0 or :: is every interface,\n"
	"             port 0 any free port)\n"
	"example: tcp_server ::1 9000\n";

/* Print what a client says, up to 40 bytes of it. */
static void show(const char *peer, const char *bytes, size_t n)
{
	if (quiet)
		return;
	printf("%s says \"", peer);
	print_safe(bytes, n < 40 ? n : 40);
	printf("\"%s (%zu byte%s)\n", n > 40 ? "..." : "", n,
	       n == 1 ? "" : "s");
}

/* Print what became of a client. */
static void report(const char *peer, const char *what)
{
	if (!quiet)
		printf("%s %s\n", peer, what);
	check_output();
}

int main(int argc, char *argv[])
{
	char **operands = begin(argc, argv, "+hq", usage);
	struct addrinfo *own = address_of(operands);
	struct sockaddr_storage address;
	static char buf[256 * 1024];
	const int on = 1;

	/* 1. A TCP socket that has no address yet: we bought a phone. */
	int listen_fd = socket(own->ai_family, SOCK_STREAM, 0);
	if (listen_fd == -1)
		die("socket");

	/* 2. After a restart the port is ours again: see tcp_reuseaddr. */
	if (setsockopt(listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on))
		die("setsockopt SO_REUSEADDR");

	/* 3. The socket gets its address: the SIM card is in. */
	if (bind(listen_fd, own->ai_addr, own->ai_addrlen) == -1)
		die("bind");

	/* 4. The phone is on. From here the kernel takes calls by itself and
	 *    lets a few of them wait until we pick up: see tcp_backlog. */
	if (listen(listen_fd, 5) == -1)
		die("listen");
	announce(listen_fd, own);

	for (;;) {
		/* 5. Sleep until somebody calls. The call is a new socket;
		 *    the listening one goes on listening. */
		socklen_t length = sizeof address;
		int conn_fd =
			accept(listen_fd, (struct sockaddr *)&address, &length);
		if (conn_fd == -1) {
			if (errno == EINTR)
				continue;
			/* No memory or no descriptor (EMFILE): the caller
			 * still waits. To ask at once would burn the CPU. */
			complain("accept", "a client");
			sleep(1);
			continue;
		}
		const char *peer = address_text(&address, length);
		report(peer, "connected");

		/* 6. Hear and answer, until the conversation is over. */
		for (;;) {
			ssize_t n = recv(conn_fd, buf, sizeof buf, 0);
			if (n == 0) { /* not "nothing yet": the end */
				report(peer, "hung up (end of stream)");
				break;
			}
			if (n == -1 && errno == EINTR)
				continue;
			if (n == -1) { /* this client's end, not ours */
				complain("recv from", peer);
				break;
			}
			show(peer, buf, (size_t)n);
			upper_case(buf, (size_t)n);
			if (send_all(conn_fd, buf, (size_t)n) == -1) {
				complain("send to", peer);
				break;
			}
		}

		/* 7. Hang up. The next caller has waited for this. */
		close(conn_fd);
	}
}
