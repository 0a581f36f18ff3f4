/* small_sends - each answer takes 40 ms, and no program is at work meanwhile.
 *
 * It greets its client by each name that it says, a line of 100 bytes at most.
 *
 * Symptom: cc small_sends.c -o small_sends && ./small_sends 8080
 *          In another terminal, python3 -i and
 *          from socket import *; from time import *
 *          c = create_connection(("127.0.0.1", 8080))
 *          for i in range(30): t = time(); c.send(b"ada\n"); c.recv(7); \
 *              c.recv(99); time() - t
 *          Sooner or later an answer takes 0.04 s, and the next ones as well.
 * Wanted:  no piece of an answer waits for an ACK of the client's.
 * Check:   make exercise-small_sends
 */
#include <err.h>	/* err */
#include <errno.h>	/* errno, EINTR */
#include <netinet/in.h> /* sockaddr_in, htons */
#include <stdbool.h>	/* bool */
#include <stdio.h>	/* fdopen, fgets */
#include <stdlib.h>	/* strtol */
#include <string.h>	/* strcspn */
#include <sys/socket.h> /* socket, bind, accept, send */

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

/* Send all of it. False if that cannot be done. */
static bool send_all(int fd, const char *bytes, size_t n)
{
	while (n > 0) {
		ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
		if (sent == -1 && errno == EINTR)
			continue;
		if (sent == -1)
			return false;
		bytes += sent;
		n -= (size_t)sent;
	}
	return true;
}

/* Greet whoever says a name, until the client hangs up. */
static void serve(int conn_fd)
{
	char name[128];
	FILE *in = fdopen(conn_fd, "r");

	if (!in)
		err(1, "fdopen");
	while (fgets(name, sizeof name, in)) {
		name[strcspn(name, "\n")] = '\0';
		if (!send_all(conn_fd, "hello, ", 7) ||
		    !send_all(conn_fd, name, strlen(name)) ||
		    !send_all(conn_fd, "\n", 1))
			break;
	}
	fclose(in); /* and with it the socket */
}

int main(int argc, char *argv[])
{
	int listen_fd = start_listening(argc > 1 ? argv[1] : "8080");

	for (;;) {
		int conn_fd = accept(listen_fd, NULL, NULL);
		if (conn_fd == -1 && errno == EINTR)
			continue;
		if (conn_fd == -1)
			err(1, "accept");
		serve(conn_fd);
	}
}
