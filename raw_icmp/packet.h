/* packet.h - what the bytes of an ICMP packet say.
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

/* The header that comes first: a raw IPv4 socket hands up the IP header too,
 * a raw ICMPv6 socket and all SOCK_DGRAM sockets do not. */
enum first_header { FIRST_IPV4, FIRST_ICMP, FIRST_ICMPV6 };

enum kind { ECHO_REQUEST, ECHO_REPLY, ICMP_ERROR, OTHER };

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
	uint32_t info;	       /* of an ICMP_ERROR: its MTU, pointer, gateway */
	const uint8_t *data;   /* what follows the 8 bytes of ICMP header */
	size_t data_length;

	/* An ICMP_ERROR quotes the packet that it is about. */
	bool quotes_request;	 /* ... which is an echo request */
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

/* What an error of this type and code says, in the words of iputils ping, into
 * TEXT. INFO: see struct packet. */
void error_text(char *text, size_t size, bool v6, unsigned type, unsigned code,
		uint32_t info);

/* Whether an "error" of this type only advises: it goes too fast (source
 * quench) or there is a shorter way (redirect). The request went on all the
 * same. */
bool is_advice(bool v6, unsigned type);

/* An error for someone who hears of it for the first time: what has happened,
 * and what to try. NULL for mere advice. */
const char *error_hint(bool v6, unsigned type, unsigned code);

/* Print the N BYTES that PACKET was parsed from: header fields one by one, each
 * behind its bytes, the rest as a hex dump. */
void show_packet(FILE *out, const struct packet *packet, const uint8_t *bytes,
		 size_t n);

#endif
