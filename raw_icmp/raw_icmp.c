/* raw_icmp - ping, in full: below UDP and TCP there are no ports, only packets.
 *
 *   echo request (type 8, id, sequence, data)  ------->  the kernel over there
 *   echo reply   (type 0, the same)            <-------  answers by itself
 *   error        (quotes our request)          <-------  a router on the way
 *
 * Run:    make demo-icmp (a private network), or sudo raw_icmp/raw_icmp HOST
 * Watch:  -v: the IP header, which only a raw socket sees; on 127.0.0.1 our own
 *         request comes by as well; -t 1: a router answers in the host's place
 * Next:   packet.c, which takes the packets apart; then raw_sniff
 */
#define _GNU_SOURCE /* ppoll; for common.h: program_invocation_short_name */

#include <poll.h>	  /* ppoll */
#include <sys/signalfd.h> /* signalfd */
#include <sys/syscall.h>  /* SYS_capset */
#include <time.h>	  /* clock_gettime */

#include "../common.h"
#include "packet.h"

static const char usage[] =
	"usage: raw_icmp [-46qv] [-c COUNT] [-i SECONDS] [-s BYTES] [-t TTL]\n"
	"                [-W SECONDS] [-w SECONDS] HOST\n"
	"Send ICMP echo requests to HOST and print the replies, as ping does.\n"
	"  -4, -6      IPv4 or IPv6 only (default: what HOST's name says "
	"first)\n"
	"  -c COUNT    stop after so many requests (default: at Ctrl-C)\n"
	"  -i SECONDS  from one request to the next (default 1)\n"
	"  -q          quiet: the statistics only\n"
	"  -s BYTES    of data in each request (default 56)\n"
	"  -t TTL      how many routers may pass it on (default: the "
	"system's)\n"
	"  -v          take each packet apart, field by field\n"
	"  -W SECONDS  a reply that takes longer is late (default 10)\n"
	"  -w SECONDS  stop then, however many were sent or received\n"
	"SECONDS may have a fraction. Exit status: 0 replies came, 1 none, 2 "
	"it\n"
	"could not be tried.\n"
	"example: raw_icmp -c 3 -v 127.0.0.1\n";

/* As of ping: 1 means that nobody answered, all other failures are 2. */
#define fatal(...) (complain(__VA_ARGS__), exit(2))

#define SECOND INT64_C(1000000000) /* times are in nanoseconds */

enum { MOST_DATA = 65507, HEADER = 8 };

static struct {
	int family; /* AF_UNSPEC: either */
	long count; /* 0: no end */
	int64_t interval, wait, deadline;
	size_t size;
	long ttl; /* 0: as the system has it */
	bool quiet, verbose;
} options = {.interval = SECOND, .wait = 10 * SECOND, .size = 56};

/* An address of either family: any.sa_family tells which. */
union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* One conversation: through which socket, with whom. */
static struct {
	int fd;
	bool raw; /* SOCK_RAW, else SOCK_DGRAM */
	bool v6;
	unsigned id; /* which of all pings on this computer is ours */
	const char *name;
	union address host;
	socklen_t host_length;
} ping;

/* Each request, by its sequence number. What a reply claims about its request
 * counts for nothing: what we know of it stands here. */
static struct request {
	enum { NEVER_SENT, OUTSTANDING, SETTLED } state;
	int64_t sent;
} requests[65536];

static struct {
	long transmitted, received, duplicates, corrupt, errors, strangers,
		late;
	long pipe; /* the most requests that were on their way at once */
	int64_t started, last_sent;
	double min, max, sum, sum_of_squares; /* round trips in ms */
} counts;

/* Something that came out of the socket. */
struct incoming {
	uint8_t bytes[65536]; /* no IP packet is larger */
	size_t n;
	union address from;
	int64_t when; /* by our clock */
	int ttl;
	/* From the error queue, see read_error. */
	bool has_error;
	struct queued_error { /* struct sock_extended_err of ip(7) */
		uint32_t number;
		uint8_t origin, type, code, pad;
		uint32_t info, data;
	} error;
	union address offender;
};

/* A clock that nobody sets. */
static int64_t now(void)
{
	struct timespec time;

	if (clock_gettime(CLOCK_MONOTONIC, &time) == -1)
		fatal("clock_gettime");
	return time.tv_sec * SECOND + time.tv_nsec;
}

/* ---- Getting ready ---- */

/* A socket for ICMP in FAMILY; -1 with errno if there is none for us. */
static int open_socket(int family, bool *raw)
{
	int protocol = family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	int fd;

	/* 1. Raw: every ICMP packet that reaches this computer, and with IPv4
	 *    its IP header as well. This takes privilege (CAP_NET_RAW). */
	*raw = true;
	fd = socket(family, SOCK_RAW, protocol);
	if (fd != -1 || (errno != EPERM && errno != EACCES))
		return fd;

	/* 2. Without it, Linux has a small door for pings, open to the groups
	 *    in the sysctl net.ipv4.ping_group_range: icmp(7). */
	*raw = false;
	return socket(family, SOCK_DGRAM, protocol);
}

/* The rights that opened the socket end here, for good: a mistake further down
 * could be used by whoever sends us packets. */
static void give_up_privileges(void)
{
	/* capset(2) has no function in the C library. What it takes is in
	 * linux/capability.h, and has not changed since Linux 2.6.26. */
	const struct {
		uint32_t version;
		int pid; /* 0: this process */
	} header = {.version = 0x20080522};
	const struct {
		uint32_t effective, permitted, inheritable;
	} none[2] = {{0}};

	if (setgid(getgid()) == -1) /* of a set-group-ID file */
		fatal("setgid");
	if (setuid(getuid()) == -1) /* of a set-user-ID file */
		fatal("setuid");
	if (syscall(SYS_capset, &header, none) == -1) /* of setcap, and root */
		fatal("capset");
}

/* HOST's first address of the family asked for goes into ping. */
static void find_host(const char *host)
{
	const struct addrinfo wanted = {.ai_family = options.family,
					.ai_socktype = SOCK_DGRAM};
	struct addrinfo *list;
	int error = getaddrinfo(host, NULL, &wanted, &list);

	if (error == EAI_SYSTEM)
		fatal("look up %s", host);
	if (error) {
		fprintf(stderr, "%s: look up %s: %s (%s)\n",
			program_invocation_short_name, host,
			gai_strerror(error), errno_name(error));
		exit(2);
	}
	ping.name = host;
	memcpy(&ping.host, list->ai_addr, list->ai_addrlen);
	ping.host_length = list->ai_addrlen;
	ping.v6 = list->ai_family == AF_INET6;
	freeaddrinfo(list);

	/* Replies are told from forgeries by their sender: it must be one. */
	if (ping.v6 ? IN6_IS_ADDR_UNSPECIFIED(&ping.host.v6.sin6_addr) ||
			      IN6_IS_ADDR_MULTICAST(&ping.host.v6.sin6_addr)
		    : ping.host.v4.sin_addr.s_addr == htonl(INADDR_ANY) ||
			      IN_MULTICAST(
				      ntohl(ping.host.v4.sin_addr.s_addr))) {
		errno = EDESTADDRREQ;
		fatal("%s is not the address of one host", host);
	}
}

/* An address without a port. */
static struct text host_text(const union address *address)
{
	struct text text = {"(no address)"};

	getnameinfo(&address->any, sizeof *address, text.s, sizeof text.s, NULL,
		    0, NI_NUMERICHOST);
	return text;
}

/* The same, after the name if it is the host's and the user gave a name. */
static struct text sender_text(const union address *address)
{
	struct text number = host_text(address), text = number;

	if (strcmp(number.s, host_text(&ping.host).s) == 0 &&
	    strcmp(number.s, ping.name) != 0)
		snprintf(text.s, sizeof text.s, "%.100s (%.100s)", ping.name,
			 number.s);
	return text;
}

static void set_option(int level, int option, int value, const char *name)
{
	if (setsockopt(ping.fd, level, option, &value, sizeof value) == -1)
		fatal("setsockopt %s", name);
}

/* Ask for what does not come in the packet itself. */
static void prepare_socket(void)
{
	union address own = {.any.sa_family = ping.host.any.sa_family};
	socklen_t length = sizeof own;

	set_option(SOL_SOCKET, SO_TIMESTAMPNS, 1, "SO_TIMESTAMPNS");
	if (ping.v6)
		set_option(IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1,
			   "IPV6_RECVHOPLIMIT");
	else
		set_option(IPPROTO_IP, IP_RECVTTL, 1, "IP_RECVTTL");
	if (options.ttl && ping.v6)
		set_option(IPPROTO_IPV6, IPV6_UNICAST_HOPS, (int)options.ttl,
			   "IPV6_UNICAST_HOPS");
	else if (options.ttl)
		set_option(IPPROTO_IP, IP_TTL, (int)options.ttl, "IP_TTL");

	if (ping.raw) {
		ping.id = (unsigned)getpid() & 0xffff;
		return;
	}
	/* ICMP errors do not come as packets here, but in a queue of their
	 * own; and the id is what would be a port elsewhere. */
	if (ping.v6)
		set_option(IPPROTO_IPV6, IPV6_RECVERR, 1, "IPV6_RECVERR");
	else
		set_option(IPPROTO_IP, IP_RECVERR, 1, "IP_RECVERR");
	if (bind(ping.fd, &own.any, ping.host_length) == -1)
		fatal("bind");
	if (getsockname(ping.fd, &own.any, &length) == -1)
		fatal("getsockname");
	ping.id = ntohs(ping.v6 ? own.v6.sin6_port : own.v4.sin_port);
}

/* No socket: what to do about it. */
static void no_socket(bool raw)
{
	if (raw) /* for another reason than privilege */
		fatal("socket SOCK_RAW");
	complain("socket SOCK_RAW and SOCK_DGRAM");
	fputs("hint: as root: sudo raw_icmp/raw_icmp HOST\n"
	      "hint: or give it this one right: "
	      "sudo setcap cap_net_raw+ep raw_icmp/raw_icmp\n"
	      "hint: or in a private network, without any privilege: "
	      "make demo-icmp\n",
	      stderr);
	exit(2);
}

/* Everything up to the first request. The privileged part comes first and is
 * short: unless -4 or -6 is given, both sockets, as only the look-up will tell
 * which one is needed. That the other cannot be had is then no failure. */
static void get_ready(const char *host)
{
	bool raw_v4 = true, raw_v6 = true;
	int fd_v4 = -1, fd_v6 = -1, error_v4 = 0, error_v6 = 0;

	if (options.family != AF_INET6) {
		fd_v4 = open_socket(AF_INET, &raw_v4);
		error_v4 = errno;
	}
	if (options.family != AF_INET) {
		fd_v6 = open_socket(AF_INET6, &raw_v6);
		error_v6 = errno;
	}
	give_up_privileges();
	find_host(host);
	ping.fd = ping.v6 ? fd_v6 : fd_v4;
	ping.raw = ping.v6 ? raw_v6 : raw_v4;
	if (ping.v6 ? fd_v4 != -1 : fd_v6 != -1)
		close(ping.v6 ? fd_v4 : fd_v6);

	errno = ping.v6 ? error_v6 : error_v4;
	if (ping.fd == -1)
		no_socket(ping.raw);
	if (!ping.raw)
		fprintf(stderr,
			"raw_icmp: not privileged for SOCK_RAW: going on with "
			"SOCK_DGRAM, which shows no\n"
			"          IP header; the kernel picks the id, and "
			"drops "
			"what is not for us\n");
	prepare_socket();
}

/* ---- Sending ---- */

/* The byte at place I of the data: any pattern that we can check will do. */
static uint8_t pattern(size_t i)
{
	return (uint8_t)i;
}

static bool read_error(void);

/* Whether the next request may still get through: then the show goes on. */
static bool may_pass(int error)
{
	return error == ENOBUFS || error == EAGAIN || error == ENETDOWN ||
	       error == ENETUNREACH || error == EHOSTUNREACH ||
	       error == EHOSTDOWN || error == EMSGSIZE || error == EPERM;
}

static void send_request(void)
{
	static uint8_t packet[HEADER + MOST_DATA];
	size_t n = HEADER + options.size;
	unsigned sequence = (unsigned)(counts.transmitted + 1) & 0xffff, sum;
	ssize_t sent = -1;

	packet[0] = ping.v6 ? 128 : 8; /* echo request; packet[1], code: 0 */
	packet[2] = packet[3] = 0;     /* the checksum counts as 0 in itself */
	packet[4] = (uint8_t)(ping.id >> 8); /* the high byte first */
	packet[5] = (uint8_t)ping.id;
	packet[6] = (uint8_t)(sequence >> 8);
	packet[7] = (uint8_t)sequence;
	for (size_t i = 0; i < options.size; i++)
		packet[HEADER + i] = pattern(i);

	/* With ICMPv6, and with SOCK_DGRAM, the kernel writes over this. */
	sum = checksum(packet, n);
	packet[2] = (uint8_t)(sum >> 8);
	packet[3] = (uint8_t)sum;

	requests[sequence].state = OUTSTANDING;
	counts.transmitted++;
	for (int tries = 0; sent == -1 && tries < 3; tries++) {
		requests[sequence].sent = counts.last_sent = now();
		sent = sendto(ping.fd, packet, n, MSG_DONTWAIT, &ping.host.any,
			      ping.host_length);
		if (sent == -1 && errno == EINTR)
			continue;
		if (sent == -1 && !ping.raw) { /* an earlier one's error? */
			int error = errno;
			read_error();
			errno = error;
		} else {
			break;
		}
	}
	if (sent == -1) {
		complain("sendto %s", host_text(&ping.host).s);
		if (counts.transmitted == 1 || !may_pass(errno))
			exit(2);
		requests[sequence].state = SETTLED;
		counts.errors++;
	}
}

/* ---- Receiving ---- */

/* Something that the kernel says beside the packet. */
static void read_control(struct incoming *in, struct cmsghdr *c)
{
	const uint8_t *data = CMSG_DATA(c);
	size_t n = c->cmsg_len - CMSG_LEN(0);

	if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPNS &&
	    n >= sizeof(struct timespec)) {
		/* When it came in, which may be a while before we were woken.
		 * The clock is the one on the wall, which may be set at any
		 * time; so all we take from it is how long that while was. */
		struct timespec stamp, wall;
		int64_t age;

		memcpy(&stamp, data, sizeof stamp);
		if (clock_gettime(CLOCK_REALTIME, &wall) == -1)
			fatal("clock_gettime");
		age = (wall.tv_sec - stamp.tv_sec) * SECOND + wall.tv_nsec -
		      stamp.tv_nsec;
		in->when = now() - (age > 0 ? age : 0);
	} else if (((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TTL) ||
		    (c->cmsg_level == IPPROTO_IPV6 &&
		     c->cmsg_type == IPV6_HOPLIMIT)) &&
		   n >= sizeof in->ttl) {
		memcpy(&in->ttl, data, sizeof in->ttl);
	} else if (((c->cmsg_level == IPPROTO_IP &&
		     c->cmsg_type == IP_RECVERR) ||
		    (c->cmsg_level == IPPROTO_IPV6 &&
		     c->cmsg_type == IPV6_RECVERR)) &&
		   n >= sizeof in->error) {
		/* Behind it stands the address of who reported the error. */
		size_t rest = n - sizeof in->error;

		in->has_error = true;
		memcpy(&in->error, data, sizeof in->error);
		memcpy(&in->offender, data + sizeof in->error,
		       rest < sizeof in->offender ? rest : sizeof in->offender);
	}
}

/* Whether the kernel makes this errno out of an ICMP error, see icmp(7). */
static bool is_from_icmp(int error)
{
	return error == ENETUNREACH || error == EHOSTUNREACH ||
	       error == ENOPROTOOPT || error == ECONNREFUSED ||
	       error == EMSGSIZE || error == EOPNOTSUPP || error == EPROTO ||
	       error == EHOSTDOWN || error == ENONET || error == EACCES;
}

/* Take one packet out of the socket, or out of its error queue (FLAGS:
 * MSG_ERRQUEUE). NULL if there is none. */
static const struct incoming *receive(int flags)
{
	static struct incoming in;
	static union {
		struct cmsghdr aligned;
		char bytes[1024];
	} control;
	struct iovec data = {.iov_base = in.bytes, .iov_len = sizeof in.bytes};
	struct msghdr message = {.msg_name = &in.from,
				 .msg_namelen = sizeof in.from,
				 .msg_iov = &data,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof control};
	ssize_t n = recvmsg(ping.fd, &message, flags | MSG_DONTWAIT);

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return NULL; /* none, after all */
	if (n == -1 && !ping.raw && is_from_icmp(errno))
		return NULL; /* the story is in the error queue: read_error */
	if (n == -1)
		fatal("recvmsg");

	in.n = (size_t)n;
	in.when = now();
	in.ttl = 0;
	in.has_error = false;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c;
	     c = CMSG_NXTHDR(&message, c))
		read_control(&in, c);
	return &in;
}

/* Whether ADDRESS, of 4 or 16 bytes, is that of the host we asked. */
static bool is_host(const void *address)
{
	return ping.v6 ? memcmp(address, &ping.host.v6.sin6_addr, 16) == 0
		       : memcmp(address, &ping.host.v4.sin_addr, 4) == 0;
}

static bool is_from_host(const struct incoming *in)
{
	return ping.v6 ? is_host(&in->from.v6.sin6_addr)
		       : is_host(&in->from.v4.sin_addr);
}

/* Request SEQUENCE is over, for better or worse. */
static void settle(unsigned sequence)
{
	long on_their_way =
		((counts.transmitted - (long)sequence) & 0xffff) + 1;

	requests[sequence].state = SETTLED;
	if (on_their_way > counts.pipe)
		counts.pipe = on_their_way;
}

static bool is_what_we_sent(const struct packet *packet)
{
	if (packet->data_length > options.size)
		return false;
	for (size_t i = 0; i < packet->data_length; i++)
		if (packet->data[i] != pattern(i))
			return false;
	return true;
}

/* A reply with our id: count it, if it may count. What is printed after it. */
static const char *judge(const struct packet *packet, const struct incoming *in)
{
	const struct request *request = &requests[packet->sequence];
	int64_t took = in->when - request->sent;
	double ms = (double)(took > 0 ? took : 0) / 1e6;

	if (!packet->checksum_right)
		return counts.corrupt++, " (BAD CHECKSUM!)";
	if (!is_from_host(in))
		return counts.strangers++, " (DIFFERENT ADDRESS!)";
	if (request->state == NEVER_SENT)
		return counts.strangers++, " (NEVER SENT!)";
	if (!is_what_we_sent(packet))
		return counts.corrupt++, " (WRONG DATA!)";
	if (request->state == SETTLED)
		return counts.duplicates++, " (DUP!)";
	if (took > options.wait)
		return counts.late++, " (LATE!)";

	settle(packet->sequence);
	if (counts.received++ == 0 || ms < counts.min)
		counts.min = ms;
	counts.max = ms > counts.max ? ms : counts.max;
	counts.sum += ms;
	counts.sum_of_squares += ms * ms;
	return "";
}

static void got_reply(const struct packet *packet, const struct incoming *in)
{
	const struct request *request = &requests[packet->sequence];
	int64_t took = in->when - request->sent;
	double ms = (double)(took > 0 ? took : 0) / 1e6;
	const char *verdict = judge(packet, in);

	if (options.quiet)
		return;
	printf("%zu bytes from %s: icmp_seq=%u ttl=%d", packet->icmp_length,
	       sender_text(&in->from).s, packet->sequence, in->ttl);
	if (packet->data_length < options.size)
		fputs(" (truncated)", stdout);
	else if (request->state != NEVER_SENT)
		printf(" time=%.*f ms",
		       ms < 1	    ? 3
		       : ms < 9.995 ? 2
		       : ms < 99.95 ? 1
				    : 0,
		       ms);
	puts(verdict);
}

/* An error about our request SEQUENCE, reported by FROM. */
static void got_error(const union address *from, unsigned type, unsigned code,
		      uint32_t info, unsigned sequence, bool checksum_right)
{
	struct request *request = &requests[sequence];
	const char *verdict = "", *hint = error_hint(ping.v6, type, code);
	static const char *last_hint;
	char text[100];

	if (!checksum_right)
		counts.corrupt++, verdict = " (BAD CHECKSUM!)";
	else if (request->state == NEVER_SENT)
		counts.strangers++, verdict = " (NEVER SENT!)";
	else if (request->state == SETTLED)
		counts.duplicates++, verdict = " (DUP!)";
	else if (!is_advice(ping.v6, type))
		counts.errors++, settle(sequence);

	if (options.quiet)
		return;
	error_text(text, sizeof text, ping.v6, type, code, info);
	printf("From %s icmp_seq=%u %s%s\n", sender_text(from).s, sequence,
	       text, verdict);
	if (hint && hint != last_hint && *verdict == '\0') {
		fprintf(stderr, "hint: %s\n", hint);
		last_hint = hint;
	}
}

/* Ends us if our last words did not arrive: a reader who has gone is no reason
 * to go on for ever. (What begin() set up says why, and makes the status 1.) */
static void check_reader(void)
{
	if (ferror(stdout))
		exit(EXIT_FAILURE);
}

/* On a raw socket an error is a packet like others; on this one it waits in a
 * queue: the beginning of our request, and beside it what was reported. False
 * if there is none. */
static bool read_error(void)
{
	const struct incoming *in = receive(MSG_ERRQUEUE);
	struct packet request;

	if (!in)
		return false;
	if (in->has_error && in->error.type != 0 && /* 0: our own kernel's */
	    parse_packet(&request, in->bytes, in->n,
			 ping.v6 ? FIRST_ICMPV6 : FIRST_ICMP) &&
	    request.kind == ECHO_REQUEST)
		got_error(&in->offender, in->error.type, in->error.code,
			  in->error.info, request.sequence, true);
	check_reader();
	return true;
}

/* What a packet that came is to us. A raw socket gets everybody's. */
static void sort_out(const struct packet *packet, const struct incoming *in)
{
	bool ours = packet->id == ping.id;

	if (packet->flaw) {
		if (!options.quiet)
			printf("From %s: a packet of %zu bytes, %s\n",
			       sender_text(&in->from).s, in->n, packet->flaw);
	} else if (packet->kind == ECHO_REPLY && ours) {
		got_reply(packet, in);
	} else if (packet->kind == ICMP_ERROR && packet->quotes_request &&
		   packet->quoted_id == ping.id &&
		   is_host(packet->quoted_host)) {
		got_error(&in->from, packet->type, packet->code, packet->info,
			  packet->quoted_sequence, packet->checksum_right);
	} else if (options.verbose && !options.quiet) {
		/* On loopback our own request arrives where it came from. */
		printf("%zu bytes from %s: type %u, %s\n", packet->icmp_length,
		       sender_text(&in->from).s, packet->type,
		       packet->kind == ECHO_REQUEST && ours
			       ? "our own request on its way"
			       : "not for us");
	}
}

/* False if there is none. */
static bool read_packet(void)
{
	const struct incoming *in = receive(0);
	struct packet packet;

	if (!in)
		return false;
	parse_packet(&packet, in->bytes, in->n,
		     ping.v6	? FIRST_ICMPV6
		     : ping.raw ? FIRST_IPV4
				: FIRST_ICMP);
	sort_out(&packet, in);
	if (options.verbose && !options.quiet)
		show_packet(stdout, &packet, in->bytes, in->n);
	check_reader();
	return true;
}

/* ---- The loop ---- */

/* Sleep until a packet or a signal comes, at most until the time T. False: it
 * was a signal. */
static bool wait_until(int64_t t, int signal_fd)
{
	int64_t left = t - now();
	struct timespec most = {.tv_sec = (time_t)(left / SECOND),
				.tv_nsec = (long)(left % SECOND)};
	struct pollfd fds[] = {{.fd = ping.fd, .events = POLLIN},
			       {.fd = signal_fd, .events = POLLIN}};

	if (left < 0)
		return true;
	if (ppoll(fds, 2, &most, NULL) == -1) {
		if (errno != EINTR)
			fatal("ppoll");
		return true;
	}
	/* All that is there, but no more than this: a flood must not keep us
	 * from sending, nor from Ctrl-C. */
	for (int i = 0; i < 100 && fds[0].revents; i++) {
		bool had_error = !ping.raw && read_error();

		if (!read_packet() && !had_error)
			break;
	}
	return fds[1].revents == 0;
}

/* How long to wait for replies once all requests are out. If some came, the
 * others should not take much longer. */
static int64_t patience(void)
{
	int64_t usual = (int64_t)(counts.max * 2e6);

	usual = usual > options.interval ? usual : options.interval;
	usual = usual > SECOND ? usual : SECOND;
	return counts.received && usual < options.wait ? usual : options.wait;
}

static void send_and_receive(int signal_fd)
{
	int64_t next = now(), until, end;
	bool sends;

	counts.started = next;
	end = options.deadline ? next + options.deadline : INT64_MAX;
	do {
		if (options.count &&
		    counts.received + counts.errors >= options.count)
			return;
		if (options.deadline && counts.errors > 0)
			return; /* as ping has it */

		/* With a deadline, COUNT is how many are to be received. */
		sends = !options.count || options.deadline ||
			counts.transmitted < options.count;
		if (sends && now() >= next) {
			send_request();
			/* What was missed (Ctrl-Z and fg) is not made up. */
			next = counts.last_sent + options.interval;
		}
		until = sends ? next : counts.last_sent + patience();
		if (!sends && now() >= until)
			return;
	} while (wait_until(until < end ? until : end, signal_fd) &&
		 now() < end);
}

/* The square root, by Newton's method: sqrt(3) would take -lm to link. */
static double square_root(double x)
{
	double root = x > 1 ? x : 1;

	if (x <= 0)
		return 0;
	for (int i = 0; i < 200; i++)
		root = (root + x / root) / 2;
	return root;
}

static void print_statistics(void)
{
	double lost = (double)(counts.transmitted - counts.received), n;

	printf("\n--- %s ping statistics ---\n"
	       "%ld packets transmitted, %ld received",
	       ping.name, counts.transmitted, counts.received);
	if (counts.duplicates)
		printf(", +%ld duplicates", counts.duplicates);
	if (counts.corrupt)
		printf(", +%ld corrupted", counts.corrupt);
	if (counts.errors)
		printf(", +%ld errors", counts.errors);
	if (counts.strangers)
		printf(", +%ld strangers", counts.strangers);
	if (counts.late)
		printf(", +%ld late", counts.late);
	printf(", %g%% packet loss, time %lldms\n",
	       (double)(float)(lost * 100 / (double)counts.transmitted),
	       (long long)((counts.last_sent - counts.started) / 1000000));

	n = (double)counts.received;
	if (counts.received)
		printf("rtt min/avg/max/mdev = %.3f/%.3f/%.3f/%.3f ms",
		       counts.min, counts.sum / n, counts.max,
		       square_root(counts.sum_of_squares / n -
				   counts.sum / n * (counts.sum / n)));
	if (counts.pipe > 1)
		printf("%spipe %ld", counts.received ? ", " : "", counts.pipe);
	putchar('\n');
}

/* SECONDS with a fraction, strictly, or wrong use. In nanoseconds. */
static int64_t parse_seconds(const char *text)
{
	size_t whole = strspn(text, "0123456789");
	size_t point = text[whole] == '.';
	size_t fraction = strspn(text + whole + point, "0123456789");
	double seconds = strtod(text, NULL);

	if (whole == 0 || (point && fraction == 0) ||
	    text[whole + point + fraction] != '\0' || seconds < 0.002 ||
	    seconds > 86400)
		wrong_use("SECONDS '%s' is not a number from 0.002 to 86400",
			  text);
	return (int64_t)(seconds * 1e9);
}

static void set_family(int family)
{
	if (options.family != AF_UNSPEC && options.family != family)
		wrong_use("-4 and -6 exclude each other");
	options.family = family;
}

static const char *parse_options(int argc, char *argv[])
{
	int option;

	while ((option = getopt(argc, argv, "+:46c:hi:qs:t:vW:w:")) != -1) {
		if (option == '4')
			set_family(AF_INET);
		else if (option == '6')
			set_family(AF_INET6);
		else if (option == 'c')
			options.count =
				parse_number("COUNT", optarg, 1, 1000000000);
		else if (option == 'i')
			options.interval = parse_seconds(optarg);
		else if (option == 'q')
			options.quiet = true;
		else if (option == 's')
			options.size = (size_t)parse_number("BYTES", optarg, 0,
							    MOST_DATA);
		else if (option == 't')
			options.ttl = parse_number("TTL", optarg, 1, 255);
		else if (option == 'v')
			options.verbose = true;
		else if (option == 'W')
			options.wait = parse_seconds(optarg);
		else if (option == 'w')
			options.deadline = parse_seconds(optarg);
		else
			common_option(option);
	}
	if (!argv[optind])
		wrong_use("which HOST?");
	if (argv[optind + 1])
		wrong_use("'%s' is too much", argv[optind + 1]);
	return argv[optind];
}

int main(int argc, char *argv[])
{
	sigset_t stop;
	int signal_fd;

	begin(usage);
	get_ready(parse_options(argc, argv));

	/* Ctrl-C and kill become something to be read, like a packet: then
	 * there is no moment in which they could come unexpected. */
	sigemptyset(&stop);
	sigaddset(&stop, SIGINT);
	sigaddset(&stop, SIGTERM);
	sigprocmask(SIG_BLOCK, &stop, NULL);
	signal_fd = signalfd(-1, &stop, 0);
	if (signal_fd == -1)
		fatal("signalfd");

	if (ping.v6)
		printf("PING %s (%s) %zu data bytes\n", ping.name,
		       host_text(&ping.host).s, options.size);
	else /* in brackets: with the headers of ICMP and IP */
		printf("PING %s (%s) %zu(%zu) bytes of data.\n", ping.name,
		       host_text(&ping.host).s, options.size,
		       options.size + HEADER + 20);
	send_and_receive(signal_fd);
	print_statistics();

	return counts.received == 0 ||
	       (options.deadline && counts.received < options.count);
}
