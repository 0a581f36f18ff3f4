/* tcp_fdopen - a FILE* over a socket, and its three traps.
 *
 *   conn_fd ----------- fdopen "r" -> in    getline(in)
 *      \-- dup: out_fd - fdopen "w" -> out   fprintf(out), fflush(out)
 *
 * A FILE is a descriptor and a buffer in our own process. The kernel, poll and
 * the peer know nothing of what is in that buffer.
 *
 * Run:    tcp_fdopen
 * Watch:  an answer that never leaves; who else fclose closes
 * Next:   tcp_states, the whole life of a connection
 */
#define _GNU_SOURCE /* for common.h: program_invocation_short_name */

#include <fcntl.h>    /* fcntl, F_GETFD */
#include <poll.h>     /* poll */
#include <sys/time.h> /* struct timeval */

#include "../story.h"

static const char usage[] =
	"usage: tcp_fdopen\n"
	"Show getline and fprintf over a socket, and what buffers do to it.\n"
	"example: tcp_fdopen\n";

static char *line; /* of getline, which makes it as long as it must be */
static size_t room;

/* The next line from IN; how long it is, or -1. */
static long hear(FILE *in)
{
	long n;

	do {
		clearerr(in); /* musl and glibc remember a failure */
		n = CALL("server", getline(&line, &room, in));
	} while (n == -1 && errno == EINTR);
	if (n != -1)
		note("line = %s", quoted(line, (size_t)n).s);
	return n;
}

/* Does FD become readable within MS? What poll says: 1, or 0. */
static long readable(const char *who, int fd, int ms)
{
	struct pollfd pfd = {.fd = fd, .events = POLLIN};
	long n;

	do
		n = CALL(who, poll(&pfd, 1, ms));
	while (n == -1 && errno == EINTR);
	if (n == -1)
		die("poll");
	return n;
}

/* What the client hears within 5 seconds: the bytes, 0 at the end, or -1. */
static long client_hears(int client_fd)
{
	char buf[64];
	long n;

	if (readable("client", client_fd, 5000) == 0)
		note("nothing in 5 seconds");
	do
		n = CALL("client",
			 recv(client_fd, buf, sizeof buf, MSG_DONTWAIT));
	while (n == -1 && errno == EINTR);
	if (n > 0)
		note("buf = %s", quoted(buf, (size_t)n).s);
	return n;
}

static void client_says(int client_fd, const char *text)
{
	size_t n = strlen(text);

	note("text = %s", quoted(text, n).s);
	if (CALL("client", send(client_fd, text, n, MSG_NOSIGNAL)) != (long)n)
		die("send");
}

/* A connection on which no getline waits longer than MS. */
static void pair_with_timeout(int *client_fd, int *conn_fd, long ms)
{
	const struct timeval tv = {ms / 1000, ms % 1000 * 1000};

	connected_pair(client_fd, conn_fd);
	if (setsockopt(*conn_fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv) == -1)
		die("setsockopt SO_RCVTIMEO");
}

static FILE *file_over(int fd, const char *mode)
{
	FILE *file = fdopen(fd, mode);

	if (!file)
		die("fdopen");
	return file;
}

static void read_lines(int client_fd, FILE *in, int conn_fd)
{
	long n;

	scene("Lines out of a stream: fdopen and getline.");
	note("in = fdopen(conn_fd, \"r\"); conn_fd is %d, fileno(in) is %d",
	     conn_fd, fileno(in));
	expect(fileno(in) == conn_fd, "a FILE has the same descriptor inside");
	client_says(client_fd, "one\ntwo\nthr");
	n = hear(in);
	expect(n == 4, "getline ends at the newline, wherever send ended");
	n = readable("server", conn_fd, 0);
	expect(n == 0, "poll sees nothing more to read ...");
	n = hear(in);
	expect(n == 4, "... but there was: in the buffer of the FILE");
	client_says(client_fd, "ee\n");
	n = hear(in);
	expect(n == 6, "a line that came in two pieces is whole");
}

static void write_lines(int client_fd, FILE *out, int conn_fd)
{
	long n;

	scene("fprintf is not send: the answer that never leaves.");
	n = CALL("server", fprintf(out, "hello, %s\n", "client"));
	expect(n == 14, "fprintf is content with 14 bytes");
	n = readable("client", client_fd, 50);
	n += readable("server", conn_fd, 50);
	expect(n == 0, "both sides wait, each for the other");

	n = CALL("server", fflush(out));
	expect(n == 0, "fflush hands the buffer to the kernel");
	n = client_hears(client_fd);
	expect(n == 14, "the client has its answer");
}

static void one_file_for_both(void)
{
	FILE *file;
	int client_fd, conn_fd, flushed;
	long answered, n;

	scene("One FILE for both directions, \"r+\": do not.");
	pair_with_timeout(&client_fd, &conn_fd, 50);
	file = file_over(conn_fd, "r+");
	client_says(client_fd, "one\ntwo\n");
	n = hear(file);
	expect(n == 4, "the first line is read, \"two\\n\" is in the buffer");
	n = CALL("server", fprintf(file, "ONE\n"));
	expect(n == 4, "fprintf takes the answer to it");

	/* To write, it must get rid of what it has read ahead. A file can go
	 * back to there; a socket cannot, and each libc errs in its own way. */
	flushed = fflush(file);
	note("fflush: %s", flushed == 0 ? "0" : strerror(errno));
	answered = readable("client", client_fd, 50);
	n = hear(file);
	note("the answer %s, the second line %s",
	     answered ? "came" : "never came", n == 4 ? "came" : "never came");
	expect(!answered || n == -1, "something is lost, never use \"r+\"");
	fclose(file); /* best effort: it may fail as fflush did */
	close(client_fd);
}

static void fclose_without_dup(void)
{
	FILE *in, *out;
	int client_fd, conn_fd, stranger_fd;
	long n;

	scene("Two FILEs on one descriptor: fclose closes a stranger's.");
	pair_with_timeout(&client_fd, &conn_fd, 5000);
	in = file_over(conn_fd, "r");
	out = file_over(conn_fd, "w"); /* wrong on purpose: without dup */
	n = CALL("server", fclose(in));
	expect(n == 0, "fclose closes the descriptor too");
	n = CALL("server", fcntl(conn_fd, F_GETFD));
	expect(n == -1 && errno == EBADF, "conn_fd is closed, out is not");

	do /* others take the lower numbers that are free */
		stranger_fd =
			(int)CALL("other", socket(AF_INET, SOCK_STREAM, 0));
	while (stranger_fd != -1 && stranger_fd < conn_fd);
	expect(stranger_fd == conn_fd, "somebody else gets the free number");
	CALL("server", fclose(out));
	n = CALL("other", fcntl(stranger_fd, F_GETFD));
	expect(n == -1 && errno == EBADF, "and loses the socket behind it");
	close(client_fd);
}

static void fclose_with_dup(int client_fd, FILE *in, FILE *out)
{
	long n;

	scene("With dup: each FILE closes a descriptor of its own.");
	n = CALL("server", fclose(in));
	expect(n == 0, "the reading half is closed");
	n = CALL("server", fprintf(out, "bye\n"));
	expect(n == 4, "out still works, through out_fd");
	n = CALL("server", fclose(out));
	expect(n == 0, "fclose flushes first, then closes");
	n = client_hears(client_fd);
	expect(n == 4, "the last words have come");
	n = client_hears(client_fd);
	expect(n == 0, "and the end of the stream: no descriptor is left");
}

int main(int argc, char *argv[])
{
	int client_fd, conn_fd, out_fd;
	FILE *in, *out;

	begin_story(argc, argv, usage);
	pair_with_timeout(&client_fd, &conn_fd, 5000);
	out_fd = dup(conn_fd); /* two FILEs, so two descriptors */
	if (out_fd == -1)
		die("dup");
	in = file_over(conn_fd, "r");
	out = file_over(out_fd, "w");

	read_lines(client_fd, in, conn_fd);
	write_lines(client_fd, out, conn_fd);
	one_file_for_both();
	fclose_without_dup();
	fclose_with_dup(client_fd, in, out);
	close(client_fd);
	free(line);
	puts("\n"
	     "Remember: a FILE for each direction, "
	     "each with a descriptor of its own,\n"
	     "and fflush before you wait for an answer.");
}
