/* wire.c - the segments, captured with a packet socket: packet(7). What it sees
 * are the IP packets of the loopback interface; the lesson on that is
 * raw_sniff.
 */
#define _GNU_SOURCE /* for common.h: program_invocation_short_name */

#include <arpa/inet.h>	      /* htons, ntohl */
#include <netinet/if_ether.h> /* ETH_P_ALL, ETH_P_IP */
#include <netpacket/packet.h> /* struct sockaddr_ll, PACKET_OUTGOING */
#include <poll.h>	      /* poll */

#include "tcp_states.h"

static int packet_fd = -1;

/* An IP header field that nobody reads on a loopback interface, Time To Live,
 * tells what deliver() sends from what the kernel sends (it writes 64). */
enum { TIME_TO_LIVE = 8 /* its place */, OURS = 77 };

int wire_open(void)
{
	packet_fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
			   htons(ETH_P_ALL));
	return packet_fd == -1 ? -1 : 0;
}

bool wire_is_open(void)
{
	return packet_fd != -1;
}

/* A number of 2 or 4 bytes in network byte order. */
static uint32_t number_at(const unsigned char *bytes, int size)
{
	uint32_t number = 0;

	while (size-- > 0)
		number = number << 8 | *bytes++;
	return number;
}

/* Take apart an IPv4 packet of N bytes: RFC 791 and RFC 9293, section 3.1.
 * False if it is no TCP segment between our ports. */
static bool parse(struct segment *segment, size_t n)
{
	const unsigned char *ip = segment->bytes;
	const size_t ip_header = (size_t)(ip[0] & 15) * 4;
	const unsigned char *tcp = ip + ip_header;
	size_t tcp_header;

	if (n < 20 || ip[0] >> 4 != 4 || ip_header < 20 || n < ip_header + 20 ||
	    ip[9] != IPPROTO_TCP)
		return false;
	tcp_header = (size_t)(tcp[12] >> 4) * 4;
	segment->length = number_at(ip + 2, 2);
	if (tcp_header < 20 || segment->length < ip_header + tcp_header ||
	    segment->length > n)
		return false;

	segment->from = number_at(tcp, 2) == ports[CLIENT] ? CLIENT : SERVER;
	if (number_at(tcp, 2) != ports[segment->from] ||
	    number_at(tcp + 2, 2) != ports[!segment->from])
		return false;
	segment->seq = number_at(tcp + 4, 4);
	segment->ack = number_at(tcp + 8, 4);
	segment->flags = tcp[13];
	segment->data = segment->length - ip_header - tcp_header;
	segment->delivered = ip[TIME_TO_LIVE] == OURS;
	return true;
}

bool wire_next(struct segment *segment)
{
	struct sockaddr_ll from = {0};

	while (wire_is_open()) {
		socklen_t length = sizeof from;
		ssize_t n = recvfrom(packet_fd, segment->bytes,
				     sizeof segment->bytes, 0,
				     (struct sockaddr *)&from, &length);
		if (n == -1 && errno == EAGAIN)
			return false;
		if (n == -1 && errno != EINTR)
			die("recvfrom the packet socket");
		/* On the loopback interface each packet leaves and arrives;
		 * we count arrivals. */
		if (n > 0 && from.sll_pkttype != PACKET_OUTGOING &&
		    ntohs(from.sll_protocol) == ETH_P_IP &&
		    parse(segment, (size_t)n))
			return true;
	}
	return false;
}

/* ---- Playing the network ---- */

/* A socket filter (socket(7), SO_ATTACH_FILTER) is a little program that the
 * kernel runs for each segment which arrives; it returns how many bytes to
 * keep. The types are those of <linux/filter.h>, which not every C library
 * brings along. */
void cut_line(int fd)
{
	const uint32_t ip_header = (uint32_t)-0x100000; /* SKF_NET_OFF */
	const struct {
		uint16_t code;
		uint8_t if_true, if_false; /* instructions to skip */
		uint32_t k;
	} keep_only_ours[] = {
		/* BPF_LD | BPF_B | BPF_ABS: load this byte */
		{0x30, 0, 0, ip_header + TIME_TO_LIVE},
		/* BPF_JMP | BPF_JEQ | BPF_K: is it ours? */
		{0x15, 0, 1, OURS},
		/* BPF_RET | BPF_K: keep all of the segment, or nothing */
		{0x06, 0, 0, UINT32_MAX},
		{0x06, 0, 0, 0},
	};
	const struct {
		unsigned short instructions;
		const void *program;
	} filter = {4, keep_only_ours};

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter,
		       sizeof filter) == -1)
		die("setsockopt SO_ATTACH_FILTER");
}

/* The sum of N bytes as 16-bit words, for the Internet checksum: RFC 1071. */
static uint32_t sum_of(const unsigned char *bytes, size_t n)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < n; i += 2)
		sum += number_at(bytes + i, 2);
	return n % 2 ? sum + ((uint32_t)bytes[n - 1] << 8) : sum;
}

/* Send the very bytes that were captured, by a raw socket. Only their TCP
 * checksum has to be computed: on its way from end to end through the loopback
 * interface a segment needs none, and the kernel leaves it out. */
void deliver(const struct segment *segment)
{
	static int raw_fd = -1;
	struct sockaddr_in to = {.sin_family = AF_INET};
	unsigned char bytes[sizeof segment->bytes];
	const size_t header = (size_t)(segment->bytes[0] & 15) * 4;
	const size_t tcp = segment->length - header;
	uint32_t sum;

	if (raw_fd == -1)
		raw_fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	if (raw_fd == -1)
		die("socket SOCK_RAW");

	memcpy(bytes, segment->bytes, segment->length);
	bytes[TIME_TO_LIVE] = OURS; /* the kernel mends the IP checksum */
	memset(bytes + header + 16, 0, 2);
	/* The pseudo header: both addresses, the protocol, the length. */
	sum = sum_of(bytes + 12, 8) + IPPROTO_TCP + (uint32_t)tcp +
	      sum_of(bytes + header, tcp);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	bytes[header + 16] = (unsigned char)(~sum >> 8);
	bytes[header + 17] = (unsigned char)~sum;

	memcpy(&to.sin_addr, bytes + 16, 4); /* where the IP header says */
	while (sendto(raw_fd, bytes, segment->length, 0, (struct sockaddr *)&to,
		      sizeof to) == -1)
		if (errno != EINTR)
			die("sendto a raw socket");
}

void wire_wait(void)
{
	struct pollfd packets = {.fd = packet_fd, .events = POLLIN};

	if (poll(&packets, 1, 5) == -1 && errno != EINTR)
		die("poll");
}
