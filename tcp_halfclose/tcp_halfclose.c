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

static const char question[] = "pear apple fig\n";
static int client_fd, conn_fd, n;
static char buf[100];

/* Does the kernel come to have these ends of one connection in these states? It
 * has no event for that, so look again, for 5 s at most: see tcp_close. */
static bool in_states(int fd, int state, int peer_fd, int peer_state)
{
	struct tcp_info info, peer;
	socklen_t length = sizeof info;

	for (int ms = 0; ms < 5000; ms++) {
		if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) ||
		    getsockopt(peer_fd, IPPROTO_TCP, TCP_INFO, &peer, &length))
			die("getsockopt TCP_INFO");
		if (info.tcpi_state == state && peer.tcpi_state == peer_state)
			return true;
		usleep(1000);
	}
	return false;
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
	snprintf(buf, sizeof buf, "%d bytes", heard);
	n = CALL("server", send(conn_fd, buf, strlen(buf), MSG_NOSIGNAL));
}

static void with_close(void)
{
	scene("With close: the server hears the end, the client nothing.");
	connected_pair(&client_fd, &conn_fd);
	CALL("client", send(client_fd, question, strlen(question), 0));
	CALL("client", close(client_fd));
	answer();
	expect("the server can answer ...", n == 8);
	n = CALL("client", recv(client_fd, buf, sizeof buf, 0));
	expect("... but the client has no ear left", n == -1 && errno == EBADF);
	wait_for(conn_fd, POLLERR); /* nobody is there: a reset comes back */
	n = CALL("server", send(conn_fd, "hello?", 6, MSG_NOSIGNAL));
	expect("the first send was a success, and still its bytes are lost",
	       n == -1 && errno == EPIPE);
	close(conn_fd);
}

static void with_shutdown(void)
{
	int heard;

	scene("With shutdown: \"I have said all, and still listen.\"");
	connected_pair(&client_fd, &conn_fd);
	CALL("client", send(client_fd, question, strlen(question), 0));
	n = CALL("client", shutdown(client_fd, SHUT_WR));
	expect("half closed: we are in FIN_WAIT_2, the server in CLOSE_WAIT",
	       n == 0 && in_states(client_fd, TCP_FIN_WAIT2, conn_fd,
				   TCP_CLOSE_WAIT));
	n = CALL("client", send(client_fd, "more", 4, MSG_NOSIGNAL));
	expect("the client has promised to be quiet",
	       n == -1 && errno == EPIPE);
	answer();
	CALL("server", close(conn_fd));
	heard = CALL("client", recv(client_fd, buf, sizeof buf, MSG_WAITALL));
	n = CALL("client", recv(client_fd, buf, sizeof buf, 0));
	expect("the whole answer, and its end",
	       heard == 8 && n == 0 && memcmp(buf, "15 bytes", 8) == 0);
	close(client_fd);
}

static void forgotten_copy(void)
{
	int copy_fd;

	scene("A copy of the descriptor: close ends nothing, shutdown does.");
	connected_pair(&client_fd, &conn_fd);
	copy_fd = CALL("client", dup(client_fd)); /* as fork makes one */
	CALL("client", close(client_fd));
	n = CALL("server", recv(conn_fd, buf, sizeof buf, MSG_DONTWAIT));
	expect("no end: the connection lives as long as one descriptor",
	       n == -1 && errno == EAGAIN &&
		       in_states(copy_fd, TCP_ESTABLISHED, conn_fd,
				 TCP_ESTABLISHED));
	CALL("client", shutdown(copy_fd, SHUT_WR));
	bool ended = in_states(copy_fd, TCP_FIN_WAIT2, conn_fd, TCP_CLOSE_WAIT);
	n = CALL("server", recv(conn_fd, buf, sizeof buf, MSG_DONTWAIT));
	expect("shutdown ends it, although the copy is still open",
	       n == 0 && ended);
}

int main(int argc, char *argv[])
{
	begin_story(argc, argv,
		    "usage: tcp_halfclose\n"
		    "Show the difference between close and shutdown.\n"
		    "example: tcp_halfclose\n");
	with_close();
	with_shutdown();
	forgotten_copy();
}
