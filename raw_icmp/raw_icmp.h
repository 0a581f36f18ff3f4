/* raw_icmp.h - what the parts of raw_icmp share. The lesson is raw_icmp.c; it
 * calls the other parts, and none of them calls it.
 */
#ifndef DIALTONE_RAW_ICMP_H
#define DIALTONE_RAW_ICMP_H

#include <netinet/in.h> /* sockaddr_in, sockaddr_in6 */
#include <sys/socket.h> /* struct msghdr */

#include "../old_common.h"
#include "packet.h"

/* As of ping: status 1 means that nobody answered, all other failures are 2. */
#define fatal(...) (complain(__VA_ARGS__), exit(2))

#define SECOND INT64_C(1000000000) /* times are in nanoseconds */

/* What fits into an IP packet, beside the headers. */
enum { MOST_DATA = 65535 - IPV4_LENGTH - ICMP_LENGTH };

/* ---- options.c: the command line ---- */

struct options {
	int family; /* AF_UNSPEC: either */
	long count; /* 0: no end */
	int64_t interval, wait, deadline;
	size_t size;
	long ttl; /* 0: as the system has it */
	bool quiet, verbose;
};

extern struct options options;

/* The first call of the program. Sets options, returns the operand HOST. */
const char *parse_options(int argc, char *argv[]);

/* ---- host.c: whom we ask ---- */

/* An address of either family: any.sa_family tells which. */
union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

struct host {
	const char *name; /* as the user wrote it */
	union address address;
	socklen_t length; /* of the address */
	bool v6;
};

extern struct host host;

/* Look NAME up, and set host to its first address of the family asked for. If
 * there is none, the program ends with status 2. */
void find_host(const char *name);

/* Whether that is the host's address; as 4 bytes (16, if IPv6) or whole. */
bool is_hosts_address(const void *bytes);
bool is_host(const union address *address);

/* An address without a port; and the same, after the host's name if it is the
 * host's address and the user gave a name. */
struct text ip_text(const union address *address);
struct text sender_text(const union address *address);

/* ---- control.c: what the kernel says beside a packet ---- */

/* What came out of the socket, by one call of recvmsg(2). */
struct incoming {
	uint8_t bytes[65536]; /* no IP packet is larger */
	size_t n;
	union address from;
	int64_t when; /* the kernel got it; by our clock */

	/* Set by read_control. */
	int64_t age; /* how long ago the kernel got it */
	int ttl;
	bool has_error;	    /* only from the error queue: ip(7), IP_RECVERR */
	struct sent_error { /* struct sock_extended_err of linux/errqueue.h */
		uint32_t number;
		uint8_t origin, type, code, pad;
		uint32_t info, data;
	} error;
	union address offender; /* who reports the error */
};

/* Read the control messages of a MESSAGE that recvmsg(2) has filled in. */
void read_control(struct incoming *in, struct msghdr *message);

/* ---- dgram.c: a socket for pings, without privilege ---- */

/* Get a SOCK_DGRAM socket ready. Returns the id that the kernel gave to it. */
unsigned prepare_dgram(int fd);

/* Whether the kernel makes this errno out of an ICMP error: icmp(7). */
bool is_from_icmp(int error);

/* What came out of the error queue, as an ERROR about one of our requests.
 * False if it is none. */
bool parse_queued_error(struct packet *error, const struct incoming *in);

/* ---- judge.c: which answers count ---- */

/* Request SEQUENCE is about to leave. */
void remember_request(unsigned sequence, int64_t when);

/* Request SEQUENCE is over, for better or worse. */
void settle_request(unsigned sequence);

/* The byte at place I of the data: any pattern that we can check will do. */
uint8_t pattern(size_t i);

/* A reply with our id has come: judge it, count it and print it. */
void got_reply(const struct packet *reply, const struct incoming *in);

/* The same with an error about one of our requests, reported by FROM. */
void got_error(const struct packet *error, const union address *from);

/* ---- report.c: counting, and the lines that ping prints ---- */

enum verdict { /* on an answer to us */
	       GOOD,
	       BAD_CHECKSUM,
	       DIFFERENT_ADDRESS,
	       NEVER_SENT,
	       WRONG_DATA,
	       DUPLICATE,
	       LATE,
	       VERDICTS /* how many there are */
};

struct counts {
	long transmitted, received, errors;
	long verdicts[VERDICTS];
	long pipe; /* the most requests that were on their way at once */
	int64_t started, last_sent;
	double min, max, sum, sum_of_squares; /* round trips in ms */
};

extern struct counts counts;

/* A good reply took so long. */
void count_round_trip(double ms);

/* The line above all others. */
void print_head(void);

/* A reply that took so long; MS is negative if that cannot be known. */
void print_reply(const struct packet *reply, const struct incoming *in,
		 double ms, enum verdict verdict);

/* An error about one of our requests, reported by FROM. */
void print_error(const struct packet *error, const union address *from,
		 enum verdict verdict);

/* The lines below all others. */
void print_statistics(void);

#endif
