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
static int n, length;

/* Make a FILE, which is a descriptor and a buffer in our own process. */
static FILE *file_over(int fd, const char *mode)
{
	FILE *file = fd == -1 ? NULL : fdopen(fd, mode);

	if (!file)
		die("dup or fdopen");
	return file;
}

/* Two FILEs on one descriptor: wrong. */
static void without_dup(int fd)
{
	FILE *in = file_over(fd, "r"), *out = file_over(fd, "w");

	scene("Two FILEs on one descriptor: fclose closes a stranger's.");
	CALL("server", fclose(in)); /* and fd with it */
	int other_fd = CALL("other", socket(AF_INET, SOCK_STREAM, 0));
	expect("the number is free: somebody else gets it", other_fd == fd);
	CALL("server", fclose(out)); /* and fd again */
	n = CALL("other", listen(other_fd, 1));
	expect("and loses the socket behind it", n == -1 && errno == EBADF);
}

int main(int argc, char *argv[])
{
	int client_fd, conn_fd;
	char buf[100];

	begin_story(argc, argv,
		    "usage: tcp_fdopen\n"
		    "Show a FILE over a socket, and what its buffer does.\n"
		    "example: tcp_fdopen\n");
	connected_pair(&client_fd, &conn_fd);
	FILE *in = file_over(conn_fd, "r");
	FILE *out = file_over(dup(conn_fd), "w"); /* its own descriptor */
	struct pollfd server = {.fd = conn_fd, .events = POLLIN};
	struct pollfd client = {.fd = client_fd, .events = POLLIN};

	scene("Lines out of a stream: getline.");
	n = CALL("client", send(client_fd, "one\ntwo\nthr", 11, 0));
	expect("two lines, and the beginning of a third", n == 11);
	n = CALL("server", poll(&server, 1, 4000));
	length = CALL("server", getline(&line, &room, in));
	expect("\"one\": a line ends at its newline, wherever send ended",
	       n == 1 && length == 4 && strcmp(line, "one\n") == 0);
	n = CALL("server", poll(&server, 1, 0));
	length = CALL("server", getline(&line, &room, in));
	expect("poll saw nothing, but \"two\" was in the buffer of the FILE",
	       n == 0 && length == 4 && strcmp(line, "two\n") == 0);
	n = CALL("client", send(client_fd, "ee\n", 3, 0));
	length = CALL("server", getline(&line, &room, in));
	if (ferror(in)) /* then it may return a part of a line */
		die("getline");
	expect("\"three\" came in two pieces, and is whole",
	       n == 3 && length == 6 && strcmp(line, "three\n") == 0);

	scene("fprintf is not send: the answer that never leaves.");
	length = CALL("server", fprintf(out, "hello, %s\n", "client"));
	n = CALL("client", poll(&client, 1, 50));
	expect("fprintf is content; both sides wait, each for the other",
	       length == 14 && n == 0);
	CALL("server", fflush(out)); /* hands the buffer to the kernel */
	n = CALL("client", poll(&client, 1, 4000));
	length = CALL("client", recv(client_fd, buf, sizeof buf, MSG_DONTWAIT));
	expect("fflush sends it: the client has its answer",
	       n == 1 && length == 14 &&
		       memcmp(buf, "hello, client\n", 14) == 0);

	without_dup(dup(conn_fd));
	CALL("server", fclose(in));
	CALL("server", fprintf(out, "bye\n"));
	n = CALL("server", fclose(out));
	expect("with dup, out works on after fclose(in)", n == 0);
	length = CALL("client", recv(client_fd, buf, sizeof buf, MSG_WAITALL));
	expect("fclose flushes, then closes: the last words, and the end",
	       length == 4 && memcmp(buf, "bye\n", 4) == 0);
	free(line);
}
