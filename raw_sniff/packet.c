/* packet.c - see packet.h. Every length is compared with the bytes that are
 * there before anything is read at that place; numbers are put together byte by
 * byte, so that neither byte order nor alignment matters.
 */
#include <netinet/in.h> /* IPPROTO_TCP */
#include <string.h>	/* memcpy */

#include "packet.h"

static unsigned get16(const uint8_t *bytes)
{
	return (unsigned)bytes[0] << 8 | bytes[1];
}

static uint32_t get32(const uint8_t *bytes)
{
	return (uint32_t)get16(bytes) << 16 | get16(bytes + 2);
}

static bool flawed(struct packet *packet, const char *flaw)
{
	packet->flaw = flaw;
	return false;
}

/* ---- What the bytes say: IP ---- */

/* Each of these takes the BYTES from its own header on, and tells how many of
 * them the header has in *HEADER and how many the packet in *TOTAL. */
static bool parse_ipv4(struct packet *packet, const uint8_t *bytes, size_t n,
		       size_t *header, size_t *total)
{
	unsigned piece;

	if (n < 20)
		return flawed(packet, "cut off within the IP header");
	packet->version = 4;
	memcpy(packet->from.address, bytes + 12, 4);
	memcpy(packet->to.address, bytes + 16, 4);
	packet->protocol = bytes[9];

	*header = (bytes[0] & 0x0fU) * (size_t)4;
	*total = get16(bytes + 2);
	piece = get16(bytes + 6) & 0x3fff; /* more fragments, offset / 8 */
	packet->fragment = piece != 0;
	packet->piece_start = (piece & 0x1fff) * 8;
	if (*header < 20)
		return flawed(packet, "an IP header shorter than 20 bytes");
	if (*header > n || *header > *total)
		return flawed(packet, "an IP header longer than the packet");
	if (*total > n)
		return flawed(packet, "cut off: less came than IP says");
	return true;
}

static bool parse_ipv6(struct packet *packet, const uint8_t *bytes, size_t n,
		       size_t *header, size_t *total)
{
	if (n < 40)
		return flawed(packet, "cut off within the IP header");
	packet->version = 6;
	memcpy(packet->from.address, bytes + 8, 16);
	memcpy(packet->to.address, bytes + 24, 16);
	packet->protocol = bytes[6];

	*header = 40;
	*total = 40 + (size_t)get16(bytes + 4);
	if (*total > n)
		return flawed(packet, "cut off: less came than IP says");

	/* Further headers may follow, each with the number of the next one and
	 * its own length; 8 bytes at the least, so that this comes to an end.
	 */
	while (packet->piece_start == 0 &&
	       (packet->protocol == IPPROTO_HOPOPTS ||
		packet->protocol == IPPROTO_ROUTING ||
		packet->protocol == IPPROTO_DSTOPTS ||
		packet->protocol == IPPROTO_FRAGMENT)) {
		const uint8_t *extra = bytes + *header;
		size_t length = 8;

		if (*total - *header < 8)
			return flawed(packet, "cut off within an IPv6 header");
		if (packet->protocol == IPPROTO_FRAGMENT) {
			packet->fragment = true;
			packet->piece_start = get16(extra + 2) & 0xfff8;
		} else {
			length += extra[1] * (size_t)8;
		}
		if (*total - *header < length)
			return flawed(packet, "cut off within an IPv6 header");
		packet->protocol = extra[0];
		*header += length;
	}
	return true;
}

/* ---- What IP carries; of a fragment, the first piece of it ---- */

static bool parse_tcp(struct packet *packet, const uint8_t *bytes, size_t n)
{
	size_t header;

	if (n < 20)
		return flawed(packet, "cut off within the TCP header");
	header = (bytes[12] >> 4) * (size_t)4;
	if (header < 20)
		return flawed(packet, "a TCP header shorter than 20 bytes");
	if (header > n)
		return flawed(packet, "a TCP header longer than the packet");
	packet->seq = get32(bytes + 4);
	packet->ack = get32(bytes + 8);
	packet->flags = bytes[13] & 0x3f;
	packet->length = n - header;
	return true;
}

static bool parse_udp(struct packet *packet, const uint8_t *bytes, size_t n)
{
	size_t total = n < 8 ? 0 : get16(bytes + 4);

	if (n < 8)
		return flawed(packet, "cut off within the UDP header");
	if (total < 8)
		return flawed(packet, "a UDP length of less than 8 bytes");
	if (total > n && !packet->fragment)
		return flawed(packet, "a UDP length longer than the packet");
	packet->length = (total < n ? total : n) - 8;
	return true;
}

static bool parse_icmp(struct packet *packet, const uint8_t *bytes, size_t n)
{
	if (n < 8)
		return flawed(packet, "cut off within the ICMP header");
	packet->type = bytes[0];
	packet->code = bytes[1];
	packet->id = get16(bytes + 4);
	packet->number = get16(bytes + 6);
	packet->length = n - 8;
	return true;
}

bool parse_packet(struct packet *packet, const uint8_t *bytes, size_t n)
{
	unsigned version = n > 0 ? bytes[0] >> 4 : 0;
	size_t header, total;

	*packet = (struct packet){0};
	if (version != 4 && version != 6)
		return flawed(packet, "neither IPv4 nor IPv6");
	if (version == 4 ? !parse_ipv4(packet, bytes, n, &header, &total)
			 : !parse_ipv6(packet, bytes, n, &header, &total))
		return false;

	bytes += header;
	n = total - header;
	packet->length = n;
	if (packet->piece_start > 0) /* the headers are in the first piece */
		return true;
	if (packet->protocol == IPPROTO_TCP ||
	    packet->protocol == IPPROTO_UDP) {
		packet->from.port = (uint16_t)(n < 4 ? 0 : get16(bytes));
		packet->to.port = (uint16_t)(n < 4 ? 0 : get16(bytes + 2));
		return packet->protocol == IPPROTO_TCP
			       ? parse_tcp(packet, bytes, n)
			       : parse_udp(packet, bytes, n);
	}
	if (packet->protocol == (version == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6))
		return parse_icmp(packet, bytes, n);
	return true;
}
