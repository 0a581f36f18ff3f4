/* raw_sniff - see what passes on the wire, which no other socket shows.
 *
 *   program          socket AF_PACKET
 *   TCP, UDP            |  a copy of each packet, in and out,
 *   IP  ----------------+  with all its headers
 *   network card
 *
 * Run:    make demo-sniff (a private network); or sudo raw_sniff/raw_sniff -p
 *         8080 in a third terminal beside make demo-tcp
 * Watch:  SYN, SYN+ACK, ACK: the handshake; seq counts bytes; each side's FIN
 * Next:   packet.c, which takes the packets apart; then the exercises
 */
#define _GNU_SOURCE /* for common.h: program_invocation_short_name */

#include <net/ethernet.h>     /* ETH_P_ALL */
#include <net/if.h>	      /* if_nametoindex */
#include <net/if_arp.h>	      /* ARPHRD_LOOPBACK */
#include <netpacket/packet.h> /* struct sockaddr_ll */
#include <poll.h>	      /* poll */
#include <sys/signalfd.h>     /* signalfd */

#include "../old_common.h"
#include "../privilege.h"
#include "options.h"
#include "packet.h"

enum { LARGEST = 40 + 65535 }; /* bytes of an IPv6 packet with its header */

/* ---- The socket ---- */

/* The rights that opened the socket end here, for good: a mistake further down
 * could be used by whoever sends us packets. The file of -w, or NULL. */
static FILE *give_up_privileges(void)
{
	FILE *file = NULL;

	if (setgid(getgid()) == -1) /* those of a set-group-ID file */
		die("setgid");
	if (setuid(getuid()) == -1) /* those of a set-user-ID file */
		die("setuid");

	/* With what the user may do, and no more. But before the next step,
	 * after which root could not write into other people's folders. */
	if (options.file_name && !(file = fopen(options.file_name, "wbe")))
		die("open %s", options.file_name);

	if (drop_capabilities() == -1) /* those of setcap, and root's */
		die("capset");
	return file;
}

/* Which number the kernel knows the interface by; 0 stands for all of them. */
static int interface_number(void)
{
	unsigned number = 0;

	if (options.interface) {
		number = if_nametoindex(options.interface);
		if (number == 0) {
			complain("interface %s", options.interface);
			fputs("hint: those that there are: ip -brief link\n",
			      stderr);
			exit(EXIT_FAILURE);
		}
	}
	return (int)number;
}

/* 1. A packet socket that hears nothing yet (protocol 0), so that no packet of
 *    another interface slips in before bind. SOCK_DGRAM: without the header
 *    that is different for each kind of network, so IP comes first. */
static int open_socket(void)
{
	int fd = socket(AF_PACKET, SOCK_DGRAM, 0);

	if (fd == -1 && errno == EPERM) {
		complain("socket AF_PACKET");
		fputs("hint: as root: sudo raw_sniff/raw_sniff\n"
		      "hint: or give it this one right: "
		      "sudo setcap cap_net_raw+ep raw_sniff/raw_sniff\n"
		      "hint: or in a private network, without any privilege: "
		      "make demo-sniff\n",
		      stderr);
		exit(EXIT_FAILURE);
	}
	if (fd == -1)
		die("socket AF_PACKET");
	return fd;
}

/* 2. From bind on, the kernel keeps a copy of each packet for us. */
static void start_listening(int fd, int interface)
{
	const int on = 1;
	const struct sockaddr_ll where = {.sll_family = AF_PACKET,
					  .sll_protocol = htons(ETH_P_ALL),
					  .sll_ifindex = interface};
	const char *name = interface ? options.interface : "all interfaces";

	/* When a packet passed, which is a while before we read it. */
	if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMP, &on, sizeof on) == -1)
		die("setsockopt SO_TIMESTAMP");
	if (bind(fd, (const struct sockaddr *)&where, sizeof where) == -1)
		die("bind to %s", name);
	fprintf(stderr, "listening on %s\n", name);
}

/* Packets that came since the last call, and how many there was no room for. */
static void get_counts(int fd, unsigned *came, unsigned *lost)
{
	unsigned counts[2]; /* struct tpacket_stats of packet(7) */
	socklen_t length = sizeof counts;

	if (getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, counts, &length))
		die("getsockopt PACKET_STATISTICS");
	*came = counts[0] - counts[1]; /* [0] counts the lost ones as well */
	*lost = counts[1];
}

/* ---- One packet ---- */

/* The kernel's note of when a packet passed, which comes beside it. */
static struct timeval time_of(struct msghdr *message)
{
	struct timeval when = {0};

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c;
	     c = CMSG_NXTHDR(message, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMP)
			memcpy(&when, CMSG_DATA(c), sizeof when);
	return when;
}

/* Seconds since the first packet that was shown. */
static double seconds(const struct timeval *when)
{
	static struct timeval first;

	if (first.tv_sec == 0)
		first = *when;
	return (double)(when->tv_sec - first.tv_sec) +
	       (double)(when->tv_usec - first.tv_usec) / 1e6;
}

/* Show a packet, if it is one that the user wants to see: false if not. */
static bool show(FILE *file, const uint8_t *bytes, size_t n, size_t true_length,
		 const struct timeval *when)
{
	struct packet packet;
	bool sound = parse_packet(&packet, bytes, n);

	if (options.port && packet.from.port != options.port &&
	    packet.to.port != options.port)
		return false;
	if (sound && packet.protocol == IPPROTO_TCP && packet.piece_start == 0)
		count_from_zero(&packet);
	printf("%9.6f ", seconds(when));
	print_packet(stdout, &packet, true_length);
	putchar('\n');
	if (options.hex)
		print_hex(stdout, bytes, n);
	if (file && !write_pcap_packet(file, when, bytes, n, true_length))
		die("write to %s", options.file_name);
	return true;
}

/* Take one packet out of the socket, if there is one, and show it. */
static enum taken { NONE, NOT_SHOWN, SHOWN } take_packet(int fd, FILE *file)
{
	static uint8_t bytes[LARGEST];
	union {
		char room[CMSG_SPACE(sizeof(struct timeval))];
		struct cmsghdr align;
	} control;
	struct sockaddr_ll from;
	struct iovec data = {.iov_base = bytes, .iov_len = sizeof bytes};
	struct msghdr message = {.msg_name = &from,
				 .msg_namelen = sizeof from,
				 .msg_iov = &data,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof control};
	struct timeval when;
	size_t n, true_length;

	/* MSG_TRUNC: the length that it had, should it not fit. */
	ssize_t got = recvmsg(fd, &message, MSG_DONTWAIT | MSG_TRUNC);
	if (got == -1 && (errno == EAGAIN || errno == EINTR))
		return NONE;
	if (got == -1) /* ENETDOWN: the interface is gone */
		die("recvmsg");
	true_length = (size_t)got;
	n = true_length < sizeof bytes ? true_length : sizeof bytes;
	when = time_of(&message);

	/* On loopback each packet passes twice, on its way out and back in. */
	if (from.sll_hatype == ARPHRD_LOOPBACK &&
	    from.sll_pkttype == PACKET_OUTGOING)
		return NOT_SHOWN;
	if (from.sll_protocol != htons(ETH_P_IP) &&
	    from.sll_protocol != htons(ETH_P_IPV6))
		return NOT_SHOWN; /* ARP, for instance */
	return show(file, bytes, n, true_length, &when) ? SHOWN : NOT_SHOWN;
}

/* Until COUNT packets were shown, or a signal comes. */
static void sniff(int fd, int signal_fd, FILE *file)
{
	struct pollfd events[] = {{.fd = fd, .events = POLLIN},
				  {.fd = signal_fd, .events = POLLIN}};
	unsigned came, lost, taken = 0;
	long shown = 0;

	while (shown < options.count && !events[1].revents && !ferror(stdout)) {
		if (poll(events, 2, -1) == -1 && errno != EINTR)
			die("poll");
		enum taken result = take_packet(fd, file);
		taken += result != NONE;
		shown += result == SHOWN;
	}
	/* What had passed before the signal is still to be seen. */
	get_counts(fd, &came, &lost);
	while (events[1].revents && taken < came && shown < options.count) {
		enum taken result = take_packet(fd, file);
		if (result == NONE)
			break;
		taken++;
		shown += result == SHOWN;
	}
	fprintf(stderr, "%ld packet%s shown", shown, shown == 1 ? "" : "s");
	if (lost)
		fprintf(stderr, ", %u missed: they came faster than we read",
			lost);
	fputc('\n', stderr);
}

int main(int argc, char *argv[])
{
	FILE *file;
	sigset_t stop;
	int interface, fd, signal_fd;

	parse_options(argc, argv);
	interface = interface_number();
	fd = open_socket();
	file = give_up_privileges();
	if (file && !write_pcap_header(file, LARGEST))
		die("write to %s", options.file_name);

	/* Ctrl-C and kill become something to be read, like a packet: then
	 * no packet is lost to them, and none is half written. */
	sigemptyset(&stop);
	sigaddset(&stop, SIGINT);
	sigaddset(&stop, SIGTERM);
	sigprocmask(SIG_BLOCK, &stop, NULL);
	signal_fd = signalfd(-1, &stop, 0);
	if (signal_fd == -1)
		die("signalfd");

	start_listening(fd, interface);
	sniff(fd, signal_fd, file);
	if (file && fclose(file) == EOF)
		die("write to %s", options.file_name);
	close(fd);
	return EXIT_SUCCESS;
}
