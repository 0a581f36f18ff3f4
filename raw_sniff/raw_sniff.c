/* raw_sniff - what passes on the wire?
 *
 *   program - TCP, UDP - IP - network card - wire
 *                           |
 *                           +-- a copy of each packet: socket AF_PACKET
 *
 * Watch:  SYN, SYN+ACK, ACK: the handshake; seq counts bytes; each side's FIN
 * Next:   exercises, programs for you to mend
 */
#include "../common.h"
#include <arpa/inet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <time.h>

static const char usage[] =
	"usage: raw_sniff [-c COUNT] [-i INTERFACE] [-p PORT] [-w FILE]\n"
	"Show the packets that pass on INTERFACE (lo), COUNT or until Ctrl-C.\n"
	"-p: only those of a TCP or UDP port. -w: write them into FILE, too.\n"
	"example: raw_sniff -i lo -p 8080 -w lo.pcap\n";

enum { STAMP = 0x8907 }; /* SIOCGSTAMPNS, which not every header has */
static char line[300];	 /* a packet in words, and the ports that it has */
static unsigned from_port, to_port, taken; /* how many packets we took */

/* Add to the line: printf's arguments. */
#define say(...)                                                               \
	snprintf(line + strlen(line), sizeof line - strlen(line), __VA_ARGS__)

/* Numbers in a packet have their high byte first. */
static unsigned get16(const unsigned char *bytes)
{
	return bytes[0] * 256u + bytes[1];
}

/* At least 20 bytes of TCP. A SYN brings the number from which its side counts
 * bytes, one that nobody can guess: we subtract it, if we saw the SYN. */
static void say_tcp(const unsigned char *tcp, size_t n)
{
	static const char *const names[] = {"FIN", "SYN", "RST", "PSH",
					    "ACK", "URG", "ECE", "CWR"};
	static uint32_t start[65536]; /* for each direction, by its ports */
	uint32_t *own = &start[(uint16_t)(from_port * 3 + to_port)];
	uint32_t *other = &start[(uint16_t)(to_port * 3 + from_port)];
	uint32_t seq = get16(tcp + 4) << 16 | get16(tcp + 6);
	uint32_t ack = get16(tcp + 8) << 16 | get16(tcp + 10);
	const size_t header = (size_t)(tcp[12] >> 4) * 4;

	if (tcp[13] & 2) { /* SYN */
		*own = seq;
		*other = tcp[13] & 16 ? ack - 1 : 0;
	}
	for (int i = 0, any = 0; i < 8; i++)
		if (tcp[13] >> i & 1)
			say("%c%s", any++ ? '+' : ' ', names[i]);
	say(" seq %u", seq - *own);
	if (tcp[13] & 16) /* ACK */
		say(" ack %u", ack - *other);
	if (header < 20 || header > n)
		say(" MALFORMED: header %zu of %zu bytes", header, n);
	else
		say(" len %zu", n - header);
}

/* Say what IP carries: N bytes, or of a packet in pieces the first N. */
static void say_payload(int protocol, const unsigned char *data, size_t n,
			bool in_pieces)
{
	const bool tcp = protocol == IPPROTO_TCP, udp = protocol == IPPROTO_UDP;
	const size_t length = !udp || n < 8 ? 0 : get16(data + 4);

	if (tcp || udp)
		say(tcp ? " TCP" : " UDP");
	if (tcp && n >= 20)
		say_tcp(data, n);
	else if (udp && length >= 8 && (length <= n || in_pieces))
		say(" len %zu", n - 8);
	else if (tcp || udp)
		say(in_pieces ? ", cut by IP" : " MALFORMED: %zu bytes", n);
	else if (n >= 8 &&
		 (protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6))
		say(" ICMP type %d code %d len %zu", data[0], data[1], n - 8);
	else
		say(" protocol %d len %zu", protocol, n);
}

/* Say from whom to whom: the addresses stand one behind the other. */
static void say_ends(const unsigned char *addresses, bool v6)
{
	char from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN];

	inet_ntop(v6 ? AF_INET6 : AF_INET, addresses, from, sizeof from);
	addresses += v6 ? 16 : 4;
	inet_ntop(v6 ? AF_INET6 : AF_INET, addresses, to, sizeof to);
	if (from_port == 0)
		say(" %s > %s", from, to);
	else if (v6)
		say(" [%s]:%u > [%s]:%u", from, from_port, to, to_port);
	else
		say(" %s:%u > %s:%u", from, from_port, to, to_port);
}

/* Take an IP packet of N bytes apart. Lengths in it are claims. */
static void say_ip(const unsigned char *ip, size_t n, bool v6)
{
	static const char more[] = {IPPROTO_HOPOPTS, IPPROTO_ROUTING,
				    IPPROTO_FRAGMENT, IPPROTO_DSTOPTS};

	if (n < (v6 ? 40 : 20) || ip[0] >> 4 != (v6 ? 6 : 4)) {
		say(" MALFORMED: no IP header in %zu bytes", n);
		return;
	}
	int protocol = ip[v6 ? 6 : 9];
	size_t header = v6 ? 40 : (ip[0] & 15) * 4u;
	size_t total = get16(ip + (v6 ? 4 : 2)), least = v6 ? 40 : 0;
	unsigned piece = v6 ? 0 : get16(ip + 6) & 0x3fff; /* 0: it is whole */
	total = total == 0 ? n : total + least; /* 0: 16 bits are too few */
	/* IPv6 may have more headers. That of a fragment is 8 bytes long. */
	while (v6 && piece % 8192 == 0 && header + 8 <= n &&
	       memchr(more, protocol, 4)) {
		bool last = protocol == IPPROTO_FRAGMENT;
		piece = last ? get16(ip + header + 2) >> 3 | 0x2000 : 0;
		protocol = ip[header];
		header += last ? 8 : 8 + ip[header + 1] * 8u;
	}
	bool first = piece % 8192 == 0,
	     bad = header < 20 || header > total || total > n ||
		   (v6 && first && memchr(more, protocol, 4));
	if (!bad && first && total >= header + 4 &&
	    (protocol == IPPROTO_TCP || protocol == IPPROTO_UDP)) {
		from_port = get16(ip + header);
		to_port = get16(ip + header + 2);
	}
	say_ends(ip + (v6 ? 8 : 12), v6);
	if (bad)
		say(" MALFORMED: lengths %zu, %zu, %zu", header, total, n);
	else if (!first)
		say(" protocol %d len %zu", protocol, total - header);
	else
		say_payload(protocol, ip + header, total - header, piece > 0);
	if (piece > 0)
		say(", fragment from byte %u", piece % 8192 * 8);
}

/* A frame of Ethernet or lo: two hardware addresses, perhaps VLAN tags of 4
 * bytes each, and of what type the rest is. */
static void say_frame(const unsigned char *frame, size_t n)
{
	size_t at = 14;
	unsigned type = n < at ? 0 : get16(frame + 12);

	line[0] = '\0';
	from_port = to_port = 0;
	for (; n >= at + 4 && (type == ETHERTYPE_VLAN || type == 0x88a8);
	     at += 4) {
		say(" VLAN %u", get16(frame + at) & 4095);
		type = get16(frame + at + 2);
	}
	if (type == ETHERTYPE_IP || type == ETHERTYPE_IPV6)
		say_ip(frame + at, n - at, type == ETHERTYPE_IPV6);
	else
		say(" not IP, type %04x, %zu bytes", type, n);
}

/* Take a packet, and show it if it is of that port. */
static bool take(int fd, unsigned port, FILE *file)
{
	static unsigned char frame[600000]; /* larger than any */
	static double first;
	struct timespec time = {0};
	const size_t n = (size_t)recv(fd, frame, sizeof frame, 0);
	const size_t kept = n < 262144 ? n : 262144; /* the most for a file */

	if (n == (size_t)-1) /* ENETDOWN: the interface is gone */
		die("recv");
	if (ioctl(fd, STAMP, &time) == -1)
		die("ioctl SIOCGSTAMPNS");
	taken++;
	say_frame(frame, n);
	if (port != 0 && from_port != port && to_port != port)
		return false;
	double now = (double)time.tv_sec + (double)time.tv_nsec / 1e9;
	first = first > 0 ? first : now;
	printf("%9.6f%s\n", now - first, line);
	const uint32_t header[] = {htonl((uint32_t)time.tv_sec),
				   htonl((uint32_t)time.tv_nsec),
				   htonl((uint32_t)kept), htonl((uint32_t)n)};
	fwrite(header, sizeof header, 1, file);
	fwrite(frame, kept, 1, file);
	if (fflush(file) == EOF || ferror(file))
		die("write to FILE");
	return true;
}

static int open_socket(const char *interface)
{
	const int large = 64 << 20, on_lo = strcmp(interface, "lo") == 0;
	struct sockaddr_ll where = {.sll_family = AF_PACKET,
				    .sll_protocol = htons(ETH_P_ALL)};
	int fd = socket(AF_PACKET, SOCK_RAW, 0); /* 0: no packets yet */

	if (fd == -1)
		errx(1, "socket AF_PACKET: %s (%s)\nhint: %s", strerror(errno),
		     errno_name(errno),
		     geteuid() ? "make demo-sniff, or sudo raw_sniff/raw_sniff"
			       : "root in a container: --cap-add NET_RAW");
	/* Room for bursts: what the sysctl rmem_max allows, or root has. */
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &large, sizeof large);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &large, sizeof large);
	ioctl(fd, STAMP, &(struct timespec){0}); /* from now on: see take */
	/* On lo each packet goes out and comes in: once is enough. */
	if (setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on_lo, 4) == -1)
		die("setsockopt PACKET_IGNORE_OUTGOING");
	where.sll_ifindex = (int)if_nametoindex(interface);
	if (where.sll_ifindex == 0 ||
	    bind(fd, (void *)&where, sizeof where) == -1)
		die("bind to the interface");
	return fd;
}

int main(int argc, char *argv[])
{
	static const char head[] = "\241\262\74M\0\2\0\4\0\0\0\0\0\0\0\0"
				   "\0\4\0\0\0\0\0\1"; /* pcap-savefile(5) */
	const char *interface = "lo", *name = "/dev/null";
	int option, count = 1000000000, shown = 0;
	unsigned port = 0, counts[2]; /* that came; that found no room */
	socklen_t length = sizeof counts;
	sigset_t stop = {0};

	begin(1, argv, "+h", usage);
	while ((option = getopt(argc, argv, "+c:hi:p:w:")) != -1) {
		if (option == 'h')
			return fputs(usage, stdout) == EOF;
		if (option == '?')
			wrong_use(argv[optind - 1], "is unknown or cut short");
		if (option == 'c')
			count = number(optarg, 1, 1000000000);
		if (option == 'i')
			interface = optarg;
		if (option == 'p')
			port = (unsigned)number(optarg, 1, 65535);
		if (option == 'w')
			name = optarg;
	}
	if (argv[optind])
		wrong_use(argv[optind], "is too much");
	sigaddset(&stop, SIGINT); /* from here on Ctrl-C can be read */
	sigprocmask(SIG_BLOCK, &stop, NULL);
	const int fd = open_socket(interface);
	struct pollfd ends[] = {{fd, POLLIN, 0},
				{signalfd(-1, &stop, 0), POLLIN, 0}};
	FILE *file = fopen(name, "wb");
	if (!file || fwrite(head, 24, 1, file) != 1 || fflush(file) == EOF)
		die(name);
	fprintf(stderr, "listening on %s\n", interface);
	while (shown < count && ends[1].revents == 0 && !ferror(stdout)) {
		if (ends[1].fd == -1 || poll(ends, 2, -1) == -1)
			die("signalfd or poll");
		if (ends[0].revents)
			shown += take(fd, port, file);
	}
	/* What came before Ctrl-C is still to be shown. */
	if (getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, counts, &length))
		die("getsockopt PACKET_STATISTICS");
	while (taken < counts[0] - counts[1] && shown < count)
		shown += take(fd, port, file);
	fprintf(stderr, "%d shown, %d of other ports, %u missed (no room)\n",
		shown, (int)taken - shown, counts[1]);
	return 0;
}
