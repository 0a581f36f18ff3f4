/* udp_waits_forever - a solution: poll(2) with a limit, then ask again. */
#include <err.h>	/* err, errx */
#include <errno.h>	/* errno, EINTR */
#include <netinet/in.h> /* sockaddr_in, htons */
#include <poll.h>	/* poll */
#include <stdio.h>	/* printf */
#include <stdlib.h>	/* strtol */
#include <string.h>	/* strlen */
#include <sys/socket.h> /* socket, connect, recv */

/* A UDP socket that sends to 127.0.0.1:PORT, and hears nobody else. */
static int dial(const char *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	address.sin_port = htons((in_port_t)strtol(port, NULL, 10));
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(fd, (struct sockaddr *)&address, sizeof address) == -1)
		err(1, "connect");
	return fd;
}

static void ask(int fd, const char *question)
{
	while (send(fd, question, strlen(question), 0) == -1)
		if (errno != EINTR)
			err(1, "send");
}

/* True if an answer has come within 300 ms. */
static int answered(int fd)
{
	struct pollfd one = {.fd = fd, .events = POLLIN};
	int ready;

	do
		ready = poll(&one, 1, 300);
	while (ready == -1 && errno == EINTR);
	if (ready == -1)
		err(1, "poll");
	return ready;
}

int main(int argc, char *argv[])
{
	int fd = dial(argc > 1 ? argv[1] : "8080");
	char answer[1024];
	ssize_t n;

	for (int tries = 1;; tries++) {
		ask(fd, argc > 2 ? argv[2] : "hello");
		if (answered(fd))
			break;
		if (tries == 3)
			errx(1, "no answer");
	}
	do
		n = recv(fd, answer, sizeof answer, 0);
	while (n == -1 && errno == EINTR);
	if (n == -1)
		err(1, "recv");
	printf("%.*s\n", (int)n, answer);
	return 0;
}
