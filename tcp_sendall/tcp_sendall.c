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
#include <sys/ioctl.h> /* FIONREAD; TIOCOUTQ, which tcp(7) calls SIOCOUTQ */
#include <sys/wait.h>

enum { PIECE = 100000, HALF = 8 << 20, ALL = 2 * HALF }; /* 8 << 20: 8 MiB */

static unsigned char message[ALL], heard[ALL];
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

/* Do both queues come to hold N bytes together? The kernel has no event for
 * that, so look again, for 5 s at most. */
static bool queues_hold(int n)
{
	int queued = -1, arrived = -1;

	for (int ms = 0; ms < 5000 && queued + arrived != n; ms++) {
		usleep(1000);
		if (ioctl(client_fd, TIOCOUTQ, &queued) == -1 ||
		    ioctl(conn_fd, FIONREAD, &arrived) == -1)
			die("ioctl");
	}
	note("send queue: %d bytes; receive queue: %d bytes", queued, arrived);
	return queued + arrived == n;
}

static void short_count(void)
{
	size_t sent = 0, full = 0;
	int n;

	scene("The server does not read. What does send say?");
	small_pair();
	while ((n = CALL("client", send(client_fd, message + sent, PIECE,
					MSG_DONTWAIT))) > 0) {
		sent += (size_t)n;
		full += n == PIECE;
	}
	expect("all, all, a part, -1: the queues are full",
	       n == -1 && errno == EAGAIN && full > 0 && sent > full * PIECE);
	expect("together: what send counted", queues_hold((int)sent));
	n = CALL("server", recv(conn_fd, heard, sent, MSG_WAITALL));
	expect("acknowledged: our kernel has let it go", queues_hold(0));
	expect("all that send counted has arrived",
	       (size_t)n == sent && memcmp(heard, message, sent) == 0);
}

int main(int argc, char *argv[])
{
	int n, all, sends = 0, status = -1;
	size_t at = 0;

	begin_story(argc, argv,
		    "usage: tcp_sendall\n"
		    "Show a short count of send, and what ignoring it does.\n"
		    "example: tcp_sendall\n");
	for (uint32_t i = 0; i < ALL; i++) /* no two parts alike */
		message[i] = (unsigned char)(i * 2654435761u >> 24);
	short_count();

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
	small_pair();
	pid_t child = fork(); /* the server, which reads to the end */
	if (child == -1)
		die("fork");
	if (child == 0) {
		close(client_fd); /* or the end would never come: tcp_fork */
		if (recv(conn_fd, heard, ALL, MSG_WAITALL) == -1)
			die("recv");
		_exit(memcmp(heard, message, ALL) != 0);
	}
	for (ssize_t sent; at < HALF; at += (size_t)sent) {
		sent = send(client_fd, message + at, HALF - at, MSG_DONTWAIT);
		if (sent == -1 && errno != EAGAIN)
			die("send");
		if (sent == -1) { /* sleep until there is room */
			wait_for(client_fd, POLLOUT);
			sent = 0;
		}
		sends++;
	}
	note("8 MiB, and the loop called send %d times", sends);
	n = CALL("client", send(client_fd, message + at, HALF, 0));
	expect("a send that may wait has this loop inside", n == HALF);
	n = CALL("client", waitpid(child, &status, 0));
	expect("the server read it all", n == child && !status && sends > 1);
}
