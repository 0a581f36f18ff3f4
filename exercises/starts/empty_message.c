/* empty_message - press Enter on an empty line, and this client hangs.
 *
 * It sends each line, without its newline, to a server that answers with as
 * many bytes (tcp_server does), and prints the answer.
 *
 * Symptom: cc empty_message.c -o empty_message; start ../tcp_server/tcp_server
 *          in one terminal, ./empty_message 8080 in another. Type hello: HELLO.
 *          Press Enter alone: nothing happens any more, whatever you type.
 * Wanted:  an empty line is skipped: nothing is sent, nothing printed for it.
 * Check:   make exercise-empty_message
 */
#include <err.h>	/* err, warn */
#include <errno.h>	/* errno, EINTR */
#include <netinet/in.h> /* sockaddr_in, htons */
#include <stdio.h>	/* printf */
#include <stdlib.h>	/* strtol */
#include <string.h>	/* strcspn */
#include <sys/socket.h> /* socket, connect, send */
#include <unistd.h>	/* close */

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

/* Hear the answer to a message of n bytes: as many, in any pieces. */
static void hear(int fd, char *answer, size_t n)
{
	size_t got = 0;

	do {
		ssize_t more = recv(fd, answer + got, 1024 - got, 0);
		if (more == -1 && errno == EINTR)
			continue;
		if (more == -1)
			err(1, "recv");
		if (more == 0)
			errx(1, "the server hung up");
		got += (size_t)more;
	} while (got < n);
}

int main(int argc, char *argv[])
{
	int fd = dial(argc > 1 ? argv[1] : "8080");
	char line[1024], answer[sizeof line];

	while (fgets(line, sizeof line, stdin)) {
		size_t n = strcspn(line, "\n");

		if (send_all(fd, line, n) == -1)
			err(1, "send");
		hear(fd, answer, n);
		printf("%.*s\n", (int)n, answer);
		fflush(stdout);
	}
	return 0;
}
