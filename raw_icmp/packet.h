/* packet.h - what the bytes of an ICMP packet say (packet.c), errors in words
 * (words.c), and field by field (show.c).
 *
 * A raw socket hands up whatever arrives, and anybody may send it: every length
 * in it is a claim, not a fact. The parser is a pure function over bytes (it
 * knows no socket, no clock, and keeps nothing between calls), so that captured
 * and hostile packets can be fed to it: see tests/ and fuzz/.
 *
 * Knowledge: RFC 791 (IPv4), RFC 792 and 1191 (ICMP), RFC 8200 and 4443 (IPv6,
 * ICMPv6), RFC 1071 (the checksum).
 */
#ifndef DIALTONE_PACKET_H
#define DIALTONE_PACKET_H

#include <stdbool.h> /* bool */
#include <stddef.h>  /* size_t */
#include <stdint.h>  /* uint8_t */
#include <stdio.h>   /* FILE */

enum {
	IPV4_LENGTH = 20, /* of a header; options make it longer */
	IPV6_LENGTH = 40,
	ICMP_LENGTH = 8
};

/* A number of 2 or 4 bytes, the high byte first, at any address. */
static inline unsigned get16(const uint8_t *bytes)
{
	return (unsigned)bytes[0] << 8 | bytes[1];
}

static inline uint32_t get32(const uint8_t *bytes)
{
	return (uint32_t)get16(bytes) << 16 | get16(bytes + 2);
}

/* The header that comes first: a raw IPv4 socket hands up the IP header too,
 * a raw ICMPv6 socket and all SOCK_DGRAM sockets do not. */
enum first_header { FIRST_IPV4, FIRST_ICMP, FIRST_ICMPV6 };

enum kind { ECHO_REQUEST, ECHO_REPLY, ICMP_ERROR, OTHER };

enum { /* types of ICMP message */
       V4_ECHO_REPLY = 0,
       V4_UNREACHABLE = 3,
       V4_QUENCH = 4, /* "not so fast"; given up by RFC 6633 */
       V4_REDIRECT = 5,
       V4_ECHO_REQUEST = 8,
       V4_EXCEEDED = 11,
       V4_PROBLEM = 12,
       V6_UNREACHABLE = 1,
       V6_TOO_BIG = 2,
       V6_EXCEEDED = 3,
       V6_PROBLEM = 4,
       V6_ECHO_REQUEST = 128,
       V6_ECHO_REPLY = 129
};

/* All pointers point into the bytes that were parsed. */
struct packet {
	const char *flaw; /* what is wrong with it, in words; NULL: nothing */
	bool v6;

	const uint8_t *ip; /* the IPv4 header; NULL: none, or a flawed one */
	size_t ip_length;  /* with its options: 20 to 60 bytes */

	const uint8_t *icmp; /* the ICMP message; NULL: flawed */
	size_t icmp_length;  /* header and data, at least 8 bytes */
	enum kind kind;
	unsigned type, code;
	bool checksum_right; /* ICMPv6: always, as the kernel looks after it */
	unsigned id, sequence; /* of an ECHO_... */
	uint32_t info;	       /* of an ICMP_ERROR: MTU, pointer or gateway */
	const uint8_t *data;   /* what follows the 8 bytes of ICMP header */
	size_t data_length;

	/* An ICMP_ERROR quotes the packet that it is about. */
	bool quotes_request;	 /* ... which is an echo request, */
	size_t quoted_ip_length; /* with so many bytes of IP header(s) */
	uint8_t quoted_host[16]; /* to whom: 4 bytes, or 16 if v6 */
	unsigned quoted_id, quoted_sequence;
};

/* What the N BYTES say, whose FIRST header is that. False if they are not a
 * whole ICMP packet: then packet->flaw tells why, and only the parts that could
 * be read are set. No byte outside of the N is ever looked at. */
bool parse_packet(struct packet *packet, const uint8_t *bytes, size_t n,
		  enum first_header first);

/* The checksum of N bytes, to be stored with its high byte first. Bytes that
 * hold their right checksum already have the checksum 0. */
uint16_t checksum(const uint8_t *bytes, size_t n);

/* What an ICMP_ERROR says, in the words of iputils ping, into TEXT. Of ERROR,
 * v6, type, code and info count. */
void error_text(char *text, size_t size, const struct packet *error);

/* Whether an "error" only advises: we send too fast (source quench), or there
 * is a shorter way (redirect). The request went on all the same. */
bool is_advice(const struct packet *error);

/* An error for someone who hears of it for the first time: what has happened,
 * and what to try. NULL for mere advice. */
const char *error_hint(const struct packet *error);

/* Print the N BYTES that PACKET was parsed from: header fields one by one, each
 * behind its bytes, the rest as a hex dump. */
void show_packet(FILE *out, const struct packet *packet, const uint8_t *bytes,
		 size_t n);

#endif
