/* chat_server - a task from scratch: what one client says, all others hear.
 *
 * Wanted, and for how many points; the check knows no more than stands here:
 *    10  a line, which ends in a newline, goes to all other clients as it is,
 *        and not back to the one who said it
 *    15  however its bytes arrive: in pieces, or several lines at once; what
 *        others hear are whole lines, one after another
 *    10  an empty line, one of 1000 bytes, and one with a byte 0 are lines; a
 *        client whose line is longer is hung up on, and nobody hears that line
 *     5  nobody hears a line that was not finished; when a client hangs up, so
 *        does the server
 *     5  40 clients at once
 *     5  a client that resets its connection harms nobody
 *    15  a client that reads nothing stops nobody else
 *    10  what it has not read waits for it, up to 256 KiB, and none is missing
 *        when it reads again
 *     5  a client for whom more than that waits is hung up on
 *     5  the server sleeps while nothing happens, whatever waits for a client
 *     5  no descriptor and no process is left of a client that has left
 *     5  all of that under an unkind kernel: short counts, EINTR
 *     5  nothing is written beyond the end of an array
 *
 * Symptom: what is below listens, and says nothing.
 * Check:   make exercise-chat_server
 */
#include <err.h>	/* err */
#include <errno.h>	/* errno, EINTR, EAGAIN */
#include <netinet/in.h> /* sockaddr_in, htons */
#include <poll.h>	/* poll */
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
	    listen(fd, 50) == -1 ||
	    getsockname(fd, (struct sockaddr *)&address, &length) == -1)
		err(1, "no listening socket");
	printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
	fflush(stdout);
	return fd;
}

int main(int argc, char *argv[])
{
	int listen_fd = start_listening(argc > 1 ? argv[1] : "8080");

	for (;;) { /* whom it picks up, it hangs up on: the rest is yours */
		int conn_fd = accept(listen_fd, NULL, NULL);
		if (conn_fd == -1 && errno == EINTR)
			continue;
		if (conn_fd == -1)
			err(1, "accept");
		close(conn_fd);
	}
}
