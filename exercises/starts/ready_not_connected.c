/* ready_not_connected - nobody listens there, and it says: open.
 *
 * It says of each port that it is given whether somebody listens at it, on
 * 127.0.0.1: open, closed (refused), or no answer within 1.5 s.
 *
 * Symptom: cc ready_not_connected.c -o ready_not_connected
 *          ./ready_not_connected 1 2 3
 *          It says that all three are open. Try nc -v 127.0.0.1 1
 * Wanted:  a line for each port, in their order: "1 open", "1 closed" or
 *          "1 no answer"; as many ports as one likes.
 * Check:   make exercise-ready_not_connected
 */
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
	int error = 0, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (fd == -1)
		err(1, "socket");
	address.sin_port = htons((in_port_t)strtol(port, NULL, 10));
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(fd, (struct sockaddr *)&address, sizeof address) == -1)
		error = errno;
	if (error == EINPROGRESS)
		error = wait_for(fd) ? 0 : ETIMEDOUT;
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
