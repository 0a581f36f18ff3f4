/* option_too_late - a solution: set the option before bind, which needs it. */
#include <err.h>	/* err, warn */
#include <errno.h>	/* errno, EINTR */
#include <netinet/in.h> /* sockaddr_in, htons */
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

	if (fd == -1)
		err(1, "socket");
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == -1)
		err(1, "setsockopt");
	address.sin_port = htons((in_port_t)strtol(port, NULL, 10));
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (struct sockaddr *)&address, length) == -1)
		err(1, "bind");
	if (listen(fd, 5) == -1)
		err(1, "listen");
	if (getsockname(fd, (struct sockaddr *)&address, &length) == -1)
		err(1, "getsockname");
	printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
	fflush(stdout);
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
	int listen_fd = start_listening(argc > 1 ? argv[1] : "8080");
	char line[64];

	for (int number = 1;; number++) {
		int conn_fd;
		do
			conn_fd = accept(listen_fd, NULL, NULL);
		while (conn_fd == -1 && errno == EINTR);
		if (conn_fd == -1)
			err(1, "accept");
		int n = snprintf(line, sizeof line, "welcome, number %d\n",
				 number);
		if (send_all(conn_fd, line, (size_t)n) == -1)
			warn("send");
		close(conn_fd); /* we hang up first */
	}
}
