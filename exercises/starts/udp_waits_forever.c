/* udp_waits_forever - one lost datagram, and this client waits for ever.
 *
 * It sends a word to a UDP server and prints the answer.
 *
 * Symptom: cc udp_waits_forever.c -o udp_waits_forever
 *          nc -u -l 127.0.0.1 8080 is a server that never answers by itself;
 *          ./udp_waits_forever 8080 hello waits for ever. Had the word been
 *          lost on the way, it would wait just so.
 * Wanted:  if there is no answer within 300 ms it asks again, three times in
 *          all; after that it says: no answer; and ends with status 1.
 * Check:   make exercise-udp_waits_forever
 */
#include <err.h>	/* err */
#include <errno.h>	/* errno, EINTR */
#include <netinet/in.h> /* sockaddr_in, htons */
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

int main(int argc, char *argv[])
{
	int fd = dial(argc > 1 ? argv[1] : "8080");
	char answer[1024];
	ssize_t n;

	ask(fd, argc > 2 ? argv[2] : "hello");
	do
		n = recv(fd, answer, sizeof answer, 0);
	while (n == -1 && errno == EINTR);
	if (n == -1)
		err(1, "recv");
	printf("%.*s\n", (int)n, answer);
	return 0;
}
