/* ready_not_connected - a solution: ask how it ended, with SO_ERROR. */
#include <err.h>	/* err */
#include <errno.h>	/* errno, EINPROGRESS */
#include <netinet/in.h> /* sockaddr_in, htons */
#include <poll.h>	/* poll */
#include <stdio.h>	/* printf */
#include <stdlib.h>	/* strtol */
#include <sys/socket.h> /* socket, connect */
#include <unistd.h>	/* close */

enum { PATIENCE = 1500 }; /* ms */

/* Wait until the descriptor can be written to: 1, or 0 if it cannot in time. */
static int wait_for(int fd)
{
	struct pollfd one = {.fd = fd, .events = POLLOUT};
	int n;

	do
		n = poll(&one, 1, PATIENCE);
	while (n == -1 && errno == EINTR);
	if (n == -1)
		err(1, "poll");
	return n;
}

/* What a port of 127.0.0.1 is, in words. */
static const char *state_of(const char *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t length = sizeof(int);
	int error = 0, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (fd == -1)
		err(1, "socket");
	address.sin_port = htons((in_port_t)strtol(port, NULL, 10));
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(fd, (struct sockaddr *)&address, sizeof address) == -1)
		error = errno;
	if (error == EINPROGRESS) {
		if (wait_for(fd) == 0)
			error = ETIMEDOUT;
		else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error,
				    &length) == -1)
			err(1, "getsockopt");
	}
	close(fd);
	if (error == 0)
		return "open";
	return error == ETIMEDOUT ? "no answer" : "closed";
}

int main(int argc, char *argv[])
{
	for (int i = 1; i < argc; i++)
		printf("%s %s\n", argv[i], state_of(argv[i]));
	return 0;
}
