/* hostile_length - this server believes each length that it is told.
 *
 * A message is its length, four bytes, the highest first, and so many bytes, at
 * most 1000. It is answered in the same form, in upper case.
 *
 * Symptom: cc -g -fsanitize=address hostile_length.c -o hostile_length
 *          ./hostile_length 8080, and in another terminal
 *          (printf '\0\0\4\377'; head -c 1279 /dev/zero) | nc 127.0.0.1 8080
 *          The sanitizer stops the server: stack-buffer-overflow.
 * Wanted:  a client that says a length of more than 1000 is hung up on, and
 *          harms nobody; all others are answered.
 * Check:   make exercise-hostile_length
 */
#include <arpa/inet.h>	/* ntohl */
#include <ctype.h>	/* toupper */
#include <err.h>	/* err */
#include <errno.h>	/* errno, EINTR */
#include <netinet/in.h> /* sockaddr_in, htons */
#include <stdbool.h>	/* bool */
#include <stdint.h>	/* uint32_t */
#include <stdio.h>	/* printf */
#include <stdlib.h>	/* strtol */
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

/* Send all of it. */
static bool send_all(int fd, const void *bytes, size_t n)
{
	const char *at = bytes;

	while (n > 0) {
		ssize_t sent = send(fd, at, n, MSG_NOSIGNAL);
		if (sent == -1 && errno == EINTR)
			continue;
		if (sent == -1)
			return false;
		at += sent;
		n -= (size_t)sent;
	}
	return true;
}

/* Hear exactly so many bytes. False if they do not come. */
static bool hear_all(int fd, void *bytes, size_t n)
{
	char *at = bytes;

	while (n > 0) {
		ssize_t heard = recv(fd, at, n, 0);
		if (heard == -1 && errno == EINTR)
			continue;
		if (heard <= 0)
			return false;
		at += heard;
		n -= (size_t)heard;
	}
	return true;
}

/* Answer each message until the client hangs up. */
static void serve(int conn_fd)
{
	char body[1000];
	uint32_t length;

	while (hear_all(conn_fd, &length, sizeof length)) {
		size_t n = ntohl(length);
		if (!hear_all(conn_fd, body, n))
			return;
		for (size_t i = 0; i < n; i++)
			body[i] = (char)toupper((unsigned char)body[i]);
		if (!send_all(conn_fd, &length, sizeof length) ||
		    !send_all(conn_fd, body, n))
			return;
	}
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
		close(conn_fd);
	}
}
