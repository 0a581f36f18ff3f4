/* tcp_client - how does a client call?
 *
 *   socket - connect     buy a phone, dial
 *      send <----+       say a line ...
 *      recv -----+       ... hear the answer, which may come in pieces
 *   close                hang up
 *
 * Watch:  our own port, which nobody chose but the kernel
 * Next:   sock_address, what an address is
 */
#include "../common.h"
#include <sys/time.h>

static const char usage[] =
	"usage: tcp_client [HOST [PORT]]\n"
	"Send each line to an echo server (127.0.0.1 8080), print its answer.\n"
	"An empty line is not sent. q or end of input (Ctrl-D) quits.\n"
	"example: printf 'hello\\nworld\\n' | tcp_client localhost 9000\n";

enum { PIECE = 16384 }; /* a longer line is sent piece by piece */

/* Return a socket that is connected to the first address that answers. */
static int call(const struct addrinfo *to)
{
	const struct timeval limit = {.tv_sec = 2}; /* see tcp_timeout */
	int fd;

	for (; to; to = to->ai_next) {
		/* 1. A TCP socket: we bought a phone. 2. Dial. */
		fd = socket(to->ai_family, SOCK_STREAM, 0);
		if (fd != -1 && connect(fd, to->ai_addr, to->ai_addrlen) == 0)
			break;
		complain(fd == -1 ? "socket for" : "connect to",
			 address_text(to->ai_addr, to->ai_addrlen));
		close(fd);
	}
	if (!to && errno == ECONNREFUSED)
		fputs("hint: start tcp_server there first\n", stderr);
	if (!to)
		exit(EXIT_FAILURE);

	/* 3. No recv shall wait longer than that. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit))
		die("setsockopt SO_RCVTIMEO");
	return fd;
}

/* Read a line, or the next PIECE bytes of a long one; *ENDS tells whether that
 * was its end. Return the length without newline, -1 at the end of input. */
static int read_piece(char piece[PIECE], bool *ends)
{
	int n = 0, c = 0;

	while (n < PIECE && (c = getchar()) != EOF && c != '\n')
		piece[n++] = (char)c;
	*ends = c == '\n' || c == EOF;
	return c == EOF && n == 0 ? -1 : n;
}

/* Hear an answer, in whatever pieces it comes (see tcp_framing): it is whole
 * once OWED bytes are here, or a newline, which we drop. Return the length;
 * *OVER becomes true if there will be no other answer. */
static size_t hear(int fd, char answer[PIECE], size_t owed, bool *over)
{
	size_t got = 0;

	while (got < owed && got < PIECE) {
		ssize_t n = recv(fd, answer + got, PIECE - got, 0);
		if (n == -1 && errno == EINTR) /* Ctrl-Z, fg */
			continue;
		if (n == 0) {
			fputs("the server hung up (end of stream)\n", stderr);
			*over = true;
			break;
		}
		if (n == -1) {
			*over = errno != EAGAIN;
			complain("recv", "an answer");
			if (!*over)
				fputs("hint: is it serving another?\n", stderr);
			*over |= !isatty(STDIN_FILENO);
			break;
		}
		got += (size_t)n;
		if (answer[got - 1] == '\n')
			return got - 1;
	}
	return got;
}

int main(int argc, char *argv[])
{
	int fd = call(address_of(begin(argc, argv, "+h", usage)));
	bool begins = true, ends, over = false; /* a line; the talk */
	static char piece[PIECE], answer[PIECE];
	struct sockaddr_storage own;
	socklen_t length = sizeof own;
	size_t owed = 0, got;
	int n;

	/* 4. Who are we? The kernel has chosen our address and port. */
	if (getsockname(fd, (struct sockaddr *)&own, &length) == -1)
		die("getsockname");
	fprintf(stderr, "connected: we are %s\n", address_text(&own, length));

	/* 5. Say a line, hear the answer. While you type we do not listen, so
	 *    you learn at the next line only that the server is gone. */
	for (; !over; begins = ends) {
		if (begins && isatty(STDIN_FILENO))
			fputs("> ", stderr);
		n = read_piece(piece, &ends);
		if (n == -1 || (n == 1 && piece[0] == 'q' && begins && ends))
			break;
		if (n == 0 && begins) {
			fputs("(an empty line is not sent)\n", stderr);
			continue;
		}
		if (send_all(fd, piece, (size_t)n) == -1)
			die("send");
		owed += (size_t)n;
		got = hear(fd, answer, owed, &over);
		owed -= got < owed ? got : owed;
		if (isatty(STDOUT_FILENO))
			print_safe(answer, got);
		else
			fwrite(answer, 1, got, stdout);
		if (ends && (got > 0 || !begins) && putchar('\n') == EOF)
			check_output();
	}

	/* 6. Hang up. */
	close(fd);
	return over;
}
