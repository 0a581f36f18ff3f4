/* traceroute - a task from scratch: which routers are on the way?
 *
 * ./traceroute ADDRESS [HOPS] asks the routers on the way to ADDRESS, one after
 * another (a packet that may pass no more than N routers ends at the next one,
 * which says so), and prints a line for each, like
 *
 *	 1  10.66.1.1
 *	 2  *
 *
 * What you ask with, ICMP or UDP, is up to you. You may open raw sockets.
 * Wanted, and for how many points; the check knows no more than stands here:
 *    10  for a neighbour, one line, with its address; status 0
 *    20  for a target behind three routers, their addresses, then its own
 *     5  at most HOPS lines (30); status 1 if that was not far enough
 *    10  a router that says nothing for 500 ms is a *; then comes the next one
 *    10  an answer that comes too late is not taken for the next router's
 *    15  answers to others' packets are not yours, nor are pieces of answers
 *    10  an answer counts if its IP header has options (and is longer), too
 *    10  a router that says it knows no way: its line is the last; status 1
 *     5  all of that under an unkind kernel: EINTR
 *     5  nothing is read or written beyond the end of an array
 *
 * Symptom: what is below asks the target, and no router.
 *          By hand: ../scripts/exercise routers ./traceroute 10.66.4.1
 * Check:   make exercise-traceroute
 */
#include <arpa/inet.h>	     /* inet_pton, inet_ntoa */
#include <err.h>	     /* err, errx */
#include <errno.h>	     /* errno, EINTR */
#include <netinet/in.h>	     /* sockaddr_in */
#include <netinet/ip_icmp.h> /* struct icmphdr, ICMP_ECHO */
#include <poll.h>	     /* poll */
#include <stdbool.h>	     /* bool */
#include <stdint.h>	     /* uint16_t */
#include <stdio.h>	     /* printf */
#include <stdlib.h>	     /* atoi */
#include <string.h>	     /* memcmp, memset */
#include <sys/socket.h>	     /* socket, sendto, recvfrom */
#include <time.h>	     /* clock_gettime */
#include <unistd.h>	     /* getpid */

/* The checksum of an ICMP message of an even number of bytes. */
static uint16_t checksum(const void *message, size_t n)
{
	const unsigned char *bytes = message;
	uint32_t total = 0;

	for (size_t i = 0; i < n; i += 2)
		total += bytes[i] * 256u + bytes[i + 1];
	while (total > 0xffff)
		total = (total & 0xffff) + (total >> 16);
	return htons((uint16_t)~total);
}

/* Print what is known about the way: a router's address, or NULL. */
static void print_hop(int hop, const struct sockaddr_in *from)
{
	printf("%2d  %s\n", hop, from ? inet_ntoa(from->sin_addr) : "*");
	fflush(stdout);
}

/* Send an echo request, as ping does. */
static void ask(int fd, const struct sockaddr_in *target, uint16_t number)
{
	struct icmphdr echo;

	memset(&echo, 0, sizeof echo);
	echo.type = ICMP_ECHO;
	echo.un.echo.id = htons((uint16_t)getpid());
	echo.un.echo.sequence = htons(number);
	echo.checksum = checksum(&echo, sizeof echo);
	if (sendto(fd, &echo, sizeof echo, 0, (const struct sockaddr *)target,
		   sizeof *target) == -1)
		err(1, "sendto");
}

int main(int argc, char *argv[])
{
	struct sockaddr_in target = {.sin_family = AF_INET}, from;
	socklen_t length = sizeof from;
	unsigned char packet[1500];
	int fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);

	if (fd == -1)
		err(1, "socket");
	if (argc < 2 || inet_pton(AF_INET, argv[1], &target.sin_addr) != 1)
		errx(2, "usage: traceroute ADDRESS [HOPS]");
	ask(fd, &target, 1);
	if (recvfrom(fd, packet, sizeof packet, 0, (struct sockaddr *)&from,
		     &length) == -1)
		err(1, "recvfrom");
	print_hop(1, &from);
	return 0;
}
