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
#include <sys/prctl.h>
#include <sys/wait.h>

static const struct linger now = {.l_onoff = 1, .l_linger = 0};
static int client_fd, conn_fd, listen_fd, n;
static struct sockaddr_in address;
static char buf[100];

/* Leave FD to a process of its own, and kill that: then its kernel closes FD. */
static void kill_the_owner(int fd)
{
	int status = 0;
	pid_t child = fork();

	if (child == -1)
		die("fork");
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* if we end first */
		for (;;)
			pause();
	}
	close(fd); /* now the child has the only copy */
	if (CALL("parent", kill(child, SIGKILL)) == -1 ||
	    waitpid(child, &status, 0) == -1 || WTERMSIG(status) != SIGKILL)
		die("kill or waitpid");
}

static void by_the_kernel(void)
{
	scene("kill -9 alone is no reset. Three times the kernel makes one itself.");
	connected_pair(&client_fd, &conn_fd);
	kill_the_owner(client_fd);
	n = CALL("server", recv(conn_fd, buf, sizeof buf, 0));
	expect("killed, yet an orderly end: its kernel closed", n == 0);

	connected_pair(&client_fd, &conn_fd);
	n = CALL("server", send(conn_fd, "important", 9, MSG_NOSIGNAL));
	expect("9 bytes are on their way", n == 9);
	wait_for(client_fd, POLLIN); /* it has arrived, unread */
	kill_the_owner(client_fd);
	n = CALL("server", recv(conn_fd, buf, sizeof buf, 0));
	expect("unread bytes: its kernel must not say \"I have read all\"",
	       n == -1 && errno == ECONNRESET);

	listen_fd = bound_socket(&address);
	if (listen(listen_fd, 5) == -1)
		die("listen");
	client_fd = dial(&address);
	wait_for(listen_fd, POLLIN); /* the connection waits for accept */
	CALL("server", close(listen_fd));
	n = CALL("client", recv(client_fd, buf, sizeof buf, 0));
	expect("nobody had accepted this connection, and now nobody will",
	       n == -1 && errno == ECONNRESET);

	connected_pair(&client_fd, &conn_fd);
	CALL("server", shutdown(conn_fd, SHUT_RDWR));
	CALL("client", send(client_fd, "hello", 5, MSG_NOSIGNAL));
	wait_for(conn_fd, POLLERR);
	n = CALL("server", recv(conn_fd, buf, sizeof buf, 0));
	expect("bytes came after SHUT_RDWR: a reset, and recv here reports it",
	       n == -1 && errno == ECONNRESET);
}

int main(int argc, char *argv[])
{
	int rude_fd, kind_fd, resets = 0;

	begin_story(argc, argv,
		    "usage: tcp_reset\n"
		    "Reset a connection in four ways, and survive it.\n"
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

	by_the_kernel();

	scene("The cure: an error ends that conversation, never the server.");
	listen_fd = bound_socket(&address);
	if (listen(listen_fd, 5) == -1)
		die("listen");
	rude_fd = dial(&address);
	kind_fd = dial(&address);
	if (setsockopt(rude_fd, SOL_SOCKET, SO_LINGER, &now, sizeof now) == -1)
		die("setsockopt SO_LINGER");
	CALL("rude", close(rude_fd));
	CALL("kind", send(kind_fd, "hello", 5, MSG_NOSIGNAL));
	for (int client = 0; client < 2; client++) { /* a server: for ever */
		conn_fd = CALL("server", accept(listen_fd, NULL, NULL));
		n = CALL("server", recv(conn_fd, buf, sizeof buf, 0));
		if (n == -1) {
			expect("accept did not know, recv tells: the next, please",
			       errno == ECONNRESET);
			resets++;
		} else if (send_all(conn_fd, buf, (size_t)n) == -1) {
			complain("send to", "a client"); /* no die either */
		}
		close(conn_fd);
	}
	n = CALL("kind", recv(kind_fd, buf, sizeof buf, 0));
	expect("the next client got its answer", n == 5 && resets == 1);
}
