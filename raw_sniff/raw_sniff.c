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
#include <time.h>

static const char usage[] =
	"usage: raw_sniff [-c COUNT] [-i INTERFACE] [-p PORT] [-w FILE]\n"
	"Show the packets that pass on INTERFACE (lo), COUNT or until Ctrl-C.\n"
	"-p: only those of a TCP or UDP port. -w: write them into FILE, too.\n"
	"example: raw_sniff -i lo -p 8080 -w lo.pcap\n";

static int fd;
static char line[300]; /* a packet in words, and the ports that it has */
static unsigned from_port, to_port, taken; /* how many packets we took */
static volatile sig_atomic_t stopped;

/* Add to the line: printf's arguments. */
#define say(...)                                                               \
	snprintf(line + strlen(line), sizeof line - strlen(line), __VA_ARGS__)

static unsigned get16(const unsigned char *bytes) /* high byte first */
{
	return bytes[0] * 256u + bytes[1];
}

/* Each side counts from the number in its SYN: subtract that, if we saw it. */
static void say_tcp(const unsigned char *tcp, size_t n)
{
	static const char names[] = " FIN SYN RST PSH ACK URG ECE CWR";
	static uint32_t start[65536]; /* for each direction, by its ports */
	uint32_t *own = &start[(uint16_t)(from_port * 3 + to_port)];
	uint32_t *other = &start[(uint16_t)(to_port * 3 + from_port)];
	const uint32_t seq = get16(tcp + 4) << 16 | get16(tcp + 6);
	const uint32_t ack = get16(tcp + 8) << 16 | get16(tcp + 10);
	const unsigned header = (tcp[12] >> 4) * 4u, flags = tcp[13];
	for (int i = 0; i < 8; i++)
		if (flags >> i & 1)
			say("%.4s", names + 4L * i);
	if (flags & 2) /* SYN */
		*own = seq;
	say(" seq %u", seq - *own);
	if (flags & 16) /* ACK */
		say(" ack %u", ack - *other);
	say(header < 20 || header > n ? " MALFORMED" : " len %zu", n - header);
}

/* Say what IP carries: N bytes, or of a packet in pieces the first N. */
static void say_payload(int protocol, const unsigned char *data, size_t n)
{
	const bool tcp = protocol == IPPROTO_TCP, udp = protocol == IPPROTO_UDP;
	if (n >= 4 && (tcp || udp)) {
		from_port = get16(data);
		to_port = get16(data + 2);
		say(" %s %u > %u", tcp ? "TCP" : "UDP", from_port, to_port);
	}
	if (tcp && n >= 20)
		say_tcp(data, n);
	else if (udp && n >= 8)
		say(" len %zu", n - 8);
	else if (protocol == IPPROTO_ICMP && n >= 8)
		say(" ICMP type %d code %d len %zu", data[0], data[1], n - 8);
	else
		say(" protocol %d, %zu bytes", protocol, n);
}

/* At least 20 bytes of IPv4, or 40 of IPv6. Lengths in them are claims. */
static void say_ip(const unsigned char *ip, size_t n, bool v6)
{
	char from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN];
	const int family = v6 ? AF_INET6 : AF_INET;
	int protocol = ip[v6 ? 6 : 9];
	size_t header = v6 ? 40 : (ip[0] & 15) * 4u;
	size_t total = get16(ip + (v6 ? 4 : 2)); /* of IPv6 without header */
	const unsigned piece = v6 ? 0 : get16(ip + 6) & 0x3fff; /* 0: whole */
	total = total == 0 ? n : total + (v6 ? 40 : 0);	    /* 0: too large */
	if (v6 && protocol == IPPROTO_HOPOPTS && n >= 48) { /* one more */
		protocol = ip[40];
		header += 8 + ip[41] * 8u;
	}
	inet_ntop(family, ip + (v6 ? 8 : 12), from, sizeof from);
	inet_ntop(family, ip + (v6 ? 24 : 16), to, sizeof to);
	say(" %s > %s", from, to);
	if (ip[0] >> 4 != (v6 ? 6 : 4) || header < 20 || header > total ||
	    total > n)
		say(" MALFORMED: lengths %zu, %zu, %zu", header, total, n);
	else if (piece % 8192 == 0)
		say_payload(protocol, ip + header, total - header);
	if (piece > 0)
		say(", fragment from byte %u", piece % 8192 * 8);
}

/* Two hardware addresses, perhaps VLAN tags, and of what type the rest is. */
static void say_frame(const unsigned char *frame, size_t n)
{
	size_t at = 14;
	unsigned type = n < at ? 0 : get16(frame + 12);
	line[0] = '\0';
	from_port = to_port = 0;
	for (; n >= at + 4 && (type == 0x8100 || type == 0x88a8); at += 4) {
		say(" VLAN %u", get16(frame + at) & 4095);
		type = get16(frame + at + 2);
	}
	const bool v6 = type == ETHERTYPE_IPV6;
	if ((v6 || type == ETHERTYPE_IP) && n >= at + (v6 ? 40 : 20))
		say_ip(frame + at, n - at, v6);
	else
		say(" type %04x, %zu bytes", type, n);
}

/* Take a packet, and show it if it is of that port. The kernel hands its first
 * VLAN tag over apart from it (packet(7), tpacket_auxdata): we put it back. */
static bool take(unsigned port, FILE *file)
{
	static unsigned char buf[262144]; /* the most that a file may hold */
	static _Alignas(struct cmsghdr) uint16_t apart[CMSG_SPACE(20) / 2];
	const uint16_t *tag = apart + CMSG_LEN(16) / 2; /* and its type, or 0 */
	struct iovec parts[] = {{buf, 12}, {buf + 16, sizeof buf - 16}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
	message.msg_control = apart;
	message.msg_controllen = sizeof apart;
	size_t n = (size_t)recvmsg(fd, &message, 0);
	if (n == (size_t)-1 && (errno == EAGAIN || errno == EINTR))
		return false; /* see stop */
	if (n == (size_t)-1)  /* ENETDOWN: the interface is gone */
		die("recvmsg");
	taken++;
	memcpy(buf + 12, (uint16_t[]){htons(tag[1]), htons(tag[0])}, 4);
	unsigned char *frame = tag[1] ? buf : memmove(buf + 4, buf, 12);
	n += tag[1] ? 4 : 0;
	say_frame(frame, n);
	if (port != 0 && from_port != port && to_port != port)
		return false;
	puts(line + 1);
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	const uint32_t size = htonl((uint32_t)n);
	const uint32_t header[] = {htonl((uint32_t)t.tv_sec),
				   htonl((uint32_t)t.tv_nsec), size, size};
	fwrite(header, sizeof header, 1, file);
	fwrite(frame, n, 1, file);
	if (fflush(file) == EOF || ferror(file))
		die("write to FILE");
	return true;
}

/* Ctrl-C: recv waits no more. Once nobody reads what we print, we end. */
static void stop(int signal_number)
{
	stopped = signal_number;
	fcntl(fd, F_SETFL, O_NONBLOCK);
	if (poll(&(struct pollfd){1, POLLOUT, 0}, 1, 100) != 1)
		_exit(128 + signal_number);
}

int main(int argc, char *argv[])
{
	static const char head[] = "\241\262\74M\0\2\0\4\0\0\0\0\0\0\0\0"
				   "\0\4\0\0\0\0\0\1"; /* pcap-savefile(5) */
	const char *option[] = {['i'] = "lo", ['p'] = "0", ['w'] = "/dev/null"};
	struct sockaddr_ll where = {.sll_family = AF_PACKET,
				    .sll_protocol = htons(ETH_P_ALL)};
	unsigned counts[2]; /* that came; that found no room */
	socklen_t size = sizeof counts;
	int count = 1000000000, shown = 0;
	begin(1, argv, "+h", usage);
	for (int c; (c = getopt(argc, argv, "+c:hi:p:w:")) != -1;) {
		if (c == 'h')
			return fputs(usage, stdout) == EOF;
		if (c == '?')
			wrong_use(((char[]){'-', (char)optopt, 0}),
				  "is unknown or cut short");
		if (c == 'c')
			count = number(optarg, 1, 1000000000);
		option[c] = optarg;
	}
	if (argv[optind])
		wrong_use(argv[optind], "is too much");
	const int port = number(option['p'], 0, 65535);
	const int large = 64 << 20, on_lo = strcmp(option['i'], "lo") == 0;
	fd = socket(AF_PACKET, SOCK_RAW, 0); /* 0: no packets yet */
	if (fd == -1)
		errx(1, "socket AF_PACKET: %s (%s)\nhint: %s", strerror(errno),
		     errno_name(errno),
		     errno == EPERM ? "make demo-sniff; root: --cap-add NET_RAW"
				    : "this kernel has none: another machine");
	/* Room for bursts: what the sysctl rmem_max allows, or root has. */
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &large, sizeof large);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &large, sizeof large);
	/* On lo each packet goes out and comes in: once is enough. */
	if (setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on_lo, 4) ||
	    setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &large, 4)) /* not 0 */
		die("setsockopt PACKET_IGNORE_OUTGOING or PACKET_AUXDATA");
	where.sll_ifindex = (int)if_nametoindex(option['i']);
	if (!where.sll_ifindex || bind(fd, (void *)&where, sizeof where) == -1)
		die("bind to the interface");
	FILE *file = fopen(option['w'], "wb");
	if (!file || fwrite(head, 24, 1, file) != 1 || fflush(file) == EOF)
		die(option['w']);
	signal(SIGINT, stop);
	fprintf(stderr, "listening on %s\n", option['i']);
	while (shown < count && !stopped && !ferror(stdout))
		shown += take((unsigned)port, file);
	if (getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, counts, &size) == -1)
		die("getsockopt PACKET_STATISTICS");
	while (shown < count && taken < counts[0] - counts[1]) /* the rest */
		shown += take((unsigned)port, file);
	fprintf(stderr, "%d shown, %d of other ports, %u missed (no room)\n",
		shown, (int)taken - shown, counts[1]);
}
