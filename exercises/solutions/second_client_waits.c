/* second_client_waits - a solution: one poll(2) waits for all clients. */
#include <ctype.h>	/* toupper */
#include <err.h>	/* err, warn */
#include <errno.h>	/* errno, EINTR */
#include <netinet/in.h> /* sockaddr_in, htons */
#include <poll.h>	/* poll */
#include <stdbool.h>	/* bool */
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

/* Hear what has come, and answer it. False: the conversation is over. */
static bool serve(int conn_fd)
{
	char buf[1024];
	ssize_t n = recv(conn_fd, buf, sizeof buf, 0);

	if (n == -1 && errno == EINTR)
		return true; /* poll will tell again */
	return n > 0 && answer(conn_fd, buf, (size_t)n);
}

enum { MOST = 40 };

int main(int argc, char *argv[])
{
	struct pollfd fds[1 + MOST] = {{.events = POLLIN}};
	nfds_t count = 1;

	fds[0].fd = start_listening(argc > 1 ? argv[1] : "8080");
	for (;;) {
		fds[0].events = count <= MOST ? POLLIN : 0;
		if (poll(fds, count, -1) == -1) {
			if (errno != EINTR)
				err(1, "poll");
			continue;
		}
		for (nfds_t i = count - 1; i > 0; i--) {
			if (fds[i].revents == 0 || serve(fds[i].fd))
				continue;
			close(fds[i].fd);
			fds[i] = fds[--count];
		}
		if (fds[0].revents) {
			int conn_fd = accept(fds[0].fd, NULL, NULL);
			if (conn_fd != -1)
				fds[count++] = (struct pollfd){
					.fd = conn_fd, .events = POLLIN};
			else if (errno != EINTR)
				err(1, "accept");
		}
	}
}
