/* raw_icmp - how does ping work?
 *
 *   echo request: type 8, id, sequence, data ---->  the kernel over there
 *   echo reply:   type 0, the same three     <----  answers by itself, or
 *   error:        quotes our request         <----  a router on the way does
 *
 * Watch:  what an answer must prove before it counts; who answers to -t 1
 * Next:   raw_sniff, what passes on the wire
 */
#include "../common.h"
#include <arpa/inet.h>
#include <grp.h>
#include <netinet/ip_icmp.h>
#include <time.h>

static const char usage[] =
	"usage: raw_icmp [-c|-s|-t NUMBER] [-i|-W SECONDS] [HOST]\n"
	"Ask HOST (127.0.0.1) for an echo, -c times, every -i seconds (1), of\n"
	"-s bytes (56), within -W seconds (2), through less than -t routers.\n"
	"example: raw_icmp -c 3 -i 0.2 127.0.0.1\n";

static double option[] = {
	['c'] = -1, ['i'] = 1, ['s'] = 56, ['t'] = 64, ['W'] = 2};
static struct sockaddr_in host;
static uint16_t request[32758]; /* an IP packet has room for no more */
static size_t size;		/* of it: 8 bytes of ICMP, and the data */
static int sent, received, errors;
static double asked[65536]; /* when; 0: never; negative: it has its answer */
static volatile sig_atomic_t stopped;

static double now(void) /* in seconds, as all times here */
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Add up all 16-bit numbers, high byte first, add in what overflows, and turn
 * all bits over. A message with the right checksum inside has checksum 0. */
static uint16_t checksum(const unsigned char *bytes, size_t n)
{
	unsigned total = 0;
	for (size_t i = 0; i < n; i++)
		total += i % 2 ? bytes[i] : bytes[i] * 256u;
	while (total > 0xffff)
		total = (total & 0xffff) + (total >> 16);
	return htons((uint16_t)~total);
}

/* 1. A raw socket gets everybody's ICMP packets, so opening it takes a right.
 *    Nothing else does: root becomes nobody, unless in scripts/sandbox. */
static int open_socket(void)
{
	int fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	if (fd == -1)
		errx(1, "socket SOCK_RAW: %s (%s)\nhint: %s\nhint: %s",
		     strerror(errno), errno_name(errno),
		     geteuid() ? "make demo-icmp, or sudo raw_icmp/raw_icmp"
			       : "root in a container: --cap-add NET_RAW",
		     "ping itself needs only net.ipv4.ping_group_range");
	if (geteuid() == 0 && setgid(65534) == 0 &&
	    (setgroups(0, NULL) == -1 || setuid(65534) == -1))
		die("setuid");
	return fd;
}

/* 2. The id tells our replies from other pings', the sequence number one from
 *    the next. In packets, numbers have their high byte first. */
static void ask(int fd)
{
	request[0] = htons(ICMP_ECHO << 8); /* and 0, the code */
	request[3] = htons((uint16_t)++sent);
	request[1] = 0; /* the checksum counts as 0 in itself */
	request[1] = checksum((unsigned char *)request, size);
	asked[sent & 0xffff] = now();
	if (sendto(fd, request, size, 0, (void *)&host, sizeof host) == -1)
		die("sendto");
}

/* Return the length of the IP header before an ICMP header; 0: N bytes do not
 * hold both. Lengths in a packet are claims: anybody may have made it. */
static size_t ip_header(const unsigned char *ip, size_t n)
{
	size_t length = n < 20 ? 0 : (ip[0] & 15) * 4u;
	bool sound = length >= 20 && n >= length + 8 && ip[0] >> 4 == 4 &&
		     ip[9] == IPPROTO_ICMP && (ip[6] & 31) == 0 && ip[7] == 0;
	return sound ? length : 0;
}

/* 4. Print an answer, and what speaks against it. It counts if nothing does. */
static void judge(const unsigned char *icmp, size_t n, int sequence,
		  struct in_addr from, int ttl)
{
	static const char *const what[] = {"Net", "Host", "Protocol", "Port"};
	const bool reply = icmp[0] == ICMP_ECHOREPLY;
	const double took = now() - asked[sequence];
	const char *mark = took > option['W'] ? " (LATE!)" : "";
	if (checksum(icmp, n) != 0)
		mark = " (BAD CHECKSUM!)";
	else if (reply && from.s_addr != host.sin_addr.s_addr)
		mark = " (DIFFERENT ADDRESS!)";
	else if (asked[sequence] == 0)
		mark = " (NEVER SENT!)";
	else if (reply && (n != size || memcmp(icmp + 8, request + 4, n - 8)))
		mark = " (WRONG DATA!)";
	else if (asked[sequence] < 0)
		mark = " (DUP!)";
	if (reply)
		printf("%zu bytes from %s: icmp_seq=%d ttl=%d", n,
		       inet_ntoa(from), sequence, ttl);
	else
		printf("From %s icmp_seq=%d ", inet_ntoa(from), sequence);
	if (reply && !*mark)
		printf(" time=%.3f ms", took * 1000);
	else if (icmp[0] == ICMP_TIME_EXCEEDED && icmp[1] == 0)
		printf("Time to live exceeded");
	else if (icmp[0] == ICMP_DEST_UNREACH && icmp[1] < 4)
		printf("Destination %s Unreachable", what[icmp[1]]);
	else if (icmp[0] == ICMP_DEST_UNREACH && icmp[1] == 4)
		printf("Frag needed (mtu = %d)", icmp[6] * 256 + icmp[7]);
	else if (!reply)
		printf("ICMP error of type %d, code %d", icmp[0], icmp[1]);
	puts(mark);
	if (!*mark && icmp[0] != 4 && icmp[0] != 5) { /* those are advice */
		asked[sequence] = -1;
		received += reply;
		errors += !reply;
	}
}

/* 3. Take a packet in. What tells whose it is stands in a reply itself, and in
 *    an error in the request that it quotes. */
static void hear(int fd)
{
	static const char quoting[] = {3, 4, 5, 11, 12}; /* types of error */
	static unsigned char packet[65536]; /* no IP packet is larger */
	size_t n = (size_t)recv(fd, packet, sizeof packet, 0);
	if (n == (size_t)-1)
		die("recv");
	size_t skip = ip_header(packet, n), quoted = 0;
	const unsigned char *icmp = packet + skip, *echo = icmp;
	struct in_addr from = {0};
	memcpy(&from, packet + 12, n < 16 ? 0 : 4);
	if (skip > 0 && memchr(quoting, icmp[0], sizeof quoting))
		quoted = ip_header(icmp + 8, n - skip - 8);
	if (quoted > 0 && memcmp(icmp + 8 + 16, &host.sin_addr, 4) == 0)
		echo += 8 + quoted;
	if (skip > 0 && memcmp(echo + 4, request + 2, 2) == 0 &&
	    echo[0] == (echo == icmp ? ICMP_ECHOREPLY : ICMP_ECHO))
		judge(icmp, n - skip, echo[6] * 256 + echo[7], from, packet[8]);
	else if (skip == 0 || icmp[0] != ICMP_ECHO) /* on lo we hear us ask */
		printf("From %s: %zu bytes, not for us\n", inet_ntoa(from), n);
}

/* Ctrl-C: with the statistics, but if nobody reads what we print, at once. */
static void stop(int signal_number)
{
	stopped = signal_number;
	if (poll(&(struct pollfd){1, POLLOUT, 0}, 1, 100) != 1)
		_exit(128 + signal_number);
}

int main(int argc, char *argv[])
{
	char *end, word[] = "-?";
	begin(1, argv, "+h", usage);
	for (int c; (c = getopt(argc, argv, "+c:hi:s:t:W:")) != -1;) {
		word[1] = (char)optopt;
		if (c == 'h')
			return fputs(usage, stdout) == EOF;
		if (c == '?')
			wrong_use(word, "is unknown or cut short");
		const bool whole = c != 'i' && c != 'W';
		const double most = c == 's' ? 65507 : c == 't' ? 255 : 1e6;
		option[c] = strtod(optarg, &end);
		if (optarg[strspn(optarg, &".0123456789"[whole])] || *end ||
		    option[c] < (whole ? c != 's' : 0.002) || option[c] > most)
			wrong_use(optarg, "is not a number that is possible");
	}
	const char *name = argv[optind] ? argv[optind] : "127.0.0.1";
	if (argv[optind] && argv[optind + 1])
		wrong_use(argv[optind + 1], "is too much");
	int fd = open_socket(), ttl = (int)option['t'], last = (int)option['c'];
	struct addrinfo *a = address_of(argv + optind, SOCK_DGRAM);
	for (; a->ai_family != AF_INET; a = a->ai_next)
		if (!a->ai_next)
			errx(1, "%s has no IPv4 address", name);
	memcpy(&host, a->ai_addr, sizeof host);
	if (setsockopt(fd, IPPROTO_IP, IP_TTL, &ttl, sizeof ttl) == -1)
		die("setsockopt IP_TTL");
	signal(SIGINT, stop);
	double began = now(), next = began; /* next: to ask, or to give up */
	request[2] = (uint16_t)(long long)(began * 1e6); /* id */
	size = 8 + (size_t)option['s'];
	printf("PING %s (%s) %zu(%zu) bytes of data.\n", name,
	       inet_ntoa(host.sin_addr), size - 8, size + 20);
	while (!stopped && !ferror(stdout) &&
	       (sent != last || (now() < next && received + errors < last))) {
		double left = next - now();
		if (left <= 0) {
			ask(fd);
			left = option[sent == last ? 'W' : 'i'];
			next = now() + left;
		}
		/* Poll in each round, and look for Ctrl-C every 100 ms. */
		int ms = left < 0.1 ? (int)(left * 1000) + 1 : 100;
		int ready = poll(&(struct pollfd){fd, POLLIN, 0}, 1, ms);
		if (ready == 1)
			hear(fd);
		else if (ready == -1 && errno != EINTR)
			die("poll");
	}
	printf("\n--- %s ping statistics ---\n", name);
	printf("%d packets transmitted, %d received", sent, received);
	if (errors > 0)
		printf(", +%d errors", errors);
	printf(", %g%% packet loss, time %.0fms\n",
	       100 - 100.0 * received / sent, (now() - began) * 1000);
	return received == 0;
}
