/* tcp_sendall - send may take less than it is given: send the rest again.
 *
 *   program --send = n--> [send queue] --TCP--> [receive queue] --recv-->
 *                           SIOCOUTQ              FIONREAD
 *
 * What send counted, arrives. What it did not count, only the program has.
 *
 * Run:    tcp_sendall
 * Watch:  the hole in the message of a program that ignores the count
 * Next:   tcp_framing, for bytes do not arrive in the portions they left in
 */
#define _GNU_SOURCE /* for common.h: program_invocation_short_name */

#include <poll.h>      /* poll */
#include <stdint.h>    /* uint64_t */
#include <sys/ioctl.h> /* FIONREAD, TIOCOUTQ */
#include <sys/mman.h>  /* mmap */
#include <sys/time.h>  /* setitimer */
#include <sys/wait.h>  /* waitpid */

#include "../story.h"

#ifndef SIOCOUTQ
#define SIOCOUTQ TIOCOUTQ /* tcp(7)'s name, which is in linux/sockios.h */
#endif

static const char usage[] = "usage: tcp_sendall\n"
			    "Show what a short count of send means, and what "
			    "comes of ignoring it.\n"
			    "example: tcp_sendall\n";

enum { PIECE = 100000, PIECES = 6, TOTAL = PIECES * PIECE };
enum { PATIENCE = 20000 }; /* ms */

static unsigned char message[8 * 1024 * 1024];

/* What the server has heard. In shared memory: it may be another process. */
static struct {
	size_t n;
	unsigned char bytes[sizeof message];
} * heard;

/* FNV-1a: a lost, changed or swapped byte gives another number. */
static unsigned long long checksum(const unsigned char *bytes, size_t n)
{
	uint64_t sum = 0xcbf29ce484222325;

	for (size_t i = 0; i < n; i++)
		sum = (sum ^ bytes[i]) * 0x100000001b3;
	return sum;
}

/* A connection with small buffers, which are soon full. */
static void small_pair(int *client_fd, int *conn_fd)
{
	const int size = 100000; /* Linux doubles it, for its own needs */

	connected_pair(client_fd, conn_fd);
	if (setsockopt(*client_fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size))
		die("setsockopt SO_SNDBUF");
	if (setsockopt(*conn_fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size))
		die("setsockopt SO_RCVBUF");
	heard->n = 0;
}

/* Hear on until there are TOTAL bytes, or the stream ends. */
static void hear(int conn_fd, size_t total)
{
	while (heard->n < total) {
		ssize_t n = recv(conn_fd, heard->bytes + heard->n,
				 total - heard->n, 0);
		if (n == 0) /* end of stream */
			return;
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			die("recv");
		heard->n += (size_t)n;
	}
}

static void expect_all_heard(size_t sent)
{
	unsigned long long was = checksum(message, sent);
	unsigned long long is = checksum(heard->bytes, heard->n);

	note("counted: %7zu bytes, checksum %016llx", sent, was);
	note("heard:   %7zu bytes, checksum %016llx", heard->n, is);
	expect(heard->n == sent && is == was,
	       "all that send counted has arrived, and not a byte more");
}

/* Wait until no byte is on its way. (A byte that has arrived, but has not been
 * acknowledged, is in both queues; the kernel has no event for "it has".) */
static void look_into_queues(int client_fd, int conn_fd, size_t in_both)
{
	int queued = -1, arrived = -1;

	for (int ms = 0; ms < PATIENCE; ms++) {
		if (ioctl(client_fd, SIOCOUTQ, &queued) == -1)
			die("ioctl SIOCOUTQ");
		if (ioctl(conn_fd, FIONREAD, &arrived) == -1)
			die("ioctl FIONREAD");
		if ((size_t)queued + (size_t)arrived == in_both)
			break;
		if (poll(NULL, 0, 1) == -1 && errno != EINTR)
			die("poll");
	}
	note("client's send queue (SIOCOUTQ)     %6d bytes", queued);
	note("server's receive queue (FIONREAD)  %6d bytes", arrived);
	expect((size_t)queued + (size_t)arrived == in_both,
	       in_both ? "together: what send counted"
		       : "acknowledged, so the client's kernel has let it go");
}

static void does_not_read(void)
{
	int client_fd, conn_fd;
	bool was_short = false;
	size_t sent = 0;
	long n;

	scene("The server does not read. What does send say?");
	small_pair(&client_fd, &conn_fd);
	do {
		n = CALL("client",
			 send(client_fd, message + sent, PIECE, MSG_DONTWAIT));
		was_short |= n > 0 && n < PIECE;
		sent += n > 0 ? (size_t)n : 0;
	} while (n > 0 || (n == -1 && errno == EINTR));
	expect(errno == EAGAIN && was_short,
	       "all, all, a part, -1: the queues are full");
	look_into_queues(client_fd, conn_fd, sent);

	note("Now the server reads:");
	hear(conn_fd, sent);
	look_into_queues(client_fd, conn_fd, 0);
	close(client_fd);
	hear(conn_fd, sizeof message); /* the end, if nothing is left */
	expect_all_heard(sent);
	close(conn_fd);
}

static void ignores_the_count(void)
{
	size_t hole = 0, taken = 0, at = 0, missing;
	int client_fd, conn_fd;

	scene("The same with a program that ignores the count.");
	small_pair(&client_fd, &conn_fd);
	for (int piece = 1; piece <= PIECES; piece++, at += PIECE) {
		if (piece == PIECES) {
			note("The server wakes up and reads:");
			hear(conn_fd, taken);
			look_into_queues(client_fd, conn_fd, 0);
		}
		/* The mistake: as if it had taken the whole piece. */
		long n = CALL("client", send(client_fd, message + at, PIECE,
					     MSG_DONTWAIT));
		if (n == -1 && errno != EAGAIN)
			die("send");
		if (n < PIECE && hole == 0)
			hole = at + (n > 0 ? (size_t)n : 0);
		taken += n > 0 ? (size_t)n : 0;
	}
	close(client_fd);
	hear(conn_fd, sizeof message);
	close(conn_fd);

	missing = TOTAL - heard->n;
	note("%zu of %d bytes are missing, the first at offset %zu", missing,
	     TOTAL, hole);
	expect(missing > 0 && memcmp(heard->bytes, message, hole) == 0 &&
		       memcmp(heard->bytes + hole, message + hole, PIECE) != 0,
	       "up to there it is right; then there is a hole ...");
	expect(memcmp(heard->bytes + heard->n - PIECE, message + at - PIECE,
		      PIECE) == 0,
	       "... but the end has come: nothing looks cut off");
}

/* The cure, sendall: how often it slept until there was room. */
static long send_everything(int fd, const unsigned char *bytes, size_t n)
{
	struct pollfd room = {.fd = fd, .events = POLLOUT};
	long slept = 0;

	while (n > 0) {
		ssize_t sent = send(fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent >= 0) {
			bytes += sent;
			n -= (size_t)sent;
		} else if (errno ==
			   EAGAIN) { /* no room: sleep until there is */
			int ready = poll(&room, 1, PATIENCE);
			if (ready == 0)
				errno = ETIMEDOUT;
			if (ready == 0 || (ready == -1 && errno != EINTR))
				die("poll");
			slept++;
		} else if (errno != EINTR) {
			die("send");
		}
	}
	return slept;
}

static pid_t server; /* a process that hears until the stream ends */

static void start_server(int client_fd, int conn_fd)
{
	server = fork();
	if (server == -1)
		die("fork");
	if (server > 0) {
		close(conn_fd); /* it is the server's now */
		return;
	}
	alarm(60);	  /* fork does not hand this down */
	close(client_fd); /* else the stream would not end: see tcp_halfclose */
	hear(conn_fd, sizeof message);
	_exit(EXIT_SUCCESS);
}

/* At exit: no process stays behind, even if the story broke off. */
static void end_server(void)
{
	if (server > 0 && kill(server, SIGKILL) == 0)
		waitpid(server, NULL, 0);
}

/* Say goodbye to the server; it must have heard all of the message. */
static void say_goodbye(int client_fd)
{
	int status;

	close(client_fd);
	while (waitpid(server, &status, 0) == -1)
		if (errno != EINTR)
			die("waitpid");
	server = 0;
	expect(status == 0, "the server has heard the end of the stream");
	expect_all_heard(sizeof message);
}

static void takes_it_all(void)
{
	int client_fd, conn_fd;
	long n;

	scene("The cure: send the rest again, until there is no rest.");
	small_pair(&client_fd, &conn_fd);
	start_server(client_fd, conn_fd);
	n = send_everything(client_fd, message, sizeof message);
	note("8 MiB sent; %ld times it had to sleep until there was room", n);
	say_goodbye(client_fd);

	scene("A send that may wait has this loop inside: it takes it all ...");
	small_pair(&client_fd, &conn_fd);
	start_server(client_fd, conn_fd);
	n = CALL("client", send(client_fd, message, sizeof message, 0));
	if (n == -1)
		die("send");
	expect(n == sizeof message, "8 MiB through small buffers, in one call");
	say_goodbye(client_fd);
}

/* It does nothing, but it interrupts. */
static void knock(int signal_number)
{
	(void)signal_number;
}

/* Send to a server that does not read, until send gives -1. */
static void wait_for_room(int client_fd, int conn_fd, int error)
{
	size_t sent = 0, rest;
	long n;

	do {
		rest = sizeof message - sent;
		n = CALL("client", send(client_fd, message + sent, rest, 0));
		sent += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	expect(errno == error && sent > 0, "some bytes: their count. None: -1");
	close(client_fd);
	hear(conn_fd, sizeof message);
	close(conn_fd);
	expect_all_heard(sent);
}

static void cut_short(void)
{
	const struct timeval soon = {.tv_usec = 50000}, late = {.tv_sec = 20};
	const struct itimerval often = {.it_interval = soon, .it_value = soon};
	const struct sigaction action = {.sa_handler = knock};
	int client_fd, conn_fd;

	scene("... unless its time-out ends, or a signal comes.");
	small_pair(&client_fd, &conn_fd);
	MUST("client", setsockopt(client_fd, SOL_SOCKET, SO_SNDTIMEO, &soon,
				  sizeof soon));
	wait_for_room(client_fd, conn_fd, EAGAIN);

	note("With a signal every 50 ms:");
	small_pair(&client_fd, &conn_fd);
	if (setsockopt(client_fd, SOL_SOCKET, SO_SNDTIMEO, &late, sizeof late))
		die("setsockopt SO_SNDTIMEO");
	if (sigaction(SIGALRM, &action, NULL) == -1)
		die("sigaction");
	if (setitimer(ITIMER_REAL, &often, NULL) == -1)
		die("setitimer");
	wait_for_room(client_fd, conn_fd, EINTR);
	alarm(60); /* no more knocks, and too_long watches again */
	signal(SIGALRM, too_long);
}

int main(int argc, char *argv[])
{
	uint32_t any = 1;

	begin_story(argc, argv, usage);
	atexit(end_server);
	heard = mmap(NULL, sizeof *heard, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (heard == MAP_FAILED)
		die("mmap");
	for (size_t i = 0; i < sizeof message; i++) { /* no two parts alike */
		any = any * 1664525 + 1013904223;
		message[i] = (unsigned char)(any >> 24);
	}
	does_not_read();
	ignores_the_count();
	takes_it_all();
	cut_short();
	puts("\nRemember: send returns how much it took, and that may be less "
	     "than you gave.\nNothing is lost, as long as you send the rest.");
	return EXIT_SUCCESS;
}
