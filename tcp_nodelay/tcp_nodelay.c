/* tcp_nodelay - why an echo takes 40 ms, and three cures.
 *
 *   client                             server, answers piece by piece
 *     <---------------- 1024 bytes --  Nagle: "some bytes are on their way,
 *   delayed ACK: "I may have           so the next few wait for the ACK"
 *   something to say with it"
 *     -- ACK, 40 ms later --------->
 *     <---------------- 3976 bytes --
 *
 * Run:    tcp_nodelay
 * Watch:  the bytes held back, and what the round trips take
 * Next:   tcp_halfclose, to have said all and listen on
 */
#define _GNU_SOURCE /* for common.h: program_invocation_short_name */

#include <netinet/tcp.h> /* TCP_NODELAY, TCP_CORK, TCP_QUICKACK, TCP_INFO */
#include <poll.h>	 /* poll, as a pause */
#include <sys/ioctl.h>	 /* ioctl, FIONREAD */
#include <time.h>	 /* clock_gettime */

#include "../story.h"

#ifndef SIOCOUTQNSD
#define SIOCOUTQNSD 0x894B /* bytes not sent yet; as in linux/sockios.h */
#endif

static const char usage[] =
	"usage: tcp_nodelay\n"
	"Measure a round trip that waits for a delayed ACK, and its cures.\n"
	"example: tcp_nodelay\n";

enum { MESSAGE = 5000, PIECE = 1024, TRIPS = 21, SLOW_TRIPS = 5, TRIES = 20 };

static const int on = 1, off = 0;
static char message[MESSAGE], buf[MESSAGE];

static double now_ms(void)
{
	struct timespec now;

	if (clock_gettime(CLOCK_MONOTONIC, &now) == -1)
		die("clock_gettime");
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* A pause, for a busy machine to catch up with what it was late with. */
static void rest(void)
{
	if (poll(NULL, 0, 20) == -1 && errno != EINTR)
		die("poll");
}

/* How the server answers. */
struct way {
	const char *name;
	size_t piece;	    /* bytes that it reads and answers at a time */
	bool nodelay, cork; /* TCP_NODELAY, TCP_CORK */
	int more;	    /* flags of every send but the last */
};

static const struct way slow = {.name = "pieces of 1024", .piece = PIECE};

/* One recv, which has to give some bytes: how many. */
static size_t hear_some(int fd, size_t most)
{
	ssize_t n;

	do
		n = recv(fd, buf, most, 0);
	while (n == -1 && errno == EINTR);
	if (n == 0)
		errno = EPROTO; /* end of stream: not in this story */
	if (n <= 0)
		die("recv");
	return (size_t)n;
}

/* The server: read a piece, answer it, until all of MESSAGE is answered. */
static void answer(int conn_fd, const struct way *way)
{
	size_t n;

	if (way->cork && setsockopt(conn_fd, IPPROTO_TCP, TCP_CORK, &on,
				    sizeof on) == -1) /* hold what is short */
		die("setsockopt TCP_CORK");
	for (size_t done = 0; done < MESSAGE; done += n) {
		n = hear_some(conn_fd, way->piece);
		bool last = done + n == MESSAGE;
		if (send(conn_fd, buf, n, last ? 0 : way->more) == -1)
			die("send");
	}
	if (way->cork && setsockopt(conn_fd, IPPROTO_TCP, TCP_CORK, &off,
				    sizeof off) == -1) /* now let go */
		die("setsockopt TCP_CORK");
}

/* The client: the rest of the answer. */
static void hear(int client_fd, size_t wanted)
{
	while (wanted > 0)
		wanted -= hear_some(client_fd, wanted);
}

/* Bytes that the server's kernel has taken from send, and not sent yet. */
static int held_back(int conn_fd)
{
	int held = -1;

	if (ioctl(conn_fd, SIOCOUTQNSD, &held) == -1)
		die("ioctl SIOCOUTQNSD");
	return held;
}

/* One round trip, in ms; *HELD: what was held back once all was answered. */
static double trip(int client_fd, int conn_fd, const struct way *way, int *held)
{
	double start = now_ms();

	if (send(client_fd, message, MESSAGE, 0) == -1)
		die("send");
	answer(conn_fd, way);
	*held = held_back(conn_fd);
	hear(client_fd, MESSAGE);
	return now_ms() - start;
}

/* A connection after its first round trip: on a new connection, the kernel
 * acknowledges at once. */
static void warm_pair(int *client_fd, int *conn_fd, const struct way *way)
{
	int held = -1;

	connected_pair(client_fd, conn_fd);
	if (way->nodelay && setsockopt(*conn_fd, IPPROTO_TCP, TCP_NODELAY, &on,
				       sizeof on) == -1)
		die("setsockopt TCP_NODELAY");
	trip(*client_fd, *conn_fd, way, &held);
}

/* The two ends while both sides wait; what is held back. */
static int look_at_both_ends(int client_fd, int conn_fd)
{
	int held = held_back(conn_fd), arrived = -1;
	struct tcp_info info;
	socklen_t length = sizeof info;

	if (getsockopt(conn_fd, IPPROTO_TCP, TCP_INFO, &info, &length) == -1)
		die("getsockopt TCP_INFO");
	if (ioctl(client_fd, FIONREAD, &arrived) == -1)
		die("ioctl FIONREAD");
	note("server's kernel: %4d bytes held back, %u segment%s without ACK",
	     held, info.tcpi_unacked, info.tcpi_unacked == 1 ? "" : "s");
	note("client's kernel: %4d bytes have arrived", arrived);
	return held;
}

static void call_by_call(void)
{
	int client_fd, conn_fd, held = 0;
	double start;
	ssize_t n;

	scene("A message of 5000 bytes, answered in pieces of 1024.");
	warm_pair(&client_fd, &conn_fd, &slow);
	for (int try = 0; held == 0 && try < TRIES; try++) {
		start = now_ms();
		n = CALL("client", send(client_fd, message, MESSAGE, 0));
		for (int done = 0; n > 0 && done < MESSAGE; done += (int)n) {
			n = CALL("server", recv(conn_fd, buf, PIECE, 0));
			if (n > 0)
				n = CALL("server",
					 send(conn_fd, buf, (size_t)n, 0));
		}
		held = look_at_both_ends(client_fd, conn_fd);
		for (int heard = 0; n > 0 && heard < MESSAGE; heard += (int)n)
			n = CALL("client", recv(client_fd, buf, sizeof buf, 0));
		expect(n > 0, "the answer is complete");
		note("The round trip took %.1f ms.", now_ms() - start);
		if (held == 0)
			note("(This time the ACK came first. Once more:)");
	}
	expect(held > 0, "the server had sent all, its kernel had not (Nagle)");
	close(client_fd);
	close(conn_fd);
}

static void ask_for_the_ack(void)
{
	int client_fd, conn_fd, before = 0, after = -1;
	ssize_t n;

	scene("What were they waiting for? The client's ACK.");
	warm_pair(&client_fd, &conn_fd, &slow);
	for (int try = 0; (before == 0 || after != 0) && try < TRIES; try++) {
		if (send(client_fd, message, MESSAGE, 0) == -1)
			die("send");
		answer(conn_fd, &slow);
		before = look_at_both_ends(client_fd, conn_fd);
		/* The next recv will acknowledge at once what it takes. */
		MUST("client", setsockopt(client_fd, IPPROTO_TCP, TCP_QUICKACK,
					  &on, sizeof on));
		n = CALL("client", recv(client_fd, buf, PIECE, 0));
		if (n <= 0)
			die("recv");
		after = look_at_both_ends(client_fd, conn_fd);
		hear(client_fd, MESSAGE - (size_t)n);
		if (after != 0)
			rest();
	}
	expect(before > 0 && after == 0, "an ACK, and the rest comes at once");
	close(client_fd);
	close(conn_fd);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Measure up to TRIPS round trips and print a line of the table. Returns how
 * many had bytes held back, and how long the slowest took, in ms. */
static int measure(const struct way *way, int trips, double *slowest)
{
	int client_fd, conn_fd, held, with_held = 0;
	double ms[TRIPS] = {0};

	warm_pair(&client_fd, &conn_fd, way);
	for (int i = 0; i < trips; i++) {
		ms[i] = trip(client_fd, conn_fd, way, &held);
		with_held += held > 0;
	}
	close(client_fd);
	close(conn_fd);
	qsort(ms, (size_t)trips, sizeof ms[0], compare);
	*slowest = ms[trips - 1];
	note("%-28s %8.2f ms %8.2f ms %8.2f ms   %2d of %2d", way->name, ms[0],
	     ms[trips / 2], ms[trips - 1], with_held, trips);
	return with_held;
}

static void cures(void)
{
	static const struct way ways[] = {
		{.name = "one larger write", .piece = MESSAGE},
		{.name = "TCP_NODELAY", .piece = PIECE, .nodelay = true},
		{.name = "MSG_MORE, but for the last",
		 .piece = PIECE,
		 .more = MSG_MORE},
		{.name = "TCP_CORK, and off at the end",
		 .piece = PIECE,
		 .cork = true},
	};
	int held, waited = TRIPS, cured = 0;
	double slowest, most;

	scene("Measured: as it was, and the cures beside it.");
	note("%-28s %11s %11s %11s %10s", "the server answers with", "quickest",
	     "median", "slowest", "held back");
	held = measure(&slow, SLOW_TRIPS, &slowest);
	for (int i = 0; i < 4; i++) {
		/* A busy machine may be late with anything: then again. */
		for (int try = 0; try < 5; try++) {
			waited = measure(&ways[i], TRIPS, &most);
			if (waited <= TRIPS / 2)
				break;
			rest();
		}
		cured += waited <= TRIPS / 2;
	}
	expect(held > 0 && slowest > 20, "pieces wait for the delayed ACK");
	expect(cured == 4, "with each of the cures, nothing has to wait");
}

int main(int argc, char *argv[])
{
	begin_story(argc, argv, usage);
	call_by_call();
	ask_for_the_ack();
	cures();
	puts("\n"
	     "Remember: answer with one large write, "
	     "not with many small ones. Where you\n"
	     "cannot, TCP_NODELAY lets small segments go "
	     "without waiting for an ACK.");
	return EXIT_SUCCESS;
}
