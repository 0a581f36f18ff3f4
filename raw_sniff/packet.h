/* packet.h - what the bytes of an IP packet say (packet.c), with numbers that
 * begin at 0 (count.c), in words (print.c), and as a file (pcap.c).
 *
 * Whatever passes is seen by a sniffer, and anybody may send anything: every
 * length in a packet is a claim, not a fact. The parser is a pure function over
 * bytes (it knows no socket, no clock, and keeps nothing between calls), so
 * that captured and hostile packets can be fed to it: see tests/ and fuzz/.
 *
 * Knowledge: RFC 791 (IPv4), 8200 (IPv6), 9293 (TCP), 768 (UDP), 792 and 4443
 * (ICMP).
 */
#ifndef DIALTONE_PACKET_H
#define DIALTONE_PACKET_H

#include <stdbool.h>  /* bool */
#include <stddef.h>   /* size_t */
#include <stdint.h>   /* uint8_t */
#include <stdio.h>    /* FILE */
#include <sys/time.h> /* struct timeval */

/* One end of a conversation: 4 bytes of address, or 16; the rest is 0. */
struct end {
	uint8_t address[16];
	uint16_t port; /* 0: not TCP, not UDP, or cut off before it */
};

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16, URG = 32 }; /* flags */

struct packet {
	const char *flaw;     /* what is wrong with it, in words; or NULL */
	unsigned version;     /* of IP, 4 or 6; 0: not even that */
	struct end from, to;  /* once there is a version */
	unsigned protocol;    /* what the IP packet carries: IPPROTO_... */
	bool fragment;	      /* a piece of a packet ... */
	unsigned piece_start; /* ... and where in the whole its data begin */

	/* The following as far as there is no flaw. */
	uint32_t seq, ack;   /* of TCP */
	unsigned flags;	     /* of TCP: SYN | ACK and so on */
	unsigned type, code; /* of ICMP */
	unsigned id, number; /* of an ICMP echo */
	size_t length; /* of the data, which is all behind the last header */
};

/* What the N BYTES say, which begin with an IP header. False if they are not a
 * sound packet: then packet->flaw tells why, and only the parts that could be
 * read are set. No byte outside of the N is ever looked at; those behind the
 * end of the IP packet are padding, and not counted. Checksums are not looked
 * at: on the way out they may not be there yet, see README.md. */
bool parse_packet(struct packet *packet, const uint8_t *bytes, size_t n);

/* Turn seq and ack of a sound TCP packet, which are to be given to it in the
 * order in which they passed, into numbers that begin at 0 with the SYN; where
 * that was missed, at 1 with what was seen first. Remembers the last 512
 * connections. */
void count_from_zero(struct packet *packet);

/* Print it in one line, without the newline: who to whom, and what. Of a TCP
 * packet seq and ack are printed as they are; N is as above. */
void print_packet(FILE *out, const struct packet *packet, size_t n);

/* Print N BYTES in lines of 16, in hex and, where they are visible, as text. */
void print_hex(FILE *out, const uint8_t *bytes, size_t n);

/* Begin a pcap file, for packets of MOST bytes. False: errno tells why not. */
bool write_pcap_header(FILE *file, size_t most);

/* Add a packet that passed at that time, of which the first N BYTES are here.
 * Who follows the file sees it at once. False: errno tells why not. */
bool write_pcap_packet(FILE *file, const struct timeval *when,
		       const uint8_t *bytes, size_t n, size_t true_length);

#endif
