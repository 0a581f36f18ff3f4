/* client.c - the client: as tcp_client, but for dial.
 */
#define _GNU_SOURCE /* for common.h: program_invocation_short_name */

#include <poll.h>     /* poll */
#include <sys/time.h> /* struct timeval */

#include "../conversation.h"
#include "unix_demo.h"

/* connect has failed: say it, and what helps. */
static void no_connection(void)
{
	complain("connect to %s", path);
	if (errno == ENOENT)
		fputs("hint: nothing has that name; start unix_demo server "
		      "first\n",
		      stderr);
	else if (errno == ECONNREFUSED)
		fprintf(stderr,
			"hint: that is %s, and nobody listens there; start "
			"unix_demo server\n",
			kind_of_file());
	else if (errno == EACCES)
		fprintf(stderr,
			"hint: connecting takes permission to write to the "
			"file, and to enter\n"
			"      its directory: ls -l %s\n",
			path);
	else if (errno == EPROTOTYPE)
		fputs("hint: that is a socket of another type: ss -xp\n",
		      stderr);
	else if (errno == EAGAIN)
		fputs("hint: the queue is full: the server does not accept\n",
		      stderr);
	exit(EXIT_FAILURE);
}

static int dial(void)
{
	const struct sockaddr_un address = address_of_path();
	const struct timeval patience = {.tv_sec = 2};
	int fd, failed;

	if (in_own_dir())
		check_own_dir();

	/* 1. A socket. It needs no name of its own. */
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd == -1)
		die("socket");

	/* 2. No call below waits longer than 2 s: see tcp_timeout. */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience,
		       sizeof patience) == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
		       sizeof patience) == -1)
		die("setsockopt SO_SNDTIMEO, SO_RCVTIMEO");

	/* 3. Dial: the path instead of a host and a port. */
	do
		failed = connect(fd, (const struct sockaddr *)&address,
				 sizeof address);
	while (failed && errno == EINTR);
	if (failed)
		no_connection();
	fprintf(stderr, "connected to %s: %s\n", path, peer_text(fd).s);
	return fd;
}

/* One recv, printed. The bytes that came; -1 if none came in time; 0 if the
 * conversation is over (why, has been said). */
static ssize_t hear(int fd, char buf[PIECE])
{
	ssize_t n;

	do
		n = recv(fd, buf, PIECE, 0);
	while (n == -1 && errno == EINTR);

	if (n == 0) { /* not "nothing yet": the server closed its end */
		fputs("the server hung up (end of stream)\n", stderr);
		return 0;
	}
	if (n == -1 && errno == EAGAIN) { /* SO_RCVTIMEO: nothing in time */
		complain("recv");
		fputs("hint: no answer in time; connected is not served yet: "
		      "another client\n"
		      "      may be talking to the server\n",
		      stderr);
		return -1;
	}
	if (n == -1) { /* ECONNRESET: it left something of ours unread */
		complain("recv");
		return 0;
	}
	print_answer(buf, (size_t)n);
	return n;
}

/* Say N bytes, hear the answer: as many, or up to a newline, as in tcp_client.
 * Its result is that of the last hear. */
static ssize_t exchange(int fd, const char *said, size_t n)
{
	char buf[PIECE];
	ssize_t got;

	if (send_all(fd, said, n) == -1) {
		complain("send");
		return 0;
	}
	do {
		got = hear(fd, buf);
		n -= got > 0 && (size_t)got < n ? (size_t)got : n;
	} while (got > 0 && n > 0 && buf[got - 1] != '\n');
	return got;
}

/* Ask for a line. Until there is one, show what the server says unasked: a late
 * answer, or that it is gone (then false). */
static bool prompt(int fd)
{
	struct pollfd ends[] = {{.fd = STDIN_FILENO, .events = POLLIN},
				{.fd = fd, .events = POLLIN}};
	char buf[PIECE];

	for (;;) {
		fputs("> ", stderr);
		while (poll(ends, 2, -1) == -1)
			if (errno != EINTR)
				die("poll");
		if (ends[1].revents == 0)
			return true;
		fputc('\n', stderr);
		if (hear(fd, buf) == 0)
			return false;
		end_answer();
	}
}

/* The communication loop: true if all that was said has been answered. */
static bool communicate(int fd, bool typing)
{
	char piece[PIECE];
	bool line_begins = true, line_ends;
	size_t n;

	for (; !ferror(stdout); line_begins = line_ends) {
		if (typing && !prompt(fd))
			return true;
		if (!read_piece(piece, &n, &line_ends))
			return true;
		if (line_begins && line_ends && n == 1 && piece[0] == 'q')
			return true;
		if (n > 0) { /* 0 bytes would be nothing: see tcp_client */
			ssize_t got = exchange(fd, piece, n);
			if (got == 0 || (got == -1 && !typing))
				return false;
		}
		if (line_ends)
			end_answer();
	}
	return false; /* nobody reads our output any more */
}

bool be_client(void)
{
	int fd = dial();
	bool answered = communicate(fd, isatty(STDIN_FILENO));

	close(fd);
	return answered;
}
