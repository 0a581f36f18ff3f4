/* tcp_reset - the peer does not say goodbye: ECONNRESET, EPIPE, SIGPIPE.
 *
 *   client            server
 *   close    --FIN--> recv = 0      orderly: "I have said all"
 *   abort    --RST--> recv = -1     ECONNRESET: "this connection is gone"
 *   close    --FIN-->
 *            <------- send = n      taken by our kernel, nobody wants it
 *            --RST--> send = -1     EPIPE, and SIGPIPE kills who is not ready
 *
 * Run:    tcp_reset
 * Watch:  which of the ways to leave a connection are resets, and which not
 * Next:   tcp_reuseaddr, what a connection leaves behind
 */
#define _GNU_SOURCE /* for common.h: program_invocation_short_name */

#include <poll.h>     /* poll */
#include <sys/wait.h> /* waitpid */

#include "../story.h"

static const char usage[] = "usage: tcp_reset\n"
			    "Reset connections in every way, and survive it.\n"
			    "example: tcp_reset\n";

static const struct linger now = {.l_onoff = 1, .l_linger = 0};

/* Sleep until the peer's reset is here. It may come a moment after close. */
static void await_reset(int fd)
{
	struct pollfd end = {.fd = fd}; /* errors are reported unasked */

	while (poll(&end, 1, 10000) == -1)
		if (errno != EINTR)
			die("poll");
	if (!(end.revents & POLLERR))
		fputs("no reset came within 10 s\n", stderr);
}

static void slammed_door(void)
{
	int client_fd, conn_fd;
	char buf[1024];
	ssize_t n;

	scene("The client slams the door: with linger 0, close() sends a "
	      "reset.");
	connected_pair(&client_fd, &conn_fd);
	MUST("client",
	     setsockopt(client_fd, SOL_SOCKET, SO_LINGER, &now, sizeof now));
	MUST("client", close(client_fd));

	await_reset(conn_fd);
	n = CALL("server", recv(conn_fd, buf, sizeof buf, 0));
	expect(n == -1 && errno == ECONNRESET, "not an end, an error");
	n = CALL("server", recv(conn_fd, buf, sizeof buf, 0));
	expect(n == 0, "which is told once; then it looks like an end");
	n = CALL("server", send(conn_fd, "hello?", 6, MSG_NOSIGNAL));
	expect(n == -1 && errno == EPIPE, "there is no way back either");
	close(conn_fd);
}

static void unread_data(void)
{
	int client_fd, conn_fd;
	char buf[1024];
	ssize_t n;

	scene("The client closes without having read all that we sent.");
	connected_pair(&client_fd, &conn_fd);
	MUST("server", send(conn_fd, "important", 9, MSG_NOSIGNAL));
	MUST("client", send(client_fd, "bye", 3, MSG_NOSIGNAL));
	MUST("client", close(client_fd));
	await_reset(conn_fd);
	n = CALL("server", recv(conn_fd, buf, sizeof buf, 0));
	expect(n == 3, "what came before the reset is not lost");
	n = CALL("server", recv(conn_fd, buf, sizeof buf, 0));
	expect(n == -1 && errno == ECONNRESET,
	       "its kernel must not say \"I got all\": a reset");
	close(conn_fd);
}

static void killed(void)
{
	int client_fd, conn_fd;
	char buf[1024];
	pid_t child;
	ssize_t n;

	scene("The client is killed with kill -9, and had not read all "
	      "either.");
	connected_pair(&client_fd, &conn_fd);
	child = fork();
	if (child == -1)
		die("fork");
	if (child == 0) /* the client: has the connection, and is killed */
		for (;;)
			pause();
	close(client_fd); /* only the child has it now */

	/* Whatever comes of this, the child is gone after the next two calls.
	 */
	n = CALL("server", send(conn_fd, "important", 9, MSG_NOSIGNAL));
	MUST("parent", kill(child, SIGKILL));
	MUST("parent", waitpid(child, NULL, 0));
	expect(n == 9, "the bytes are in the client's buffer, unread");
	await_reset(conn_fd);
	n = CALL("server", recv(conn_fd, buf, sizeof buf, 0));
	expect(n == -1 && errno == ECONNRESET,
	       "the unread bytes make the reset, not the kill");
	close(conn_fd);
}

static void write_twice(void)
{
	int client_fd, conn_fd;
	char buf[1024];
	ssize_t n;

	scene("The client says goodbye, and we go on talking.");
	connected_pair(&client_fd, &conn_fd);
	MUST("client", close(client_fd));
	n = CALL("server", recv(conn_fd, buf, sizeof buf, 0));
	expect(n == 0, "an orderly end");
	n = CALL("server", send(conn_fd, "one", 3, MSG_NOSIGNAL));
	expect(n == 3, "the first send succeeds: it only fills our buffer");
	await_reset(conn_fd); /* the peer's kernel: nobody here reads that */
	n = CALL("server", send(conn_fd, "two", 3, MSG_NOSIGNAL));
	expect(n == -1 && errno == EPIPE,
	       "the second one is told: broken pipe");
	close(conn_fd);
}

/* A child writes to a connection whose peer is gone, with SIGPIPE as it is by
 * default. It does not live to return its status. */
static void write_carelessly(int conn_fd)
{
	signal(SIGPIPE, SIG_DFL); /* common.h had it ignored */
	if (send(conn_fd, "one", 3, 0) == -1)
		_exit(EXIT_FAILURE);
	await_reset(conn_fd);
	send(conn_fd, "two", 3, 0); /* does not return */
	_exit(EXIT_SUCCESS);
}

static void sigpipe(void)
{
	int client_fd, conn_fd, status = 0;
	pid_t child;
	ssize_t n;

	scene("The same without MSG_NOSIGNAL: the program dies without a "
	      "word.");
	connected_pair(&client_fd, &conn_fd);
	MUST("client", close(client_fd));
	child = fork();
	if (child == -1)
		die("fork");
	if (child == 0)
		write_carelessly(conn_fd);
	MUST("parent", waitpid(child, &status, 0));
	if (WIFSIGNALED(status))
		note("the child was killed by signal %d, %s", WTERMSIG(status),
		     strsignal(WTERMSIG(status)));
	expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE,
	       "its second send killed it: SIGPIPE, no message, no core");

	n = CALL("server", send(conn_fd, "two", 3, MSG_NOSIGNAL));
	expect(n == -1 && errno == EPIPE,
	       "MSG_NOSIGNAL turns the signal into an error one can handle");
	close(conn_fd);
}

/* A client that connects, says WORDS, and if it is rude resets at once. */
static int client(const struct sockaddr *address, const char *words, bool rude)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd == -1)
		die("socket");
	if (connect(fd, address, sizeof(struct sockaddr_in)) == -1)
		die("connect");
	if (send_all(fd, words, strlen(words)) == -1)
		die("send");
	if (!rude)
		return fd;
	if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now))
		die("setsockopt SO_LINGER");
	close(fd);
	return -1;
}

static void the_cure(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	struct sockaddr *any = (struct sockaddr *)&address;
	socklen_t length = sizeof address;
	int resets = 0, served = 0, kind_fd;
	int listen_fd = socket(AF_INET, SOCK_STREAM, 0);

	scene("The cure: an error ends that conversation, never the server.");
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (listen_fd == -1)
		die("socket");
	if (bind(listen_fd, any, length) == -1)
		die("bind");
	if (listen(listen_fd, 5) == -1)
		die("listen");
	if (getsockname(listen_fd, any, &length) == -1)
		die("getsockname");
	client(any, "", true);
	kind_fd = client(any, "hello", false);
	note("two clients called; the first one has reset already");

	for (int turn = 0; turn < 2; turn++) { /* a real server: for ever */
		char buf[1024];
		int conn_fd =
			(int)CALL("server", accept(listen_fd, NULL, NULL));
		if (conn_fd == -1)
			die("accept");
		if (turn == 0)
			await_reset(conn_fd);
		ssize_t n = CALL("server", recv(conn_fd, buf, sizeof buf, 0));
		resets += n == -1 && errno == ECONNRESET;
		if (n > 0)
			served += n ==
				  CALL("server", send(conn_fd, buf, (size_t)n,
						      MSG_NOSIGNAL));
		MUST("server", close(conn_fd));
	}
	expect(resets == 1 && served == 1,
	       "accept knew nothing, recv told; the next client is served");
	close(kind_fd);
	close(listen_fd);
}

int main(int argc, char *argv[])
{
	begin_story(argc, argv, usage);
	slammed_door();
	unread_data();
	killed();
	write_twice();
	sigpipe();
	the_cure();
	puts("\nRemember: -1 with ECONNRESET or EPIPE ends one conversation, "
	     "so "
	     "close it and\nserve the next. Send with MSG_NOSIGNAL, or SIGPIPE "
	     "ends your program.");
	return EXIT_SUCCESS;
}
