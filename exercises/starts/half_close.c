/* half_close - the client has said all, but who tells the server?
 *
 * It sends all of its input to a server that answers only once it knows that
 * this was all, such as one that sorts lines, and prints the answer.
 *
 * Symptom: cc half_close.c -o half_close
 *          In one terminal: socat TCP-LISTEN:8080,reuseaddr EXEC:sort
 *          In another:      printf 'b\na\n' | ./half_close 8080
 *          Both wait for ever; nothing is sorted.
 * Wanted:  the server learns that there is no more, and its answer is printed.
 * Check:   make exercise-half_close
 */
#include <err.h>	/* err, warn */
#include <errno.h>	/* errno, EINTR */
#include <netinet/in.h> /* sockaddr_in, htons */
#include <stdio.h>	/* printf */
#include <stdlib.h>	/* strtol */
#include <sys/socket.h> /* socket, connect, send */

/* A connection to 127.0.0.1:PORT. */
static int dial(const char *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	address.sin_port = htons((in_port_t)strtol(port, NULL, 10));
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(fd, (struct sockaddr *)&address, sizeof address) == -1)
		err(1, "connect");
	return fd;
}

/* Send all of it. 0, or -1 with errno. */
static int send_all(int fd, const char *bytes, size_t n)
{
	while (n > 0) {
		ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
		if (sent == -1 && errno == EINTR)
			continue;
		if (sent == -1)
			return -1;
		bytes += sent;
		n -= (size_t)sent;
	}
	return 0;
}

int main(int argc, char *argv[])
{
	int fd = dial(argc > 1 ? argv[1] : "8080");
	char buf[4096];
	size_t length;

	while ((length = fread(buf, 1, sizeof buf, stdin)) > 0)
		if (send_all(fd, buf, length) == -1)
			err(1, "send");

	for (;;) {
		ssize_t n = recv(fd, buf, sizeof buf, 0);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			err(1, "recv");
		if (n == 0)
			break;
		fwrite(buf, 1, (size_t)n, stdout);
	}
	return 0;
}
