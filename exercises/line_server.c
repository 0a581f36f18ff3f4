/* line_server - a task from scratch: lines, many clients, hostile ones.
 *
 * Wanted, and for how many points; the check knows no more than stands here:
 *    10  a line, which ends in a newline, is answered by the same in upper case
 *    15  however its bytes arrive: in pieces, or several lines at once
 *    10  an empty line, one of 1000 bytes, and one with a byte 0 are lines
 *    10  instead of answering a line of more than 1000 bytes, it hangs up
 *    10  a line that was not finished is not answered; when the client hangs
 *        up, so does the server
 *    15  40 clients at once, each answered as soon as it speaks
 *     5  a client that resets its connection harms nobody
 *    10  a client that reads nothing stops nobody else
 *     5  no descriptor and no process is left of a client that has left
 *     5  all of that under an unkind kernel: short counts, EINTR
 *     5  nothing is written beyond the end of an array
 *
 * Symptom: what is below listens, and says nothing.
 * Check:   make exercise-line_server
 */
#include <ctype.h>	/* toupper */
#include <err.h>	/* err, warn */
#include <errno.h>	/* errno, EINTR */
#include <netinet/in.h> /* sockaddr_in, htons */
#include <signal.h>	/* sigaction */
#include <stdbool.h>	/* bool */
#include <stdio.h>	/* printf */
#include <stdlib.h>	/* strtol */
#include <string.h>	/* memchr, memmove */
#include <sys/socket.h> /* socket, bind, accept */
#include <unistd.h>	/* close */

/* A socket that listens on 127.0.0.1:PORT; port 0: the kernel chooses one. */
static int start_listening(const char *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t length = sizeof address;
	int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

	address.sin_port = htons((in_port_t)strtol(port, NULL, 10));
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == -1 ||
	    bind(fd, (struct sockaddr *)&address, length) == -1 ||
	    listen(fd, 5) == -1 ||
	    getsockname(fd, (struct sockaddr *)&address, &length) == -1)
		err(1, "no listening socket");
	printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
	fflush(stdout);
	return fd;
}

/* Hear this client, and answer each of its lines. */
static void serve(int conn_fd)
{
	(void)conn_fd; /* yours to write */
}

int main(int argc, char *argv[])
{
	int listen_fd = start_listening(argc > 1 ? argv[1] : "8080");

	for (;;) { /* one after another: many at once is yours to write */
		int conn_fd = accept(listen_fd, NULL, NULL);
		if (conn_fd == -1 && errno == EINTR)
			continue;
		if (conn_fd == -1)
			err(1, "accept");
		serve(conn_fd);
		close(conn_fd);
	}
}
