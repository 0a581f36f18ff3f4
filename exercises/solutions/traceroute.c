/* traceroute - a solution: echo requests, one at a time. */
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

/* Send an echo request that may pass HOP - 1 routers. HOP is its number. */
static void ask(int fd, const struct sockaddr_in *target, int hop)
{
	struct icmphdr echo;
	ssize_t sent;

	memset(&echo, 0, sizeof echo);
	echo.type = ICMP_ECHO;
	echo.un.echo.id = htons((uint16_t)getpid());
	echo.un.echo.sequence = htons((uint16_t)hop);
	echo.checksum = checksum(&echo, sizeof echo);
	if (setsockopt(fd, IPPROTO_IP, IP_TTL, &hop, sizeof hop) == -1)
		err(1, "setsockopt IP_TTL");
	do
		sent = sendto(fd, &echo, sizeof echo, 0,
			      (const struct sockaddr *)target, sizeof *target);
	while (sent == -1 && errno == EINTR);
	if (sent == -1)
		err(1, "sendto");
}

static size_t header_length(const unsigned char *ip)
{
	return (size_t)(ip[0] & 15) * 4;
}

/* If these N bytes, an IP packet, answer request HOP: what type of ICMP it is,
 * else -1. An error quotes the packet that it is about: it must be ours. */
static int answer(const unsigned char *packet, size_t n, int hop)
{
	const unsigned char *end = packet + n;
	const unsigned char *icmp = packet + header_length(packet);
	const unsigned char *echo = icmp;
	uint16_t ours[2] = {htons((uint16_t)getpid()), htons((uint16_t)hop)};

	if (n < 20 || icmp + 8 > end)
		return -1;
	if (icmp[0] == ICMP_TIME_EXCEEDED || icmp[0] == ICMP_DEST_UNREACH) {
		const unsigned char *ip = icmp + 8;
		if (ip + 20 > end || ip[9] != IPPROTO_ICMP)
			return -1;
		echo = ip + header_length(ip);
		if (echo + 8 > end || echo[0] != ICMP_ECHO)
			return -1;
	} else if (icmp[0] != ICMP_ECHOREPLY) {
		return -1;
	}
	return memcmp(echo + 4, ours, sizeof ours) == 0 ? icmp[0] : -1;
}

static long now(void) /* in ms */
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* Wait 500 ms for the answer to request HOP: its type, or -1; FROM whom. */
static int hear(int fd, int hop, struct sockaddr_in *from)
{
	const long end = now() + 500;
	struct pollfd one = {.fd = fd, .events = POLLIN};
	unsigned char packet[1500];
	int type = -1;

	for (long left = 500; left > 0 && type == -1; left = end - now()) {
		socklen_t length = sizeof *from;
		if (poll(&one, 1, (int)left) != 1)
			continue; /* EINTR, or the time is up */
		ssize_t n = recvfrom(fd, packet, sizeof packet, 0,
				     (struct sockaddr *)from, &length);
		if (n > 0)
			type = answer(packet, (size_t)n, hop);
	}
	return type;
}

int main(int argc, char *argv[])
{
	struct sockaddr_in target = {.sin_family = AF_INET}, from;
	int fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	int hops = argc > 2 ? atoi(argv[2]) : 30;

	if (fd == -1)
		err(1, "socket");
	if (argc < 2 || inet_pton(AF_INET, argv[1], &target.sin_addr) != 1)
		errx(2, "usage: traceroute ADDRESS [HOPS]");
	for (int hop = 1; hop <= hops; hop++) {
		ask(fd, &target, hop);
		int type = hear(fd, hop, &from);
		print_hop(hop, type == -1 ? NULL : &from);
		if (type == ICMP_ECHOREPLY)
			return 0;
		if (type == ICMP_DEST_UNREACH)
			return 1;
	}
	return 1;
}
