/* tcp_halfclose - shutdown: "I have said all, I still listen".
 *
 *   client                  server (sorts lines: needs the last one first)
 *     -- pear apple fig -->
 *     -- FIN ------------->   recv = 0: the question is complete
 *     <-- apple fig pear --   this way is still open
 *     <------------- FIN --   now both are closed
 *
 * Run:    tcp_halfclose
 * Watch:  FIN-WAIT-2 and CLOSE-WAIT, the two halves of one connection
 * Next:   tcp_timeout, to wait, but not for ever
 */
#define _GNU_SOURCE /* for common.h: program_invocation_short_name */

#include <netinet/tcp.h> /* TCP_INFO, TCP_FIN_WAIT2 */
#include <poll.h>	 /* poll */
#include <sys/ioctl.h>	 /* FIONREAD */

#include "../story.h"

static const char usage[] =
	"usage: tcp_halfclose\n"
	"Show the difference between close and shutdown of a connection.\n"
	"example: tcp_halfclose\n";

enum { SIZE = 1024 };
enum { PATIENCE = 20000 }; /* ms: what takes longer on loopback, has failed */

static const char question[] = "pear\napple\nfig\n";
static const char answer[] = "apple\nfig\npear\n";

/* What the kernel says about the connection that FD is an end of. */
static int state(int fd)
{
	struct tcp_info info;
	socklen_t length = sizeof info;

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) == -1)
		die("getsockopt TCP_INFO");
	return info.tcpi_state;
}

static const char *state_name(int fd)
{
	switch (state(fd)) {
	case TCP_ESTABLISHED:
		return "ESTABLISHED";
	case TCP_FIN_WAIT1:
		return "FIN-WAIT-1";
	case TCP_FIN_WAIT2:
		return "FIN-WAIT-2";
	case TCP_CLOSE_WAIT:
		return "CLOSE-WAIT";
	default:
		return "another state";
	}
}

static void show_states(int client_fd, int conn_fd)
{
	note("the client is in %s, the server in %s", state_name(client_fd),
	     state_name(conn_fd));
}

/* A pause of 1 ms, in a wait for what the kernel has no event for. */
static void pause_1ms(void)
{
	if (poll(NULL, 0, 1) == -1 && errno != EINTR)
		die("poll");
}

static void wait_for_state(int fd, int wanted)
{
	for (int ms = 0; ms < PATIENCE && state(fd) != wanted; ms++)
		pause_1ms();
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The lines of TEXT, sorted, in SORTED; its length. Both have SIZE bytes. */
static size_t sort_lines(char *text, char *sorted)
{
	char *lines[SIZE] = {NULL};
	size_t n = 0, used = 0;

	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		lines[n++] = line;
	qsort(lines, n, sizeof lines[0], by_text);
	for (size_t i = 0; i < n; i++)
		used += (size_t)sprintf(sorted + used, "%s\n", lines[i]);
	return used;
}

/* The server: hear the question to its end; only then it can be answered. */
static size_t hear_question(int conn_fd, char sorted[SIZE])
{
	char text[SIZE - 1]; /* a last newline may be missing */
	size_t heard = 0;
	ssize_t n;

	do {
		n = CALL("server", recv(conn_fd, text + heard,
					sizeof text - 1 - heard, 0));
		heard += n > 0 ? (size_t)n : 0;
	} while (n > 0 || (n == -1 && errno == EINTR));
	if (n == -1)
		die("recv");
	text[heard] = '\0';
	expect(heard == strlen(question), "0: the question is complete");
	return sort_lines(text, sorted);
}

static void with_close(void)
{
	char sorted[SIZE], buf[SIZE];
	int client_fd, conn_fd;
	struct pollfd end = {0}; /* POLLERR and POLLHUP come unasked */
	size_t length;
	ssize_t n;

	scene("With close: the server hears the end, "
	      "the client hears nothing.");
	connected_pair(&client_fd, &conn_fd);
	MUST("client", send(client_fd, question, strlen(question), 0));
	MUST("client", close(client_fd));
	length = hear_question(conn_fd, sorted);
	n = CALL("server", send(conn_fd, sorted, length, MSG_NOSIGNAL));
	expect(n == (ssize_t)length, "the server can answer ...");
	/* For show. In a real program another file may have that number now. */
	n = CALL("client", recv(client_fd, buf, sizeof buf, 0));
	expect(n == -1 && errno == EBADF, "... but the client has no ear left");

	/* Nobody has the other end: its kernel answers with a reset. */
	end.fd = conn_fd;
	while (poll(&end, 1, PATIENCE) == -1)
		if (errno != EINTR)
			die("poll");
	n = CALL("server", send(conn_fd, "hello?", 6, MSG_NOSIGNAL));
	expect(n == -1 && errno == EPIPE,
	       "the first send was a success, and still its bytes are lost");
	close(conn_fd);
}

static void with_shutdown(void)
{
	char sorted[SIZE], buf[SIZE];
	int client_fd, conn_fd;
	size_t length, heard = 0;
	ssize_t n;

	scene("With shutdown: \"I have said all, I still listen.\"");
	connected_pair(&client_fd, &conn_fd);
	MUST("client", send(client_fd, question, strlen(question), 0));
	MUST("client", shutdown(client_fd, SHUT_WR));
	wait_for_state(client_fd, TCP_FIN_WAIT2);
	show_states(client_fd, conn_fd);
	expect(state(client_fd) == TCP_FIN_WAIT2 &&
		       state(conn_fd) == TCP_CLOSE_WAIT,
	       "one way is closed, the other is open: half closed");
	n = CALL("client", send(client_fd, "more", 4, MSG_NOSIGNAL));
	expect(n == -1 && errno == EPIPE,
	       "the client has promised to be quiet");

	length = hear_question(conn_fd, sorted);
	MUST("server", send(conn_fd, sorted, length, 0));
	MUST("server", close(conn_fd));
	do {
		n = CALL("client",
			 recv(client_fd, buf + heard, sizeof buf - heard, 0));
		heard += n > 0 ? (size_t)n : 0;
	} while (n > 0 || (n == -1 && errno == EINTR));
	note("client heard %s", quoted(buf, heard).s);
	expect(n == 0 && heard == strlen(answer) &&
		       memcmp(buf, answer, heard) == 0,
	       "the whole answer, and its end");
	close(client_fd);
}

static void shut_rd(void)
{
	int client_fd, conn_fd, arrived = 0;
	char buf[SIZE];
	ssize_t n;

	scene("What SHUT_RD does not do: it tells the server nothing.");
	connected_pair(&client_fd, &conn_fd);
	MUST("client", shutdown(client_fd, SHUT_RD));
	n = CALL("client", recv(client_fd, buf, sizeof buf, 0));
	expect(n == 0, "the client's own recv says: the end");
	show_states(client_fd, conn_fd);
	n = CALL("server", send(conn_fd, "still there?", 12, MSG_NOSIGNAL));
	expect(n == 12 && state(conn_fd) == TCP_ESTABLISHED,
	       "but the server's kernel has not heard of it");
	for (int ms = 0; ms < PATIENCE && arrived < 12; ms++) {
		if (ioctl(client_fd, FIONREAD, &arrived) == -1)
			die("ioctl FIONREAD");
		if (arrived < 12)
			pause_1ms();
	}
	n = CALL("client", recv(client_fd, buf, sizeof buf, 0));
	expect(n == 12, "on Linux even what arrives now can be read");
	close(client_fd);
	close(conn_fd);
}

static void leaked_copy(void)
{
	int client_fd, conn_fd, copy_fd;
	char buf[SIZE];
	ssize_t n;

	scene("A copy that nobody thinks of: "
	      "close ends nothing, shutdown does.");
	connected_pair(&client_fd, &conn_fd);
	/* fork makes such a copy of each descriptor for the child. */
	copy_fd = (int)CALL("client", dup(client_fd));
	if (copy_fd == -1)
		die("dup");
	MUST("client", close(client_fd));
	show_states(copy_fd, conn_fd);
	n = CALL("server", recv(conn_fd, buf, sizeof buf, MSG_DONTWAIT));
	expect(n == -1 && errno == EAGAIN && state(copy_fd) == TCP_ESTABLISHED,
	       "no end: the connection lives as long as one descriptor");

	MUST("client", shutdown(copy_fd, SHUT_WR));
	wait_for_state(copy_fd, TCP_FIN_WAIT2);
	show_states(copy_fd, conn_fd);
	n = CALL("server", recv(conn_fd, buf, sizeof buf, 0));
	expect(n == 0, "shutdown is for the connection, whoever has copies");
	close(copy_fd);
	close(conn_fd);
}

int main(int argc, char *argv[])
{
	begin_story(argc, argv, usage);
	with_close();
	with_shutdown();
	shut_rd();
	leaked_copy();
	puts("\n"
	     "Remember: shutdown(fd, SHUT_WR) ends what you say, "
	     "and you can still listen.\n"
	     "close gives up both, "
	     "but only when it closes the last copy of the descriptor.");
	return EXIT_SUCCESS;
}
