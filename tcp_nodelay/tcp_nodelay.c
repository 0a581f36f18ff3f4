/* tcp_nodelay - where do 40 ms come from?
 *
 *   client                            server: five small sends, one answer
 *     <---------------- piece 1 ----  nothing is on its way: it leaves
 *   "my ACK can wait a little"        "piece 1 has no ACK: the others wait"
 *     -- ACK, 40 ms later --------->
 *     <---------- pieces 2 to 5 ----
 *
 * Watch:  what the kernel holds back; one piece at once, four 40 ms later
 * Next:   tcp_halfclose, to have said all and still listen
 */
#include "../common.h"
#include <netinet/tcp.h> /* TCP_NODELAY, TCP_QUICKACK */
#include <sys/ioctl.h>
#include <time.h>

enum { ANSWER = 500, NOT_SENT = 0x894B }; /* bytes; Linux' SIOCOUTQNSD */

static const int on = 1, off = 0;
static int held, last; /* bytes: held back; of the last recv */
static struct timespec start;

/* Ask the kernel how many bytes it has from send and holds back: look up to
 * LOOKS times, 1 ms apart, until there are none. */
static void look(int fd, int looks)
{
	do
		if (ioctl(fd, NOT_SENT, &held) == -1)
			die("ioctl SIOCOUTQNSD");
	while (held > 0 && --looks > 0 && poll(NULL, 0, 1) != -1);
}

/* Return the milliseconds since START. */
static int passed(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now); /* with this one it cannot fail */
	return (int)(now.tv_sec - start.tv_sec) * 1000 +
	       (int)(now.tv_nsec - start.tv_nsec) / 1000000;
}

/* Print them, and a star in that column. */
static int axis(int bytes, const char *what)
{
	int ms = passed();

	note("%3d ms |%*s %d bytes %s", ms, ms < 47 ? ms + 2 : 48, "*", bytes,
	     what);
	return ms;
}

/* The server answers in so many sends, with TCP_NODELAY or without. HURRY: the
 * client's ACK leaves at once. Return when all had come, in milliseconds. */
static int answer(int sends, bool nodelay, bool hurry)
{
	int client_fd, conn_fd, ms = 0, heard = 0;
	char buf[ANSWER] = "x";

	do { /* again, if a busy machine took so long that an ACK may be here */
		connected_pair(&client_fd, &conn_fd);
		/* off: like a client that has talked for a while. The first
		 * ACKs leave at once: a test with one message shows nothing. */
		if (setsockopt(client_fd, IPPROTO_TCP, TCP_QUICKACK, &off,
			       sizeof off))
			die("setsockopt TCP_QUICKACK");
		if (nodelay &&
		    CALL("server", setsockopt(conn_fd, IPPROTO_TCP, TCP_NODELAY,
					      &on, sizeof on)))
			die("setsockopt TCP_NODELAY");
		clock_gettime(CLOCK_MONOTONIC, &start);
		for (int i = 0; i < sends; i++)
			if (send(conn_fd, buf, (size_t)(ANSWER / sends), 0) ==
			    -1)
				die("send");
		look(conn_fd, 1);
	} while (!nodelay && passed() >= 40);
	axis(held, "held back");
	while (heard < ANSWER) {
		last = (int)recv(client_fd, buf, sizeof buf, 0);
		if (last <= 0)
			die("recv");
		heard += last;
		ms = axis(last, "come");
		if (hurry && heard < ANSWER) {
			if (CALL("client",
				 setsockopt(client_fd, IPPROTO_TCP,
					    TCP_QUICKACK, &on, sizeof on)))
				die("setsockopt TCP_QUICKACK");
			look(conn_fd, 20); /* the ACK has left: the rest? */
		}
	}
	return ms;
}

int main(int argc, char *argv[])
{
	int ms;

	begin_story(argc, argv,
		    "usage: tcp_nodelay\n"
		    "Show what a delayed ACK costs, and cures.\n"
		    "example: tcp_nodelay\n");

	scene("An answer of 500 bytes, in five sends of 100.");
	ms = answer(5, false, false);
	expect("one piece leaves; four wait, all for one ACK: some 40 ms",
	       held == 400 && last >= 400 && ms >= 30 && ms < 2000);
	answer(5, false, true);
	expect("with a client that acknowledges at once, they do not",
	       held == 0);

	scene("The cures: one large send, or TCP_NODELAY.");
	answer(1, false, false);
	expect("one large send: nothing waits", held == 0 && last == 500);
	answer(5, true, false);
	expect("TCP_NODELAY: nothing waits", held == 0);
}
