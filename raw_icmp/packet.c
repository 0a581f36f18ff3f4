/* packet.c - see packet.h. Every length is compared with the bytes that are
 * there before anything is read at that place; numbers are put together byte by
 * byte, so that neither byte order nor alignment matters.
 */
#include <netinet/in.h> /* IPPROTO_ICMP, IPPROTO_ICMPV6 */
#include <string.h>	/* memcpy */

#include "packet.h"

enum { FRAGMENT_LENGTH = 8 }; /* the header of a piece of an IPv6 packet */

/* RFC 1071: the sum of all 16-bit words, what overflows added in again, and all
 * bits turned over. A last odd byte is the high half of a word. */
uint16_t checksum(const uint8_t *bytes, size_t n)
{
	uint64_t sum = 0;

	for (size_t i = 0; i + 1 < n; i += 2)
		sum += get16(bytes + i);
	if (n % 2 == 1)
		sum += (unsigned)bytes[n - 1] << 8;
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* The length of the IPv4 header at the beginning of N bytes, at most N; 0 if
 * there is none, and then *flaw. */
static size_t ipv4_header(const uint8_t *bytes, size_t n, const char **flaw)
{
	size_t length = n > 0 ? (bytes[0] & 0x0fU) * 4 : 0;

	if (n < IPV4_LENGTH)
		*flaw = "cut off within the IP header";
	else if (bytes[0] >> 4 != 4)
		*flaw = "not of IP version 4";
	else if (length < IPV4_LENGTH)
		*flaw = "its IP header claims to be shorter than 20 bytes";
	else if (length > n)
		*flaw = "its IP header claims more bytes than there are";
	else
		return length;
	return 0;
}

/* Where in the quoted IPv6 packet of N bytes the ICMPv6 header begins; 0 if
 * there is none. Of further headers, our requests can have but one. */
static size_t ipv6_headers(const uint8_t *bytes, size_t n)
{
	size_t length = IPV6_LENGTH;
	unsigned next;

	if (n < IPV6_LENGTH || bytes[0] >> 4 != 6)
		return 0;
	next = bytes[6];
	if (next == IPPROTO_FRAGMENT && n >= length + FRAGMENT_LENGTH &&
	    (get16(bytes + length + 2) & 0xfff8) == 0) { /* the first piece */
		next = bytes[length];
		length += FRAGMENT_LENGTH;
	}
	return next == IPPROTO_ICMPV6 ? length : 0;
}

static enum kind kind_of(bool v6, unsigned type)
{
	if (v6)
		switch (type) {
		case V6_ECHO_REQUEST:
			return ECHO_REQUEST;
		case V6_ECHO_REPLY:
			return ECHO_REPLY;
		case V6_UNREACHABLE:
		case V6_TOO_BIG:
		case V6_EXCEEDED:
		case V6_PROBLEM:
			return ICMP_ERROR;
		default:
			return OTHER;
		}
	switch (type) {
	case V4_ECHO_REQUEST:
		return ECHO_REQUEST;
	case V4_ECHO_REPLY:
		return ECHO_REPLY;
	case V4_UNREACHABLE:
	case V4_QUENCH:
	case V4_REDIRECT:
	case V4_EXCEEDED:
	case V4_PROBLEM:
		return ICMP_ERROR;
	default:
		return OTHER;
	}
}

/* The beginning of the packet that an error is about; it may have been cut, and
 * anybody may have invented it. */
static void parse_quoted(struct packet *packet, const uint8_t *bytes, size_t n)
{
	const char *flaw;
	size_t skip;
	bool icmp;

	if (packet->v6) {
		skip = ipv6_headers(bytes, n);
		icmp = skip > 0;
	} else {
		skip = ipv4_header(bytes, n, &flaw);
		icmp = skip > 0 && bytes[9] == IPPROTO_ICMP &&
		       (get16(bytes + 6) & 0x1fff) == 0; /* the first piece */
	}
	if (!icmp || n - skip < ICMP_LENGTH ||
	    kind_of(packet->v6, bytes[skip]) != ECHO_REQUEST ||
	    bytes[skip + 1] != 0)
		return;

	packet->quotes_request = true;
	packet->quoted_ip_length = skip;
	if (packet->v6)
		memcpy(packet->quoted_host, bytes + 24, 16);
	else
		memcpy(packet->quoted_host, bytes + 16, 4);
	packet->quoted_id = get16(bytes + skip + 4);
	packet->quoted_sequence = get16(bytes + skip + 6);
}

/* The one number that an error brings along. */
static uint32_t info_of(const struct packet *packet)
{
	uint32_t rest = get32(packet->icmp + 4);

	if (!packet->v6 && packet->type == V4_UNREACHABLE) /* the MTU, or 0 */
		return rest & 0xffff;
	if (!packet->v6 && packet->type == V4_PROBLEM) /* which byte */
		return rest >> 24;
	return rest;
}

static bool parse_icmp(struct packet *packet, const uint8_t *bytes, size_t n)
{
	if (n < ICMP_LENGTH) {
		packet->flaw = "cut off within the ICMP header";
		return false;
	}
	packet->icmp = bytes;
	packet->icmp_length = n;
	packet->type = bytes[0];
	packet->code = bytes[1];
	packet->checksum_right = packet->v6 || checksum(bytes, n) == 0;
	packet->data = bytes + ICMP_LENGTH;
	packet->data_length = n - ICMP_LENGTH;
	packet->kind = kind_of(packet->v6, packet->type);

	if (packet->kind == ICMP_ERROR) {
		packet->info = info_of(packet);
		parse_quoted(packet, packet->data, packet->data_length);
	} else if (packet->kind != OTHER) {
		packet->id = get16(bytes + 4);
		packet->sequence = get16(bytes + 6);
	}
	return true;
}

bool parse_packet(struct packet *packet, const uint8_t *bytes, size_t n,
		  enum first_header first)
{
	*packet = (struct packet){.v6 = first == FIRST_ICMPV6, .kind = OTHER};

	if (first == FIRST_IPV4) {
		size_t skip = ipv4_header(bytes, n, &packet->flaw), total;

		if (skip == 0)
			return false;
		packet->ip = bytes;
		packet->ip_length = skip;
		total = get16(bytes + 2);
		if (total < skip || total > n)
			packet->flaw = "its total length is not what arrived";
		else if (bytes[9] != IPPROTO_ICMP)
			packet->flaw = "not ICMP";
		else if ((get16(bytes + 6) & 0x3fff) != 0)
			packet->flaw = "a fragment of a packet";
		if (packet->flaw)
			return false;
		bytes += skip;
		n = total - skip;
	}
	return parse_icmp(packet, bytes, n);
}
