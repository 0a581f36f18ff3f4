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

/* Sleep until EVENT of poll(2) is true of FD; POLLERR means: reset. What a call
 * makes the other end's kernel do may take a moment more than the call. */
static void await(int fd, short event)
{
	struct pollfd wanted = {.fd = fd, .events = event};

	while (poll(&wanted, 1, 10000) == -1)
		if (errno != EINTR)
			die("poll");
	if (!(wanted.revents & event)) {
		errno = ETIMEDOUT;
		die("scene %d: wait for %s", scene_number,
		    event == POLLERR ? "the reset" : "data");
	}
}

static void slammed_door(void)
{
	int client_fd, conn_fd;
	char buf[1024];
	ssize_t n;

	scene("The client slams the door: with linger 0, close is a reset.");
	connected_pair(&client_fd, &conn_fd);
	MUST("client",
	     setsockopt(client_fd, SOL_SOCKET, SO_LINGER, &now, sizeof now));
	MUST("client", close(client_fd));

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
	await(client_fd, POLLIN); /* it is in the client's buffer, unread */
	MUST("client", send(client_fd, "bye", 3, MSG_NOSIGNAL));
	MUST("client", close(client_fd));
	await(conn_fd, POLLERR);
	n = CALL("server", recv(conn_fd, buf, sizeof buf, 0));
	expect(n == 3, "what came before the reset is not lost");
	n = CALL("server", recv(conn_fd, buf, sizeof buf, 0));
	expect(n == -1 && errno == ECONNRESET,
	       "its kernel must not say \"I got all\": a reset");
	close(conn_fd);
}

static void killed(void)
{
	int client_fd, conn_fd, status = 0;
	char buf[1024];
	pid_t child;
	ssize_t n;

	scene("The client is killed with kill -9, and had unread data, too.");
	connected_pair(&client_fd, &conn_fd);
	MUST("server", send(conn_fd, "important", 9, MSG_NOSIGNAL));
	await(client_fd, POLLIN);
	child = fork();
	if (child == -1)
		die("fork");
	if (child == 0) { /* the client: reads nothing, and is killed */
		struct pollfd end = {.fd = client_fd, .events = POLLRDHUP};
		close(conn_fd);
		poll(&end, 1, -1); /* returns if we die first */
		_exit(EXIT_SUCCESS);
	}
	close(client_fd); /* the child has a copy, and now the only one */

	MUST("parent", kill(child, SIGKILL));
	MUST("parent", waitpid(child, &status, 0));
	expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
	       "killed, with 9 bytes unread in its buffer");
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
	await(conn_fd, POLLERR); /* the peer's kernel: nobody is here */
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
	await(conn_fd, POLLERR);
	send(conn_fd, "two", 3, 0); /* does not return */
	_exit(EXIT_SUCCESS);
}

static void sigpipe(void)
{
	int client_fd, conn_fd, status = 0;
	pid_t child;
	ssize_t n;

	scene("The same without MSG_NOSIGNAL: the program just disappears.");
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

/* A listening socket, and its address: see tcp_server. */
static int listening(struct sockaddr_in *address)
{
	socklen_t length = sizeof *address;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd == -1)
		die("socket");
	*address = (struct sockaddr_in){.sin_family = AF_INET}; /* any port */
	address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (struct sockaddr *)address, length) == -1)
		die("bind");
	if (listen(fd, 5) == -1)
		die("listen");
	if (getsockname(fd, (struct sockaddr *)address, &length) == -1)
		die("getsockname");
	return fd;
}

static int connected(const struct sockaddr_in *server)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd == -1)
		die("socket");
	if (connect(fd, (struct sockaddr *)server, sizeof *server) == -1)
		die("connect");
	return fd;
}

/* One turn of a server that survives: 0, or the error of the conversation. */
static int serve_one(int listen_fd)
{
	char buf[1024];
	int error = 0;

	int conn_fd = (int)CALL("server", accept(listen_fd, NULL, NULL));
	if (conn_fd == -1)
		die("accept");
	ssize_t n = CALL("server", recv(conn_fd, buf, sizeof buf, 0));
	if (n > 0)
		n = CALL("server", send(conn_fd, buf, (size_t)n, MSG_NOSIGNAL));
	if (n == -1) /* not die: the others know nothing of this */
		error = errno;
	MUST("server", close(conn_fd));
	return error;
}

static void the_cure(void)
{
	struct sockaddr_in address;
	char buf[1024];
	int listen_fd, rude_fd, kind_fd, error;
	ssize_t n;

	scene("The cure: an error ends that conversation, never the server.");
	listen_fd = listening(&address);
	rude_fd = connected(&address);
	kind_fd = connected(&address);
	MUST("rude",
	     setsockopt(rude_fd, SOL_SOCKET, SO_LINGER, &now, sizeof now));
	MUST("rude", close(rude_fd));
	MUST("kind", send(kind_fd, "hello", 5, MSG_NOSIGNAL));

	/* A real server does this for ever, in a loop. */
	error = serve_one(listen_fd);
	expect(error == ECONNRESET, "accept knew nothing, recv told");
	error = serve_one(listen_fd);
	n = CALL("kind", recv(kind_fd, buf, sizeof buf, 0));
	expect(error == 0 && n == 5, "and the next client is served");
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
	puts("\nRemember: -1 with ECONNRESET or EPIPE ends one conversation:\n"
	     "close it and serve the next client. Send with MSG_NOSIGNAL, or\n"
	     "SIGPIPE ends your program.");
	return EXIT_SUCCESS;
}
