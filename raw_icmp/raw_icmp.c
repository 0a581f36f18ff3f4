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

static double option[] = {['i'] = 1, ['s'] = 56, ['t'] = 64, ['W'] = 2};
static struct sockaddr_in host;
static uint16_t request[32758]; /* an IP packet has room for no more */
static size_t size;		/* of it: 8 bytes of ICMP, and the data */
static int sent, got[2];	/* got: errors, and replies */
static double asked[65536];    /* when; 0: never; negative: it has its answer */
static struct ip packet[3277]; /* what came; no IP packet is larger */
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
	total = (total & 0xffff) + (total >> 16);
	return htons((uint16_t) ~(total + (total >> 16)));
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
			       : "in a container: add --cap-add NET_RAW",
		     "ping may work without: net.ipv4.ping_group_range");
	if (geteuid() == 0 && setgid(65534) == 0 &&
	    (setgroups(0, NULL) == -1 || setuid(65534) == -1))
		die("setuid");
	return fd;
}

/* 2. The id tells our replies from others', the number one from the next. */
static void ask(int fd)
{
	request[0] = htons(ICMP_ECHO << 8);   /* and 0, the code */
	request[3] = htons((uint16_t)++sent); /* high byte first */
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

/* Say what kind of message it is, by type and code, in the words of ping. */
static void say_kind(const unsigned char *msg)
{
	static const char *const what[] = {"Net", "Host", "Protocol", "Port"};
	if (msg[0] == ICMP_ECHO || msg[0] == ICMP_ECHOREPLY)
		printf("Echo %s", msg[0] == ICMP_ECHO ? "request" : "reply");
	else if (msg[0] == ICMP_DEST_UNREACH && msg[1] < 4)
		printf("Destination %s Unreachable", what[msg[1]]);
	else if (msg[0] == ICMP_DEST_UNREACH && msg[1] == 4)
		printf("Frag needed and DF set (mtu = %d)",
		       msg[6] * 256 + msg[7]);
	else if (msg[0] == ICMP_DEST_UNREACH && msg[1] == 13)
		printf("Packet filtered");
	else if (msg[0] == ICMP_TIME_EXCEEDED && msg[1] == 0)
		printf("Time to live exceeded");
	else
		printf("ICMP type %d, code %d", msg[0], msg[1]);
}

/* 3. Print a message, and what speaks against it; it counts if nothing does. */
static void judge(const unsigned char *icmp, size_t n, int number)
{
	double *const then = &asked[number & 0xffff], took = now() - *then;
	const bool reply = number >= 0 && icmp[0] == ICMP_ECHOREPLY;
	const char *mark =
		checksum(icmp, n) != 0 ? " (BAD CHECKSUM!)"
		: number < 0	       ? ", not for us"
		: reply && packet->ip_src.s_addr != host.sin_addr.s_addr
			? " (DIFFERENT ADDRESS!)"
		: *then == 0 ? " (NEVER SENT!)"
		: reply && (n != size || memcmp(icmp + 8, request + 4, n - 8))
			? " (WRONG DATA!)"
		: *then < 0	     ? " (DUP!)"
		: took > option['W'] ? " (LATE!)"
				     : "";
	const char *from = inet_ntoa(packet->ip_src);
	if (reply)
		printf("%zu bytes from %s: icmp_seq=%d ttl=%d", n, from, number,
		       packet->ip_ttl);
	else if (number >= 0)
		printf("From %s icmp_seq=%d ", from, number);
	else
		printf("From %s: ", from);
	if (!reply)
		say_kind(icmp);
	else if (!*mark)
		printf(" time=%.3f ms", took * 1000);
	puts(mark);
	if (!*mark && icmp[0] != 4 && icmp[0] != 5) { /* those are advice */
		*then = -1;
		got[reply]++;
	}
}

/* 4. Take a packet in. A reply has our id; an error quotes our request. */
static void hear(int fd)
{
	const size_t n = (size_t)recv(fd, packet, sizeof packet, 0);
	if (n == (size_t)-1)
		die("recv");
	const size_t len = ip_header((unsigned char *)packet, n);
	const unsigned char *icmp = (unsigned char *)packet + len, *echo = icmp;
	if (len == 0)
		return; /* the kernel lets none such through */
	if (memchr("\3\4\5\13\14", icmp[0], 5) && /* errors: NOLINT */
	    ip_header(icmp + 8, n - len - 8) > 0 &&
	    memcmp(icmp + 8 + 16, &host.sin_addr, 4) == 0)
		echo += 8 + (icmp[8] & 15) * 4;
	const bool own = memcmp(echo + 4, request + 2, 2) == 0;
	const bool fits = own && echo[0] == (echo == icmp ? 0 : ICMP_ECHO);
	if (fits || !own || icmp[0] != ICMP_ECHO) /* on lo we hear us ask */
		judge(icmp, n - len, fits ? echo[6] * 256 + echo[7] : -1);
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
	begin(1, argv, "+h", usage);
	for (int c; (c = getopt(argc, argv, "+c:hi:s:t:W:")) != -1;) {
		if (c == 'h')
			return fputs(usage, stdout) == EOF;
		const bool whole = c != 'i' && c != 'W';
		const double most = c == 's' ? 65507 : c == 't' ? 255 : 1e6;
		char *text = c == '?' ? (char[]){'-', (char)optopt, 0} : optarg;
		if (text[strspn(text, &".0123456789"[whole])] ||
		    sscanf(text, "%lf%1s", &option[c], (char[2]){0}) != 1 ||
		    option[c] < (whole ? c != 's' : 0.002) || option[c] > most)
			wrong_use(text, "is no valid option or number");
	}
	const char *name = argv[optind] ? argv[optind] : "127.0.0.1";
	if (argv[optind] && argv[optind + 1])
		wrong_use(argv[optind + 1], "is too much");
	int fd = open_socket(), ttl = (int)option['t'], last = (int)option['c'];
	struct addrinfo *a = address_of(argv + optind);
	for (; a->ai_family != AF_INET; a = a->ai_next)
		if (!a->ai_next)
			errx(1, "%s has no IPv4 address", name);
	memcpy(&host, a->ai_addr, sizeof host);
	if (setsockopt(fd, IPPROTO_IP, IP_TTL, &ttl, sizeof ttl) == -1)
		die("setsockopt IP_TTL");
	signal(SIGINT, stop);
	double began = now(), next = began; /* next: to ask, or to give up */
	request[2] = (uint16_t)getpid();    /* id */
	size = 8 + (size_t)option['s'];
	printf("PING %s (%s) %zu(%zu) bytes of data.\n", name,
	       inet_ntoa(host.sin_addr), size - 8, size + 20);
	do { /* poll in each round, and look for Ctrl-C every 100 ms */
		double left = next - now();
		if (left <= 0) {
			ask(fd);
			left = option[sent == last ? 'W' : 'i'];
			next = now() + left;
		}
		int ms = left < 0.1 ? (int)(left * 1000) + 1 : 100;
		if (poll(&(struct pollfd){fd, POLLIN, 0}, 1, ms) == 1)
			hear(fd);
	} while (!stopped && !ferror(stdout) &&
		 (sent != last || (now() < next && got[0] + got[1] < last)));
	printf("\n--- %s ping statistics ---\n", name);
	printf("%d packets transmitted, %d received", sent, got[true]);
	if (got[false] > 0)
		printf(", +%d errors", got[false]);
	printf(", %g%% packet loss, time %.0fms\n",
	       100 - 100.0 * got[true] / sent, (now() - began) * 1000);
	return got[true] == 0;
}
