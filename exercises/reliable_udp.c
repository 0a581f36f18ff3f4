/* reliable_udp - a task from scratch: a stream over a line that loses data.
 *
 * ./reliable_udp receive PORT prints what it is sent, at once, on its output;
 * ./reliable_udp send PORT    sends it all of its standard input.
 * The check puts a relay between the two. It passes datagrams on (of 1200 bytes
 * at most; it has room for 32 in each direction), and some it loses, repeats or
 * delays. How your datagrams look, and what they say, is up to you.
 *
 * Wanted, and for how many points; the check knows no more than stands here:
 *    15  all bytes are printed, in order; then both end, with status 0
 *     5  and if there are none, or one, or some that are 0
 *    15  though one datagram of five is lost, in either direction
 *    10  though each comes twice, the second time later
 *    10  though they overtake each other
 *     5  though the line is dead for a second
 *     5  though the answers to the last of it get lost: the receiver goes on
 *        answering for a second
 *     5  the sender gives up, with status 1, when nobody has answered for 2 s
 *    15  60 KiB within 1.5 s, where an answer takes 50 ms: a window
 *     5  and that with no more than three times as many bytes on the line
 *     5  all of that under an unkind kernel: EINTR
 *     5  nothing is written beyond the end of an array
 *
 * Symptom: what is below sends, and hopes.
 * Check:   make exercise-reliable_udp
 */
#include <err.h>	/* err, errx */
#include <errno.h>	/* errno, EINTR */
#include <netinet/in.h> /* sockaddr_in, htons */
#include <poll.h>	/* poll */
#include <stdint.h>	/* uint32_t */
#include <stdio.h>	/* fread, fwrite */
#include <stdlib.h>	/* strtol */
#include <string.h>	/* strcmp */
#include <sys/socket.h> /* socket, bind, connect, recvfrom */

/* Send all of standard input to whom FD is connected to. */
static void send_it(int fd)
{
	char data[1000];
	size_t n;

	do {
		n = fread(data, 1, sizeof data, stdin);
		if (send(fd, data, n, 0) == -1)
			err(1, "send");
	} while (n > 0);
}

/* Print what somebody sends to FD, up to the end of it. */
static void receive_it(int fd)
{
	char data[1200];
	ssize_t n;

	do {
		n = recv(fd, data, sizeof data, 0);
		if (n == -1 && errno != EINTR)
			err(1, "recv");
		if (n > 0)
			fwrite(data, 1, (size_t)n, stdout);
	} while (n != 0);
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
