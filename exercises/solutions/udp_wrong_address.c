/* udp_wrong_address - a solution: recvfrom says who sent each datagram. */
#include <ctype.h>	/* toupper */
#include <err.h>	/* err, warn */
#include <errno.h>	/* errno, EINTR */
#include <netinet/in.h> /* sockaddr_in, htons */
#include <stdio.h>	/* printf */
#include <stdlib.h>	/* strtol */
#include <sys/socket.h> /* socket, bind, recvfrom */

/* A UDP socket with the address 127.0.0.1:PORT; port 0: the kernel's choice. */
static int open_port(const char *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t length = sizeof address;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	address.sin_port = htons((in_port_t)strtol(port, NULL, 10));
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (struct sockaddr *)&address, length) == -1 ||
	    getsockname(fd, (struct sockaddr *)&address, &length) == -1)
		err(1, "no UDP socket");
	printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
	fflush(stdout);
	return fd;
}

static void upper_case(char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		bytes[i] = (char)toupper((unsigned char)bytes[i]);
}

/* Send one datagram. UDP takes it whole or not at all. */
static void reply(int fd, const char *bytes, size_t n,
		  const struct sockaddr_in *to)
{
	while (sendto(fd, bytes, n, 0, (const struct sockaddr *)to,
		      sizeof *to) == -1)
		if (errno != EINTR) {
			warn("sendto");
			return;
		}
}

int main(int argc, char *argv[])
{
	int fd = open_port(argc > 1 ? argv[1] : "8080");
	static char buf[65536];
	struct sockaddr_in peer;

	for (;;) {
		socklen_t length = sizeof peer;
		ssize_t n = recvfrom(fd, buf, sizeof buf, 0,
				     (struct sockaddr *)&peer, &length);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			err(1, "recvfrom");
		upper_case(buf, (size_t)n);
		reply(fd, buf, (size_t)n, &peer);
	}
}
