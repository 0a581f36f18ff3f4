/* raw_icmp - ping, in full: below UDP and TCP there are no ports, only packets.
 *
 *   echo request (type 8, id, sequence, data)  ------->  the kernel over there
 *   echo reply   (type 0, the same)            <-------  answers by itself
 *   error        (quotes our request)          <-------  a router on the way
 *
 * Run:    make demo-icmp (a private network), or sudo raw_icmp/raw_icmp HOST
 * Watch:  -v: the IP header, which only a raw socket sees; on 127.0.0.1 our own
 *         request comes by as well; -t 1: a router answers in the host's place
 * Parts:  packet.c takes packets apart, judge.c says which answers count
 * Next:   raw_sniff, which hears everything that passes
 */
#define _GNU_SOURCE /* ppoll; for common.h: program_invocation_short_name */

#include <poll.h>	  /* ppoll */
#include <sys/signalfd.h> /* signalfd */
#include <time.h>	  /* clock_gettime */

#include "../privilege.h"
#include "raw_icmp.h"

/* The socket through which we ask. */
static struct icmp_socket {
	int fd;
	bool raw;    /* SOCK_RAW, else SOCK_DGRAM */
	int error;   /* why there is none, if fd is -1 */
	unsigned id; /* which of all pings on this computer is ours */
} ping;

/* A clock that nobody sets. */
static int64_t now(void)
{
	struct timespec time;

	if (clock_gettime(CLOCK_MONOTONIC, &time) == -1)
		fatal("clock_gettime");
	return time.tv_sec * SECOND + time.tv_nsec;
}

/* ---- The socket ---- */

static struct icmp_socket open_socket(int family)
{
	int protocol = family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	struct icmp_socket new = {.raw = true};

	/* Raw: every ICMP packet that reaches this computer, and with IPv4
	 * its IP header as well. This takes privilege (CAP_NET_RAW). */
	new.fd = socket(family, SOCK_RAW, protocol);

	/* Without it, Linux has a small door for pings, open to the groups
	 * in the sysctl net.ipv4.ping_group_range: icmp(7). */
	if (new.fd == -1 && (errno == EPERM || errno == EACCES)) {
		new.raw = false;
		new.fd = socket(family, SOCK_DGRAM, protocol);
	}
	new.error = errno;
	return new;
}

/* The rights that opened the socket end here, for good: a mistake further down
 * could be used by whoever sends us packets. */
static void give_up_privileges(void)
{
	if (setgid(getgid()) == -1) /* those of a set-group-ID file */
		fatal("setgid");
	if (setuid(getuid()) == -1) /* those of a set-user-ID file */
		fatal("setuid");
	if (drop_capabilities() == -1) /* those of setcap, and root's */
		fatal("capset");
}

/* Neither socket, or no raw one for another reason than privilege. */
static void no_socket(void)
{
	errno = ping.error;
	if (ping.raw)
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

/* Set ping and host. The privileged part comes first and is short. Only the
 * look-up will tell whether it is IPv4 or IPv6; so we open a socket for each,
 * and that one cannot be had is a failure only if it is needed. */
static void get_ready(const char *name)
{
	struct icmp_socket v4 = {.fd = -1}, v6 = {.fd = -1};
	int unneeded;

	if (options.family != AF_INET6)
		v4 = open_socket(AF_INET);
	if (options.family != AF_INET)
		v6 = open_socket(AF_INET6);
	give_up_privileges();
	find_host(name);

	ping = host.v6 ? v6 : v4;
	unneeded = host.v6 ? v4.fd : v6.fd;
	if (unneeded != -1)
		close(unneeded);
	if (ping.fd == -1)
		no_socket();
	if (ping.raw) {
		ping.id = (unsigned)getpid() & 0xffff;
	} else {
		fputs("raw_icmp: no privilege for SOCK_RAW, so SOCK_DGRAM:\n"
		      "no IP header is seen, the kernel picks the id\n"
		      "and drops what is not for us\n",
		      stderr);
		ping.id = prepare_dgram(ping.fd);
	}
}

/* Ask for what does not come in the packet itself. */
static void set_socket_options(void)
{
	const int on = 1, ttl = (int)options.ttl;
	int level = host.v6 ? IPPROTO_IPV6 : IPPROTO_IP;

	/* When the kernel got the packet, however late we are woken. */
	if (setsockopt(ping.fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) ==
	    -1)
		fatal("setsockopt SO_TIMESTAMPNS");
	/* How many routers it might still have passed. */
	if (setsockopt(ping.fd, level, host.v6 ? IPV6_RECVHOPLIMIT : IP_RECVTTL,
		       &on, sizeof on) == -1)
		fatal("setsockopt %s",
		      host.v6 ? "IPV6_RECVHOPLIMIT" : "IP_RECVTTL");
	/* How many routers our requests may pass. */
	if (ttl &&
	    setsockopt(ping.fd, level, host.v6 ? IPV6_UNICAST_HOPS : IP_TTL,
		       &ttl, sizeof ttl) == -1)
		fatal("setsockopt %s",
		      host.v6 ? "IPV6_UNICAST_HOPS" : "IP_TTL");
}

/* ---- Sending ---- */

/* An echo request, into PACKET. Numbers stand with their high byte first.
 * Returns its length. */
static size_t build_request(uint8_t *packet, unsigned sequence)
{
	size_t n = ICMP_LENGTH + options.size;
	unsigned sum;

	packet[0] = host.v6 ? V6_ECHO_REQUEST : V4_ECHO_REQUEST;
	packet[1] = 0;		   /* code */
	packet[2] = packet[3] = 0; /* the checksum counts as 0 in itself */
	packet[4] = (uint8_t)(ping.id >> 8);
	packet[5] = (uint8_t)ping.id;
	packet[6] = (uint8_t)(sequence >> 8);
	packet[7] = (uint8_t)sequence;
	for (size_t i = 0; i < options.size; i++)
		packet[ICMP_LENGTH + i] = pattern(i);

	/* With ICMPv6, and with SOCK_DGRAM, the kernel writes over this. */
	sum = checksum(packet, n);
	packet[2] = (uint8_t)(sum >> 8);
	packet[3] = (uint8_t)sum;
	return n;
}

/* Whether the next request may still get through: then we go on. */
static bool may_pass(int error)
{
	return error == ENOBUFS || error == EAGAIN || error == ENETDOWN ||
	       error == ENETUNREACH || error == EHOSTUNREACH ||
	       error == EHOSTDOWN || error == EMSGSIZE || error == EPERM;
}

static bool read_error(void);

static void send_request(void)
{
	static uint8_t packet[ICMP_LENGTH + MOST_DATA];
	unsigned sequence = (unsigned)(counts.transmitted + 1) & 0xffff;
	size_t n = build_request(packet, sequence);

	counts.transmitted++;
	for (int tries = 1;; tries++) {
		counts.last_sent = now();
		remember_request(sequence, counts.last_sent);
		if (sendto(ping.fd, packet, n, MSG_DONTWAIT, &host.address.any,
			   host.length) != -1)
			return;
		/* With SOCK_DGRAM, it may be an ICMP error about an earlier
		 * request which sendto reports; this one was not sent yet. */
		int error = errno;
		bool again = error == EINTR || read_error();
		errno = error;
		if (!again || tries == 3)
			break;
	}
	complain("sendto %s", ip_text(&host.address).s);
	if (counts.transmitted == 1 || !may_pass(errno))
		exit(2);
	settle_request(sequence);
	counts.errors++;
}

/* ---- Receiving ---- */

/* Take one packet out of the socket, or out of its error queue (FLAGS:
 * MSG_ERRQUEUE). NULL if there is none. */
static const struct incoming *receive(int flags)
{
	static struct incoming in;
	static union {
		struct cmsghdr aligned;
		char bytes[1024];
	} control; /* room for what the kernel says beside the packet */
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
		return NULL; /* what it is waits in the error queue */
	if (n == -1)
		fatal("recvmsg");

	in.n = (size_t)n;
	read_control(&in, &message);
	in.when = now() - in.age;
	return &in;
}

/* What a packet that came is to us. A raw socket gets everybody's. */
static void sort_out(const struct packet *packet, const struct incoming *in)
{
	bool verbose = options.verbose && !options.quiet;

	if (packet->flaw) {
		if (!options.quiet)
			printf("From %s: a packet of %zu bytes, %s\n",
			       sender_text(&in->from).s, in->n, packet->flaw);
	} else if (packet->kind == ECHO_REPLY && packet->id == ping.id) {
		got_reply(packet, in);
	} else if (packet->kind == ICMP_ERROR && packet->quotes_request &&
		   packet->quoted_id == ping.id &&
		   is_hosts_address(packet->quoted_host)) {
		got_error(packet, &in->from);
	} else if (verbose) {
		/* On loopback our own request arrives where it came from. */
		bool own =
			packet->kind == ECHO_REQUEST && packet->id == ping.id;

		printf("%zu bytes from %s: type %u, %s\n", packet->icmp_length,
		       sender_text(&in->from).s, packet->type,
		       own ? "our own request on its way" : "not for us");
	}
	if (verbose)
		show_packet(stdout, packet, in->bytes, in->n);
}

/* False if there is none. */
static bool read_packet(void)
{
	const struct incoming *in = receive(0);
	enum first_header first = ping.raw ? FIRST_IPV4 : FIRST_ICMP;
	struct packet packet;

	if (!in)
		return false;
	parse_packet(&packet, in->bytes, in->n, host.v6 ? FIRST_ICMPV6 : first);
	sort_out(&packet, in);
	return true;
}

/* On a raw socket an ICMP error is a packet like others; with SOCK_DGRAM it
 * waits in a queue of its own. False if there is none. */
static bool read_error(void)
{
	const struct incoming *in = ping.raw ? NULL : receive(MSG_ERRQUEUE);
	struct packet error;

	if (!in)
		return false;
	if (parse_queued_error(&error, in))
		got_error(&error, &in->offender);
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
		bool error = read_error(), packet = read_packet();

		if (!error && !packet)
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
		 now() < end && !ferror(stdout)); /* our reader has gone */
}

int main(int argc, char *argv[])
{
	sigset_t stop;
	int signal_fd;

	get_ready(parse_options(argc, argv));
	set_socket_options();

	/* Ctrl-C and kill become something to be read, like a packet: then
	 * there is no moment in which they could come unexpected. */
	sigemptyset(&stop);
	sigaddset(&stop, SIGINT);
	sigaddset(&stop, SIGTERM);
	sigprocmask(SIG_BLOCK, &stop, NULL);
	signal_fd = signalfd(-1, &stop, 0);
	if (signal_fd == -1)
		fatal("signalfd");

	print_head();
	send_and_receive(signal_fd);
	print_statistics();

	return counts.received == 0 ||
	       (options.deadline && counts.received < options.count);
}
