/* tcp_fdopen - may I use fgets and fprintf?
 *
 *   conn_fd ------------ fdopen "r" --> in  [buffer] --> getline, fgets
 *      \--- dup: out_fd - fdopen "w" --> out [buffer] <-- fprintf, fputs
 *
 * The kernel, poll and the peer know nothing of what is in such a buffer.
 *
 * Watch:  an answer that does not leave, and whom fclose closes
 * Next:   tcp_timeout, how long a call may wait
 */
#include "../common.h"

static char *line; /* getline makes it as long as it must be */
static size_t room;
static char buf[100];
static int n;

/* Make a FILE, which is a descriptor and a buffer in our own process. */
static FILE *file_over(int fd, const char *mode)
{
	FILE *file = fd == -1 ? NULL : fdopen(fd, mode);

	if (!file)
		die("dup or fdopen");
	return file;
}

static void read_lines(int client_fd, int conn_fd, FILE *in)
{
	struct pollfd end = {.fd = conn_fd, .events = POLLIN};
	int length;

	scene("Lines out of a stream: getline.");
	n = CALL("client", send(client_fd, "one\ntwo\nthr", 11, 0));
	expect("two lines, and the beginning of a third", n == 11);
	n = CALL("server", poll(&end, 1, 4000));
	length = CALL("server", getline(&line, &room, in));
	expect("\"one\": a line ends at its newline, wherever send ended",
	       n == 1 && length == 4 && strcmp(line, "one\n") == 0);
	n = CALL("server", poll(&end, 1, 0));
	length = CALL("server", getline(&line, &room, in));
	expect("poll saw nothing, but \"two\" was in the buffer of the FILE",
	       n == 0 && length == 4 && strcmp(line, "two\n") == 0);
	if (send_all(client_fd, "ee\n", 3) == -1)
		die("send");
	n = CALL("server", getline(&line, &room, in));
	if (ferror(in)) /* then it may return a part of a line */
		die("getline");
	expect("\"three\" came in two pieces, and is whole",
	       n == 6 && strcmp(line, "three\n") == 0);
}

static void write_lines(int client_fd, FILE *out)
{
	struct pollfd end = {.fd = client_fd, .events = POLLIN};
	int length;

	scene("fprintf is not send: the answer that never leaves.");
	length = CALL("server", fprintf(out, "hello, %s\n", "client"));
	n = CALL("client", poll(&end, 1, 50));
	expect("fprintf is content; both sides wait, each for the other",
	       length == 14 && n == 0);
	CALL("server", fflush(out)); /* hands the buffer to the kernel */
	n = CALL("client", poll(&end, 1, 4000));
	length = CALL("client", recv(client_fd, buf, sizeof buf, MSG_DONTWAIT));
	expect("fflush sends it: the client has its answer",
	       n == 1 && length == 14 &&
		       memcmp(buf, "hello, client\n", 14) == 0);
}

static void without_dup(int fd)
{
	FILE *in = file_over(fd, "r");
	FILE *out = file_over(fd, "w"); /* wrong */
	int other_fd;

	scene("Two FILEs on one descriptor: fclose closes a stranger's.");
	CALL("server", fclose(in)); /* and fd with it */
	other_fd = CALL("other", socket(AF_INET, SOCK_STREAM, 0));
	expect("the number is free: somebody else gets it", other_fd == fd);
	CALL("server", fclose(out)); /* and fd again */
	n = CALL("other", fcntl(other_fd, F_GETFD));
	expect("and loses the socket behind it", n == -1 && errno == EBADF);
}

static void with_dup(int client_fd, FILE *in, FILE *out)
{
	struct pollfd end = {.fd = client_fd, .events = POLLRDHUP};
	int length;

	CALL("server", fclose(in));
	n = CALL("server", fprintf(out, "bye\n"));
	expect("with dup, out has a descriptor of its own and works on",
	       n == 4);
	n = CALL("server", fclose(out));
	expect("fclose flushes first, then closes", n == 0);
	n = CALL("client", poll(&end, 1, 4000)); /* until the end has come */
	length = CALL("client", recv(client_fd, buf, sizeof buf, MSG_WAITALL));
	expect("the last words, and the end of the stream",
	       n == 1 && length == 4 && memcmp(buf, "bye\n", 4) == 0);
}

int main(int argc, char *argv[])
{
	int client_fd, conn_fd;
	FILE *in, *out;

	begin_story(argc, argv,
		    "usage: tcp_fdopen\n"
		    "Show a FILE over a socket, and what its buffer does.\n"
		    "example: tcp_fdopen\n");
	connected_pair(&client_fd, &conn_fd);
	in = file_over(conn_fd, "r");
	out = file_over(dup(conn_fd), "w"); /* two FILEs, two descriptors */
	read_lines(client_fd, conn_fd, in);
	write_lines(client_fd, out);
	without_dup(dup(conn_fd));
	with_dup(client_fd, in, out);
	free(line);
}
