/* tcp_sendall - did send take it all?
 *
 *   program --send--> [send queue] ==TCP==> [receive queue] --recv--> program
 *                       TIOCOUTQ               FIONREAD
 * What send counted, arrives. What it did not count, only the program has.
 *
 * Watch:  the hole in the message of a program that ignores the count
 * Next:   tcp_nodelay, why many small sends may be slow
 */
#include "../common.h"
#include <sys/ioctl.h> /* TIOCOUTQ, which tcp(7) calls SIOCOUTQ */

enum { PIECE = 100000, ALL = 1 << 20 }; /* bytes; 1 << 20: 1 MiB */

static char message[ALL], heard[ALL + 100];
static int client_fd, conn_fd;

/* Make a connection whose queues are soon full. */
static void small_pair(void)
{
	const int size = 100000; /* bytes; Linux doubles it: see sock_options */

	connected_pair(&client_fd, &conn_fd);
	if (setsockopt(client_fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size) ||
	    setsockopt(conn_fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size))
		die("setsockopt");
}

/* Return how many bytes our kernel still keeps, because they have no ACK. */
static int kept(void)
{
	int bytes = -1;

	if (ioctl(client_fd, TIOCOUTQ, &bytes) == -1)
		die("ioctl");
	return bytes;
}

int main(int argc, char *argv[])
{
	size_t sent = 0;
	int n, all, sends = 0;

	begin_story(argc, argv,
		    "usage: tcp_sendall\n"
		    "Show a short count of send, and what ignoring it does.\n"
		    "example: tcp_sendall\n");
	for (uint32_t i = 0; i < ALL; i++) /* no two parts alike */
		message[i] = (char)(i * 2654435761u >> 24);

	scene("The server does not read. What does send say?");
	small_pair();
	while ((n = CALL("client", send(client_fd, message + sent, PIECE,
					MSG_DONTWAIT))) > 0)
		sent += (size_t)n;
	expect("all, all, a part, -1: the queues are full",
	       n == -1 && errno == EAGAIN && sent > PIECE && sent % PIECE);
	note("%d of these bytes are still in our send queue", kept());
	expect("our kernel keeps them until they are acknowledged", kept() > 0);
	n = CALL("server", recv(conn_fd, heard, sent, MSG_WAITALL));
	expect("all that send counted has arrived",
	       (size_t)n == sent && memcmp(heard, message, sent) == 0);
	for (int ms = 0; ms < 5000 && kept() > 0; ms++)
		usleep(1000); /* the kernel has no event for an ACK */
	expect("acknowledged: our kernel has let them go", kept() == 0);

	scene("The same with a program that ignores the count.");
	small_pair();
	n = CALL("client", send(client_fd, message, ALL, MSG_DONTWAIT));
	expect("a part; the program believes it was all", n > PIECE && n < ALL);
	all = CALL("server", recv(conn_fd, heard, (size_t)n, MSG_WAITALL));
	wait_for(client_fd, POLLOUT); /* now there is room again */
	CALL("client", send(client_fd, "The end.", 8, MSG_DONTWAIT));
	close(client_fd);
	all += CALL("server", recv(conn_fd, heard + n, 100, MSG_WAITALL));
	note("%d bytes are missing, the first at offset %d", ALL - n, n);
	expect("up to there it is right, then comes the end: a hole",
	       all == n + 8 && memcmp(heard, message, (size_t)n) == 0 &&
		       memcmp(heard + n, "The end.", 8) == 0);

	scene("The cure: send the rest again, until there is no rest.");
	small_pair(); /* the server reads what has come, each time */
	for (sent = 0; sent < ALL; sent += (size_t)n, sends++) {
		wait_for(client_fd, POLLOUT); /* sleep until there is room */
		n = CALL("client", send(client_fd, message + sent, ALL - sent,
					MSG_DONTWAIT));
		if (n == -1 ||
		    recv(conn_fd, heard + sent, (size_t)n, MSG_WAITALL) != n)
			die("send or recv");
	}
	expect("the server has it all, without a hole",
	       sends > 1 && memcmp(heard, message, ALL) == 0);
}
