/* tcp_halfclose - "I have said all, and still listen"
 *
 *   client                  server: counts bytes, so it needs the end first
 *     -- pear apple fig -->
 *     -- FIN ------------->   recv = 0: the question is complete
 *     <------- 15 bytes ---   this way is still open
 *     <------------- FIN --   now both are closed
 *
 * Watch:  close loses the answer, shutdown keeps it
 * Next:   tcp_fdopen, whether fgets and fprintf will do for a socket
 */
#include "../common.h"
#include <netinet/tcp.h> /* TCP_INFO, TCP_FIN_WAIT2 */

static int client_fd, conn_fd, n;
static char buf[100];

/* Return the state of this end of a connection: see tcp_close. */
static int state(int fd)
{
	struct tcp_info info;
	socklen_t length = sizeof info;

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) == -1)
		die("getsockopt TCP_INFO");
	return info.tcpi_state;
}

/* The server hears the question to its end, and then answers how long it is. */
static void answer(void)
{
	int heard = 0;

	do {
		n = CALL("server", recv(conn_fd, buf, sizeof buf, 0));
		heard += n;
	} while (n > 0);
	expect("0: the question is complete", n == 0 && heard == 15);
	CALL("server", send(conn_fd, "15 bytes", 8, MSG_NOSIGNAL));
}

int main(int argc, char *argv[])
{
	begin_story(argc, argv,
		    "usage: tcp_halfclose\n"
		    "Show the difference between close and shutdown.\n"
		    "example: tcp_halfclose\n");

	scene("With close: the server hears the end, the client nothing.");
	connected_pair(&client_fd, &conn_fd);
	CALL("client", send(client_fd, "pear apple fig\n", 15, 0));
	CALL("client", close(client_fd));
	answer();
	n = CALL("client", recv(client_fd, buf, sizeof buf, 0));
	expect("the client has no ear left", n == -1 && errno == EBADF);
	wait_for(conn_fd, POLLERR); /* nobody is there: a reset comes back */
	n = CALL("server", send(conn_fd, "hello?", 6, MSG_NOSIGNAL));
	expect("the first send was a success, and still its bytes are lost",
	       n == -1 && errno == EPIPE);
	close(conn_fd);

	scene("With shutdown: \"I have said all, and still listen.\"");
	connected_pair(&client_fd, &conn_fd);
	CALL("client", send(client_fd, "pear apple fig\n", 15, 0));
	CALL("client", shutdown(client_fd, SHUT_WR));
	n = CALL("client", send(client_fd, "more", 4, MSG_NOSIGNAL));
	expect("the client has promised to be quiet",
	       n == -1 && errno == EPIPE);
	answer();
	n = CALL("client", recv(client_fd, buf, 8, MSG_WAITALL));
	expect("it hears the whole answer",
	       n == 8 && memcmp(buf, "15 bytes", 8) == 0);
	expect("half closed: we are in FIN_WAIT_2, the server in CLOSE_WAIT",
	       state(client_fd) == TCP_FIN_WAIT2 &&
		       state(conn_fd) == TCP_CLOSE_WAIT);
	CALL("server", close(conn_fd));
	n = CALL("client", recv(client_fd, buf, sizeof buf, 0));
	expect("and the end of the answer", n == 0);
	close(client_fd);

	scene("A copy of the descriptor: close ends nothing, shutdown does.");
	connected_pair(&client_fd, &conn_fd);
	int copy_fd = CALL("client", dup(client_fd)); /* as fork makes one */
	CALL("client", close(client_fd));
	n = CALL("server", recv(conn_fd, buf, sizeof buf, MSG_DONTWAIT));
	expect("no end: the connection lives as long as one descriptor",
	       n == -1 && errno == EAGAIN && state(copy_fd) == TCP_ESTABLISHED);
	CALL("client", shutdown(copy_fd, SHUT_WR));
	n = CALL("server", recv(conn_fd, buf, sizeof buf, 0));
	expect("shutdown ends it, although the copy is still open", n == 0);
}
