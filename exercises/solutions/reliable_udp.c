/* reliable_udp - a solution: a window; a loss: all of it is sent again. */
#include <err.h>	/* err, errx */
#include <errno.h>	/* errno, EINTR */
#include <netinet/in.h> /* sockaddr_in, htons */
#include <poll.h>	/* poll */
#include <stdbool.h>	/* bool */
#include <stdint.h>	/* uint32_t */
#include <stdio.h>	/* fread, fwrite */
#include <stdlib.h>	/* strtol */
#include <string.h>	/* strcmp */
#include <sys/socket.h> /* socket, bind, connect, recvfrom */

/* A datagram is the number of a piece, then at most 1000 bytes; a piece of
 * none is the end. The answer is the number of the piece wanted next. */
struct piece {
	uint32_t number; /* as the network has it: see htonl */
	char data[1000];
};

/* Pieces on their way at once; and in ms: send again; give up; stay for those
 * who have not heard our last answer. */
enum { WINDOW = 16, AGAIN = 60, GIVE_UP = 2000, STAY = 1000 };

/* True if a datagram comes within MS milliseconds; -1: without a limit. */
static bool comes(int fd, int ms)
{
	struct pollfd one = {.fd = fd, .events = POLLIN};
	int ready;

	do
		ready = poll(&one, 1, ms);
	while (ready == -1 && errno == EINTR);
	if (ready == -1)
		err(1, "poll");
	return ready == 1;
}

/* Send all of standard input to whom FD is connected to. */
static void send_it(int fd)
{
	struct piece pieces[WINDOW];
	size_t lengths[WINDOW], last = 1;
	uint32_t first = 0, next = 0, again = 0, wanted;
	int silent = 0;

	while (last > 0 || first != next) {
		for (; last > 0 && next - first < WINDOW; next++) {
			struct piece *piece = &pieces[next % WINDOW];
			last = fread(piece->data, 1, sizeof piece->data, stdin);
			piece->number = htonl(next);
			lengths[next % WINDOW] = sizeof piece->number + last;
		}
		for (; again != next; again++)
			while (send(fd, &pieces[again % WINDOW],
				    lengths[again % WINDOW], 0) == -1 &&
			       errno == EINTR)
				; /* any other error is as good as a loss */
		if (!comes(fd, AGAIN)) {
			silent += AGAIN;
			if (silent >= GIVE_UP)
				errx(1, "no answer");
			again = first;
		} else if (recv(fd, &wanted, sizeof wanted, 0) ==
			   sizeof wanted) {
			silent = 0;
			if (ntohl(wanted) - first <= next - first)
				first = ntohl(wanted); /* else an old answer */
		}
	}
}

/* Print what somebody sends to FD, up to the end of it. */
static void receive_it(int fd)
{
	struct sockaddr_in from;
	struct piece piece;
	uint32_t number = 0, wanted;
	bool ended = false;

	while (comes(fd, ended ? STAY : -1)) {
		socklen_t length = sizeof from;
		ssize_t n = recvfrom(fd, &piece, sizeof piece, 0,
				     (struct sockaddr *)&from, &length);
		if (n < (ssize_t)sizeof piece.number)
			continue; /* EINTR */
		if (ntohl(piece.number) == number && !ended) {
			size_t size = (size_t)n - sizeof piece.number;
			fwrite(piece.data, 1, size, stdout);
			ended = size == 0;
			number++;
		}
		wanted = htonl(number);
		while (sendto(fd, &wanted, sizeof wanted, 0,
			      (struct sockaddr *)&from, length) == -1 &&
		       errno == EINTR)
			;
	}
}

int main(int argc, char *argv[])
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t length = sizeof address;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (argc != 3)
		errx(2, "usage: reliable_udp receive|send PORT");
	address.sin_port = htons((in_port_t)strtol(argv[2], NULL, 10));
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (strcmp(argv[1], "send") == 0) {
		if (connect(fd, (struct sockaddr *)&address, length) == -1)
			err(1, "connect");
		send_it(fd);
	} else {
		if (bind(fd, (struct sockaddr *)&address, length) == -1 ||
		    getsockname(fd, (struct sockaddr *)&address, &length) == -1)
			err(1, "bind");
		fprintf(stderr, "listening on 127.0.0.1:%d\n",
			ntohs(address.sin_port));
		setbuf(stdout, NULL); /* what is printed is seen at once */
		receive_it(fd);
	}
	return fflush(stdout) == EOF;
}
