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
#include <sys/time.h>  /* setitimer */
#include <sys/wait.h>  /* waitpid */

#include "../story.h"

#ifndef SIOCOUTQ
#define SIOCOUTQ TIOCOUTQ /* tcp(7)'s name, which is in linux/sockios.h */
#endif

static const char usage[] =
	"usage: tcp_sendall\n"
	"Show what a short count of send means, and what ignoring it does.\n"
	"example: tcp_sendall\n";

enum { PIECE = 100000, PIECES = 6, TOTAL = PIECES * PIECE };
enum { PATIENCE = 20000 }; /* ms: what takes longer on loopback, has failed */

static unsigned char message[8 * 1024 * 1024];

/* What the server has heard: room for a byte more than there should be. */
static unsigned char heard[sizeof message + 1];
static size_t heard_n;

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
	const int n = 100000; /* bytes; Linux doubles it, for its own needs */

	connected_pair(client_fd, conn_fd);
	if (setsockopt(*client_fd, SOL_SOCKET, SO_SNDBUF, &n, sizeof n) == -1)
		die("setsockopt SO_SNDBUF");
	if (setsockopt(*conn_fd, SOL_SOCKET, SO_RCVBUF, &n, sizeof n) == -1)
		die("setsockopt SO_RCVBUF");
	heard_n = 0;
}

/* Hear on until there are TOTAL bytes, or the stream ends. */
static void hear(int conn_fd, size_t total)
{
	while (heard_n < total) {
		ssize_t n = recv(conn_fd, heard + heard_n, total - heard_n, 0);
		if (n == 0) /* end of stream */
			return;
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			die("recv");
		heard_n += (size_t)n;
	}
}

/* The client has closed: hear the rest. It must be what send has counted. */
static void expect_all_heard(int conn_fd, size_t sent)
{
	unsigned long long was, is;

	hear(conn_fd, sizeof heard);
	close(conn_fd);
	was = checksum(message, sent);
	is = checksum(heard, heard_n);
	note("counted: %7zu bytes, checksum %016llx", sent, was);
	note("heard:   %7zu bytes, checksum %016llx", heard_n, is);
	expect(heard_n == sent && is == was,
	       "all that send counted has arrived, and not a byte more");
}

/* Show both queues, once there are IN_BOTH bytes in them: a byte that has come,
 * but is not acknowledged yet, is in both. There is no event to wait for. */
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
	expect(n == -1 && errno == EAGAIN && was_short,
	       "all, all, a part, -1: the queues are full");
	look_into_queues(client_fd, conn_fd, sent);

	note("Now the server reads:");
	hear(conn_fd, sent);
	look_into_queues(client_fd, conn_fd, 0);
	close(client_fd);
	expect_all_heard(conn_fd, sent);
}

static void ignores_the_count(void)
{
	size_t taken = 0, hole = 0, missing;
	int client_fd, conn_fd;

	scene("The same with a program that ignores the count.");
	small_pair(&client_fd, &conn_fd);
	/* The mistake is at += PIECE: as if send had taken the whole piece. */
	for (size_t at = 0; at < TOTAL; at += PIECE) {
		if (at == TOTAL - PIECE) {
			note("The server wakes up and reads:");
			hear(conn_fd, taken);
			look_into_queues(client_fd, conn_fd, 0);
		}
		long n = CALL("client", send(client_fd, message + at, PIECE,
					     MSG_DONTWAIT));
		if (n == -1 && errno != EAGAIN)
			die("send");
		if (n == -1)
			n = 0;
		if (n < PIECE && taken == at) /* for the first time */
			hole = at + (size_t)n;
		taken += (size_t)n;
	}
	close(client_fd);
	hear(conn_fd, sizeof heard);
	close(conn_fd);

	missing = TOTAL - heard_n;
	note("%zu of %d bytes are missing, the first at offset %zu", missing,
	     TOTAL, hole);
	expect(missing > 0 && memcmp(heard, message, hole) == 0 &&
		       memcmp(heard + hole, message + hole, PIECE) != 0,
	       "up to there it is right; then there is a hole ...");
	expect(heard_n >= PIECE && memcmp(heard + heard_n - PIECE,
					  message + TOTAL - PIECE, PIECE) == 0,
	       "... but the end has come: nothing looks cut off");
}

/* The cure, sendall: send the rest again, and sleep while there is no room for
 * it. Returns how often it slept. */
static long send_everything(int fd, const unsigned char *bytes, size_t n)
{
	struct pollfd room = {.fd = fd, .events = POLLOUT};
	long slept = 0;

	while (n > 0) {
		ssize_t sent = send(fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent >= 0) {
			bytes += sent;
			n -= (size_t)sent;
		} else if (errno == EAGAIN) { /* no room */
			if (poll(&room, 1, -1) == -1 && errno != EINTR)
				die("poll");
			slept++;
		} else if (errno != EINTR) {
			die("send");
		}
	}
	return slept;
}

static void say_with_loop(int client_fd)
{
	long slept = send_everything(client_fd, message, sizeof message);

	note("8 MiB sent; %ld times it had to sleep until there was room",
	     slept);
}

static void say_with_one_send(int client_fd)
{
	long n = CALL("client", send(client_fd, message, sizeof message, 0));

	if (n == -1)
		die("send");
	expect(n == sizeof message, "8 MiB through small buffers, in one call");
}

/* Both sides at work at once: the client, a process of its own, says MESSAGE in
 * one way or the other, and the server hears it. */
static void two_processes(void (*say)(int client_fd))
{
	int client_fd, conn_fd, status;
	pid_t client;

	small_pair(&client_fd, &conn_fd);
	client = fork();
	if (client == -1)
		die("fork");
	if (client == 0) {
		close(conn_fd); /* else the server's end would go unnoticed */
		say(client_fd);
		exit(EXIT_SUCCESS);
	}
	close(client_fd); /* else the stream would not end: see tcp_halfclose */
	hear(conn_fd, sizeof heard);
	while (waitpid(client, &status, 0) == -1)
		if (errno != EINTR)
			die("waitpid");
	if (status != 0) /* the client has said why */
		exit(EXIT_FAILURE);
	expect_all_heard(conn_fd, sizeof message);
}

static void takes_it_all(void)
{
	scene("The cure: send the rest again, until there is no rest.");
	two_processes(say_with_loop);
	scene("A send that may wait has this loop inside: it takes it all ...");
	two_processes(say_with_one_send);
}

/* It does nothing, but it interrupts. */
static void knock(int signal_number)
{
	(void)signal_number;
}

/* Send to a server that does not read, until send gives -1 and ERROR. */
static void send_unread(int client_fd, int conn_fd, int error)
{
	size_t sent = 0, rest;
	long n;

	do {
		rest = sizeof message - sent;
		n = CALL("client", send(client_fd, message + sent, rest, 0));
		sent += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	expect(n == -1 && errno == error && sent > 0,
	       "some bytes: their count. None: -1");
	close(client_fd);
	expect_all_heard(conn_fd, sent);
}

static void cut_short(void)
{
	const struct timeval soon = {.tv_usec = 50000};
	const struct itimerval often = {.it_interval = soon, .it_value = soon};
	const struct sigaction action = {.sa_handler = knock};
	int client_fd, conn_fd;

	scene("... unless its time-out ends, or a signal comes.");
	small_pair(&client_fd, &conn_fd);
	MUST("client", setsockopt(client_fd, SOL_SOCKET, SO_SNDTIMEO, &soon,
				  sizeof soon));
	send_unread(client_fd, conn_fd, EAGAIN);

	note("With a signal every 50 ms:");
	small_pair(&client_fd, &conn_fd);
	if (sigaction(SIGALRM, &action, NULL) == -1)
		die("sigaction");
	if (setitimer(ITIMER_REAL, &often, NULL) == -1)
		die("setitimer");
	send_unread(client_fd, conn_fd, EINTR);
	watch_story(); /* no more knocks */
}

int main(int argc, char *argv[])
{
	uint32_t any = 1;

	begin_story(argc, argv, usage);
	for (size_t i = 0; i < sizeof message; i++) { /* no two parts alike */
		any = any * 1664525 + 1013904223;
		message[i] = (unsigned char)(any >> 24);
	}
	does_not_read();
	ignores_the_count();
	takes_it_all();
	cut_short();
	puts("\n"
	     "Remember: send returns how much it took, "
	     "and that may be less than you gave.\n"
	     "Nothing is lost, as long as you send the rest.");
	return EXIT_SUCCESS;
}
