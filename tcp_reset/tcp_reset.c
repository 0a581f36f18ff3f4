/* tcp_reset - what if the peer does not say goodbye?
 *
 *   client              server
 *   close   --FIN-->    recv = 0              "I have said all"
 *   abort   --RST-->    recv = -1 ECONNRESET  "this connection is no more"
 *
 * Watch:  which ways to leave are a reset, and which are not
 * Next:   tcp_sigpipe, what if we send to a peer that is gone
 */
#include "../common.h"
#include <sys/wait.h>

static const struct linger now = {.l_onoff = 1, .l_linger = 0};
static int client_fd, conn_fd, n;
static char buf[100];

static void killed(void)
{
	int status = 0;

	connected_pair(&client_fd, &conn_fd);
	pid_t child = fork(); /* a copy of this process: see tcp_fork */
	if (child == -1)
		die("fork");
	if (child == 0) { /* the client: it waits for an answer */
		close(conn_fd);
		recv(client_fd, buf, sizeof buf, 0);
		_exit(1);
	}
	close(client_fd); /* now the child has the only copy */
	CALL("shell", kill(child, SIGKILL));
	n = CALL("server", recv(conn_fd, buf, sizeof buf, 0));
	if (waitpid(child, &status, 0) == -1)
		die("waitpid");
	expect("killed, yet an orderly end: its kernel closed",
	       n == 0 && WTERMSIG(status) == SIGKILL);
	close(conn_fd);
}

int main(int argc, char *argv[])
{
	struct sockaddr_in address;
	int listen_fd, rude_fd, kind_fd;

	begin_story(argc, argv,
		    "usage: tcp_reset\n"
		    "Reset a connection in three ways, and survive it.\n"
		    "example: tcp_reset\n");

	scene("The client slams the door: with linger 0, close is a reset.");
	connected_pair(&client_fd, &conn_fd);
	CALL("client",
	     setsockopt(client_fd, SOL_SOCKET, SO_LINGER, &now, sizeof now));
	CALL("client", close(client_fd));
	n = CALL("server", recv(conn_fd, buf, sizeof buf, 0));
	expect("not an end, an error", n == -1 && errno == ECONNRESET);
	n = CALL("server", recv(conn_fd, buf, sizeof buf, 0));
	expect("reported once; then recv returns 0, as at an end", n == 0);

	scene("kill -9 alone is no reset. Unread bytes make one.");
	killed();
	connected_pair(&client_fd, &conn_fd);
	n = CALL("server", send(conn_fd, "important", 9, MSG_NOSIGNAL));
	expect("9 bytes are on their way", n == 9);
	wait_for(client_fd, POLLIN); /* it has arrived, unread */
	CALL("client", close(client_fd));
	n = CALL("server", recv(conn_fd, buf, sizeof buf, 0));
	expect("unread bytes: its kernel must not say \"I have read all\"",
	       n == -1 && errno == ECONNRESET);

	scene("A server survives a reset. When it ends, it makes one.");
	listen_fd = bound_socket(&address);
	if (listen(listen_fd, 5) == -1)
		die("listen");
	rude_fd = dial(&address);
	kind_fd = dial(&address);
	if (setsockopt(rude_fd, SOL_SOCKET, SO_LINGER, &now, sizeof now) == -1)
		die("setsockopt SO_LINGER");
	CALL("rude", close(rude_fd));
	/* accept does not know that this client is gone; recv tells. */
	conn_fd = CALL("server", accept(listen_fd, NULL, NULL));
	n = CALL("server", recv(conn_fd, buf, sizeof buf, 0));
	expect("the cure: an error ends this conversation, not the server",
	       n == -1 && errno == ECONNRESET);
	close(conn_fd);
	conn_fd = CALL("server", accept(listen_fd, NULL, NULL));
	CALL("server", send(conn_fd, "hello", 5, MSG_NOSIGNAL));
	n = CALL("kind", recv(kind_fd, buf, sizeof buf, 0));
	expect("so the next client is served", n == 5);
	client_fd = dial(&address);
	wait_for(listen_fd, POLLIN); /* the connection waits for accept */
	CALL("server", close(listen_fd));
	n = CALL("client", recv(client_fd, buf, sizeof buf, 0));
	expect("nobody had accepted this connection, and now nobody will",
	       n == -1 && errno == ECONNRESET);
}
