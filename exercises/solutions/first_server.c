/* first_server - a solution: the calls of a server, in their order. */
#include <ctype.h>	/* toupper */
#include <err.h>	/* err, warn */
#include <errno.h>	/* errno, EINTR */
#include <netinet/in.h> /* sockaddr_in, htons */
#include <stdbool.h>	/* bool */
#include <stdio.h>	/* printf */
#include <stdlib.h>	/* strtol */
#include <sys/socket.h> /* socket, bind, accept */
#include <unistd.h>	/* close */

/* Answer in upper case, all of it. False if that cannot be sent. */
static bool answer(int fd, char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		bytes[i] = (char)toupper((unsigned char)bytes[i]);
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

int main(int argc, char *argv[])
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t length = sizeof address;
	char buf[1024];

	address.sin_port =
		htons((in_port_t)strtol(argc > 1 ? argv[1] : "8080", NULL, 10));
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

	/* 1. We have a TCP socket, which has no address yet. */
	int listen_fd = socket(AF_INET, SOCK_STREAM, 0);
	if (listen_fd == -1)
		err(1, "socket");

	/* 2. It has the address above. */
	if (bind(listen_fd, (struct sockaddr *)&address, length) == -1)
		err(1, "bind");

	/* 3. The kernel takes calls for us, and lets them wait. */
	if (listen(listen_fd, 5) == -1)
		err(1, "listen");

	/* What we were given, if port 0 left the choice to the kernel. */
	if (getsockname(listen_fd, (struct sockaddr *)&address, &length) == -1)
		err(1, "getsockname");
	printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
	fflush(stdout);

	for (;;) {
		/* 4. We have a new socket, connected to the next client. */
		int conn_fd = accept(listen_fd, NULL, NULL);
		if (conn_fd == -1 && errno == EINTR)
			continue;
		if (conn_fd == -1)
			err(1, "accept");

		/* 5. What the client said is in buf, n bytes; 0: it hung up. */
		ssize_t n;
		while ((n = recv(conn_fd, buf, sizeof buf, 0)) != 0) {
			if (n == -1 && errno == EINTR)
				continue;
			if (n == -1 || !answer(conn_fd, buf, (size_t)n))
				break;
		}

		/* 6. We have hung up: the client sees the end of the stream. */
		close(conn_fd);
	}
}
