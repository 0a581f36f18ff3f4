/* tcp_nodelay - where do 40 ms come from?
 *
 *   client                            server: five small sends, one answer
 *     <---------------- piece 1 ----  nothing is on its way: it leaves
 *   "my ACK can wait a little"        "piece 1 has no ACK: the others wait"
 *     -- ACK, 40 ms later --------->
 *     <---------- pieces 2 to 5 ----
 *
 * Watch:  five sends in the first millisecond, four pieces 40 ms later
 * Next:   tcp_halfclose, to have said all and still listen
 */
#include "../common.h"
#include <netinet/tcp.h> /* TCP_NODELAY, TCP_QUICKACK, TCP_MAXSEG */
#include <sys/ioctl.h>
#include <time.h>

enum { PIECE = 100, ANSWER = 5 * PIECE, MOST = 1000 }; /* bytes, bytes, ms */

static const int on = 1, off = 0, cut = 255, mended = 0;
static int client_fd, conn_fd, ms; /* ms: when all of the answer had come */
static char buf[4000];

/* Return the bytes that the server's kernel took from send and holds back. */
static int held_back(void)
{
	int bytes = -1;

	if (ioctl(conn_fd, 0x894B, &bytes) == -1) /* SIOCOUTQNSD, of Linux */
		die("ioctl SIOCOUTQNSD");
	return bytes;
}

/* Return the milliseconds since START. */
static int since(struct timespec start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int)(now.tv_sec - start.tv_sec) * 1000 +
	       (int)(now.tv_nsec - start.tv_nsec) / 1000000;
}

/* The server answers in so many sends. Print when: a column is 1 ms, a digit
 * how many sends, or pieces that came, there were by then. HURRY: the client's
 * ACK leaves at once. Return the bytes held back after the last send. */
static int answer(int sends, int nodelay, int hurry)
{
	char rows[2][MOST];
	struct timespec start;

	memset(rows, '.', sizeof rows);
	connected_pair(&client_fd, &conn_fd);
	/* off: like a client that has talked for a while. The first ACKs of
	 * a connection leave at once: a test with one message shows nothing. */
	if (setsockopt(client_fd, IPPROTO_TCP, TCP_QUICKACK, &off, sizeof on) ||
	    setsockopt(conn_fd, IPPROTO_TCP, TCP_NODELAY, &nodelay, sizeof on))
		die("setsockopt");
	clock_gettime(CLOCK_MONOTONIC, &start);
	for (int i = 1; i <= sends; i++) {
		if (send(conn_fd, buf, ANSWER / (size_t)sends, 0) == -1)
			die("send");
		rows[0][since(start) % MOST] = (char)('0' + i);
	}
	int held = held_back();
	for (size_t heard = 0; heard < ANSWER;) {
		ssize_t n = recv(client_fd, buf, sizeof buf, 0);
		if (n <= 0 || setsockopt(client_fd, IPPROTO_TCP, TCP_QUICKACK,
					 &hurry, sizeof hurry) == -1)
			die("recv or setsockopt");
		heard += (size_t)n;
		ms = since(start);
		rows[1][ms % MOST] = (char)('0' + heard / PIECE);
	}
	note("         ms: 0         10        20        30        40");
	note("sends       |%.60s|", rows[0]);
	note("pieces came |%.60s|", rows[1]);
	return held;
}

int main(int argc, char *argv[])
{
	struct sockaddr_in address;
	int listen_fd, n, mss = 1000; /* bytes: the largest segment */
	socklen_t length = sizeof mss;

	begin_story(argc, argv,
		    "usage: tcp_nodelay\n"
		    "Show what a delayed ACK costs, and cures.\n"
		    "example: tcp_nodelay\n");

	scene("An answer of 500 bytes, in five sends of 100.");
	expect("the first piece leaves, the other four are held back",
	       answer(5, off, off) == 400);
	expect("one wait for all four: the client's ACK takes some 40 ms",
	       ms >= 30 && ms < 500);
	note("The same with a client whose kernel acknowledges at once:");
	expect("so it was the ACK", answer(5, off, on) == 400 && ms < 30);

	scene("The cures: one large send, or TCP_NODELAY.");
	expect("one large send: nothing waits", answer(1, off, off) == 0);
	expect("TCP_NODELAY: nothing waits", answer(5, on, off) == 0);

	scene("No ACK comes. What exactly does Linux hold back?");
	listen_fd = bound_socket(&address);
	CALL("server", setsockopt(listen_fd, IPPROTO_TCP, TCP_MAXSEG, &mss, 4));
	if (listen(listen_fd, 1) == -1)
		die("listen");
	client_fd = dial(&address);
	conn_fd = CALL("server", accept(listen_fd, NULL, NULL));
	CALL("server",
	     getsockopt(conn_fd, IPPROTO_TCP, TCP_MAXSEG, &mss, &length));
	CALL("cable", setsockopt(conn_fd, IPPROTO_IP, IP_MINTTL, &cut, 4));
	CALL("server", send(conn_fd, buf, 2 * (size_t)mss, 0));
	n = CALL("server", send(conn_fd, buf, 100, 0));
	expect("a small one leaves behind full ones", n == 100 && !held_back());
	n = CALL("server", send(conn_fd, buf, 100, 0));
	expect("but none behind a small one", n == 100 && held_back() == 100);
	if (setsockopt(conn_fd, IPPROTO_IP, IP_MINTTL, &mended, 4) == -1)
		die("setsockopt");
}
