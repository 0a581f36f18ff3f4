/* overflow_by_one - a solution: leave one byte of the array for the '\0'. */
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

static struct {
	char name[16];
	char greeting[16];
} hall = {.greeting = "hello"};

int main(int argc, char *argv[])
{
	int fd = open_port(argc > 1 ? argv[1] : "8080");
	char text[64];

	for (;;) {
		struct sockaddr_in guest;
		socklen_t length = sizeof guest;
		ssize_t n = recvfrom(fd, hall.name, sizeof hall.name - 1, 0,
				     (struct sockaddr *)&guest, &length);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			err(1, "recvfrom");
		hall.name[n] = '\0';
		int size = snprintf(text, sizeof text, "%s, %s", hall.greeting,
				    hall.name);
		reply(fd, text, (size_t)size, &guest);
	}
}
