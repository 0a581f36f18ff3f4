/* tcp_client - dial, then say a line and hear the answer, again and again.
 *
 *   socket - connect     buy a phone, dial
 *      send <----+       say a line ...
 *      recv -----+       ... hear the answer, which may come in pieces
 *   close                hang up
 *
 * Run:    tcp_server in a first terminal, tcp_client here (or make demo-tcp);
 *         as a filter: printf 'a\nb\n' | tcp_client
 * Watch:  our own port, which nobody chose but the kernel
 * Next:   tcp_disconnect, what the other side sees when we hang up
 */
#define _GNU_SOURCE /* for common.h: program_invocation_short_name */

#include <poll.h>     /* poll */
#include <sys/time.h> /* struct timeval */

#include "../conversation.h"

static const char usage[] =
	"usage: tcp_client [HOST [PORT]]\n"
	"Send lines of standard input to an echo server, print its answers.\n"
	"  HOST PORT   the server's address (default 127.0.0.1 8080)\n"
	"An empty line is not sent. q or end of input (Ctrl-D) quits.\n"
	"example: printf 'hello\\nworld\\n' | tcp_client localhost 9000\n";

static const struct timeval patience = {.tv_sec = 2};

/* What helps a student who could not connect. */
static void hint_for(int error)
{
	if (error == ECONNREFUSED)
		fputs("hint: nothing listens there; start tcp_server first\n",
		      stderr);
	if (error == EINPROGRESS || error == ETIMEDOUT)
		fputs("hint: no answer in time: is that host up, does a "
		      "firewall drop it,\n      is the server's queue full?\n",
		      stderr);
	if (error == ENETUNREACH || error == EHOSTUNREACH)
		fputs("hint: no way leads there; see: ip route\n", stderr);
}

/* A connected socket, from the first address of the host that answers. */
static int dial(const char *host, const char *port)
{
	struct addrinfo *list = resolve(host, port, SOCK_STREAM);
	int fd, failed;

	for (struct addrinfo *to = list; to; to = to->ai_next) {
		/* 1. A socket of the family that this address belongs to. */
		fd = socket(to->ai_family, to->ai_socktype, 0);
		if (fd == -1) {
			complain("socket");
			continue;
		}

		/* 2. Nothing below waits longer than this: see tcp_timeout. */
		if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience,
			       sizeof patience) == -1 ||
		    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
			       sizeof patience) == -1)
			die("setsockopt SO_SNDTIMEO, SO_RCVTIMEO");

		/* 3. Dial. It returns an error where Python's connect raises
		 *    one: C's connect is what Python calls connect_ex. Ctrl-Z
		 *    and fg interrupt it (EINTR); the same call then waits on.
		 */
		do
			failed = connect(fd, to->ai_addr, to->ai_addrlen);
		while (failed && errno == EINTR);
		if (!failed) {
			freeaddrinfo(list);
			return fd;
		}
		complain("connect to %s",
			 address_text(to->ai_addr, to->ai_addrlen).s);
		close(fd);
	}
	hint_for(errno);
	exit(EXIT_FAILURE);
}

/* One recv, printed. The bytes that came; -1 if none came in time; 0 if the
 * conversation is over (why, has been said). */
static ssize_t hear(int fd, char buf[PIECE])
{
	ssize_t n;

	do
		n = recv(fd, buf, PIECE, 0);
	while (n == -1 && errno == EINTR);

	/* Not "nothing yet": the server has closed its end (FIN). */
	if (n == 0) {
		fputs("the server hung up (end of stream)\n", stderr);
		return 0;
	}
	/* Nothing came within the time that SO_RCVTIMEO allows. */
	if (n == -1 && errno == EAGAIN) {
		complain("recv");
		fputs("hint: no answer in time; connected is not served yet: "
		      "another client\n      may be talking to the server\n",
		      stderr);
		return -1;
	}
	/* ECONNRESET, as a rule: the server has aborted (RST). */
	if (n == -1) {
		complain("recv");
		return 0;
	}
	print_answer(buf, (size_t)n);
	return n;
}

/* Say N bytes, hear the answer. Its result is that of the last hear. */
static ssize_t exchange(int fd, const char *said, size_t n)
{
	char buf[PIECE];
	ssize_t got;

	if (send_all(fd, said, n) == -1) {
		complain("send");
		return 0;
	}
	/* A stream has no messages (see tcp_framing): the answer comes in any
	 * pieces. An echo is whole when as many bytes are back as went out;
	 * from servers of another kind, a newline will do. */
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

static const char empty_line[] =
	"(an empty line is not sent: 0 bytes make no segment, so the server\n"
	" would hear nothing, and both sides would wait for ever)\n";

/* The communication loop: true if all that was said has been answered. */
static bool communicate(int fd, bool typing)
{
	char piece[PIECE];
	bool line_begins = true, line_ends, explained = false;
	size_t n;

	for (; !ferror(stdout); line_begins = line_ends) {
		if (typing && !prompt(fd))
			return true;
		if (!read_piece(piece, &n, &line_ends))
			return true;
		bool whole_line = line_begins && line_ends;
		if (whole_line && n == 0) {
			if (!explained)
				fputs(empty_line, stderr);
			explained = true;
			continue;
		}
		if (whole_line && n == 1 && piece[0] == 'q')
			return true;
		if (n > 0) {
			ssize_t got = exchange(fd, piece, n);
			if (got == 0 || (got == -1 && !typing))
				return false;
		}
		if (line_ends)
			end_answer();
	}
	return false; /* nobody reads our output any more */
}

int main(int argc, char *argv[])
{
	const char *host = "127.0.0.1", *port = "8080";
	struct sockaddr_storage own, peer;
	socklen_t own_length = sizeof own, peer_length = sizeof peer;
	int option, fd;
	bool answered;

	begin(usage);
	if ((option = getopt(argc, argv, "+:h")) != -1)
		common_option(option);
	host_and_port(argv + optind, &host, &port, 1);

	fd = dial(host, port);

	/* 4. Who is who: the kernel picked our address and port. */
	if (getsockname(fd, (struct sockaddr *)&own, &own_length) == -1)
		die("getsockname");
	if (getpeername(fd, (struct sockaddr *)&peer, &peer_length) == -1)
		die("getpeername");
	fprintf(stderr, "connected: we are %s, the server is %s\n",
		address_text(&own, own_length).s,
		address_text(&peer, peer_length).s);

	/* 5. Talk, then hang up. */
	answered = communicate(fd, isatty(STDIN_FILENO));
	close(fd);
	return answered ? EXIT_SUCCESS : EXIT_FAILURE;
}
