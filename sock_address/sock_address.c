/* sock_address - what an address is: a family, a port, some bytes.
 *
 *    "127.0.0.1" "8080" -- getaddrinfo --> 02 00 1f 90 7f 00 00 01 ...
 *    for people                            for the kernel and the network
 *
 * Run:    sock_address (the story), sock_address localhost 8080 (the tool)
 * Watch:  port 8080 becomes 36895, and why a program may not notice
 * Parts:  this file is the story; lookup.c the tool; bytes.c shows the bytes
 * Next:   sock_options, the switches of a socket
 */
#define _GNU_SOURCE /* for common.h: program_invocation_short_name */

#include <arpa/inet.h> /* inet_pton */

#include "../story.h"
#include "sock_address.h"

static const char usage[] =
	"usage: sock_address [NAME [SERVICE]]\n"
	"Show what addresses are; with a NAME, those that belong to it.\n"
	"  NAME     a name, an IPv4 or an IPv6 address (default: the story)\n"
	"  SERVICE  a port, or a name from /etc/services (default 8080)\n"
	"example: sock_address localhost http\n";

/* ---- Addresses of both families, for all scenes ---- */

/* bind and connect take any family as a struct sockaddr: its first member, the
 * family, tells what the rest is. A union spares us the casts. */
struct address {
	socklen_t length;
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	};
};

/* HOST, an IPv4 or IPv6 address in digits, and PORT, as the kernel wants them.
 */
static struct address address_of(const char *host, unsigned port)
{
	struct address a;

	if (strchr(host, ':')) {
		a.length = sizeof a.v6;
		a.v6 = (struct sockaddr_in6){.sin6_family = AF_INET6};
		a.v6.sin6_port = htons((in_port_t)port);
		inet_pton(AF_INET6, host, &a.v6.sin6_addr);
	} else {
		a.length = sizeof a.v4;
		a.v4 = (struct sockaddr_in){.sin_family = AF_INET};
		a.v4.sin_port = htons((in_port_t)port);
		inet_pton(AF_INET, host, &a.v4.sin_addr);
	}
	return a;
}

static unsigned port_of(struct address a)
{
	return ntohs(a.any.sa_family == AF_INET6 ? a.v6.sin6_port
						 : a.v4.sin_port);
}

static struct text text_of(struct address a)
{
	return address_text(&a.any, a.length);
}

static bool same(struct address a, struct address b)
{
	return strcmp(text_of(a).s, text_of(b).s) == 0;
}

static struct address own_address(int fd)
{
	struct address a = {.length = sizeof a.v6};

	if (getsockname(fd, &a.any, &a.length) == -1)
		die("getsockname");
	return a;
}

static struct address peer_address(int fd)
{
	struct address a = {.length = sizeof a.v6};

	if (getpeername(fd, &a.any, &a.length) == -1)
		die("getpeername");
	return a;
}

static int new_socket(int family, int type)
{
	int fd = socket(family, type, 0);

	if (fd == -1)
		die("socket");
	return fd;
}

/* ---- The scenes ---- */

static void text_and_bytes(void)
{
	const struct addrinfo digits = {.ai_socktype = SOCK_STREAM,
					.ai_flags = AI_NUMERICHOST};
	static const char *const hosts[] = {"127.0.0.1", "::1"};
	struct addrinfo *list;

	scene("From text to bytes: what bind and connect are given.");
	for (size_t i = 0; i < 2; i++) {
		const char *host = hosts[i];
		int error = (int)CALL(
			"we", getaddrinfo(host, "8080", &digits, &list));
		if (error)
			no_result(host, "8080", error);
		show_bytes(list->ai_addr, list->ai_addrlen);
		/* sin_port and sin6_port lie at the same place. */
		const unsigned char *bytes = (const void *)list->ai_addr;
		expect(bytes[2] == 0x1f && bytes[3] == 0x90,
		       "8080 is 0x1f90: high byte first, the network's order");
		freeaddrinfo(list);
	}
}

/* On a UDP socket connect only remembers the address: nothing is sent, and
 * nobody has to be there. */
static void forgotten_htons(void)
{
	const bool big_endian = htons(1) == 1; /* host order = network order */
	struct address to = address_of("127.0.0.1", 0), peer;
	int fd = new_socket(AF_INET, SOCK_DGRAM);

	scene("htons forgotten: sin_port = 8080 instead of htons(8080).");
	to.v4.sin_port = 8080; /* wrong, on purpose */
	MUST("we", connect(fd, &to.any, to.length));
	peer = peer_address(fd);
	note("the kernel understood %s", text_of(peer).s);
	expect(port_of(peer) == (big_endian ? 8080 : 36895),
	       big_endian ? "this machine keeps numbers that way: no harm here"
			  : "low byte first in memory: 0x1f90 became 0x901f");
	note("printed without ntohs: %u", peer.v4.sin_port);
	expect(peer.v4.sin_port == 8080,
	       "two mistakes hide each other: our output says 8080");
	close(fd);
}

/* The range from which the kernel picks ports that nobody asked for. */
static void check_range(unsigned port)
{
	FILE *file = fopen("/proc/sys/net/ipv4/ip_local_port_range", "r");
	char line[64] = "", *rest;

	if (!file) /* some containers hide it */
		return;
	if (!fgets(line, sizeof line, file))
		die("read ip_local_port_range");
	fclose(file);
	unsigned long low = strtoul(line, &rest, 10);
	unsigned long high = strtoul(rest, NULL, 10);
	note("net.ipv4.ip_local_port_range: %lu to %lu", low, high);
	expect(port >= low && port <= high,
	       "an ephemeral port: the kernel picks it from that range");
}

static void both_ends(void)
{
	struct address here = address_of("127.0.0.1", 0), server, client;
	int listen_fd = new_socket(AF_INET, SOCK_STREAM), conn_fd;
	int client_fd = new_socket(AF_INET, SOCK_STREAM);

	scene("Each end of a connection has its own address and its peer's.");
	note("a new socket has no address yet: %s",
	     text_of(own_address(listen_fd)).s);
	MUST("server", bind(listen_fd, &here.any, here.length));
	if (listen(listen_fd, 1) == -1)
		die("listen");
	server.length = sizeof server.v6;
	MUST("server", getsockname(listen_fd, &server.any, &server.length));
	note("the server asked for %s, got %s", text_of(here).s,
	     text_of(server).s);

	client.length = sizeof client.v6;
	long early = CALL("client",
			  getpeername(client_fd, &client.any, &client.length));
	expect(early == -1 && errno == ENOTCONN, "not connected: no peer yet");
	MUST("client", connect(client_fd, &server.any, server.length));
	conn_fd = accept(listen_fd, NULL, NULL);
	if (conn_fd == -1)
		die("accept");

	client = own_address(client_fd);
	note("client: getsockname %s, getpeername %s", text_of(client).s,
	     text_of(peer_address(client_fd)).s);
	note("server: getsockname %s, getpeername %s",
	     text_of(own_address(conn_fd)).s, text_of(peer_address(conn_fd)).s);
	expect(same(client, peer_address(conn_fd)) &&
		       same(server, peer_address(client_fd)) &&
		       same(server, own_address(conn_fd)),
	       "what is own to one end is the peer to the other");
	check_range(port_of(client));
	close(listen_fd);
	close(client_fd);
	close(conn_fd);
}

/* A TCP socket that listens on HOST, at a port that the kernel chooses. */
static int listen_on(const char *host)
{
	struct address here = address_of(host, 0);
	int fd = new_socket(here.any.sa_family, SOCK_STREAM);
	const int off = 0;

	if (here.any.sa_family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) == -1)
		die("setsockopt IPV6_V6ONLY");
	MUST("server", bind(fd, &here.any, here.length));
	if (listen(fd, 5) == -1)
		die("listen");
	note("asked for %s, got %s", text_of(here).s,
	     text_of(own_address(fd)).s);
	return fd;
}

/* Dial HOST at the port of LISTEN_FD, pick up, and show the two addresses that
 * the server sees; they are returned in *OWN and *PEER. */
static void dial(const char *host, int listen_fd, struct address *own,
		 struct address *peer)
{
	struct address to = address_of(host, port_of(own_address(listen_fd)));
	int fd = new_socket(to.any.sa_family, SOCK_STREAM), conn_fd;

	note("dial %s", text_of(to).s);
	MUST("client", connect(fd, &to.any, to.length));
	conn_fd = accept(listen_fd, NULL, NULL);
	if (conn_fd == -1)
		die("accept");
	*own = own_address(conn_fd);
	*peer = peer_address(conn_fd);
	note("server: I am %s, called by %s", text_of(*own).s,
	     text_of(*peer).s);
	close(fd);
	close(conn_fd);
}

static void every_interface(void)
{
	struct address own, peer;
	int listen_fd;

	scene("0.0.0.0: every IPv4 address of this machine.");
	listen_fd = listen_on("0.0.0.0");
	dial("127.0.0.1", listen_fd, &own, &peer);
	dial("127.0.0.2", listen_fd, &own, &peer);
	expect(strncmp(text_of(own).s, "127.0.0.2:", 10) == 0,
	       "a connection has the address that was dialled, never 0.0.0.0");
	dial("0.0.0.0", listen_fd, &own, &peer);
	expect(strncmp(text_of(own).s, "127.0.0.1:", 10) == 0,
	       "dialling 0.0.0.0 means this machine, on Linux");
	close(listen_fd);
}

static void both_families(void)
{
	struct address own, peer;
	int listen_fd;

	scene("::, every address of both families, with IPV6_V6ONLY off.");
	listen_fd = listen_on("::");
	dial("::1", listen_fd, &own, &peer);
	dial("127.0.0.1", listen_fd, &own, &peer);
	expect(IN6_IS_ADDR_V4MAPPED(&peer.v6.sin6_addr),
	       "an IPv4 client of an IPv6 socket: a v4-mapped address");
	show_bytes(&peer.any, peer.length);
	close(listen_fd);
}

enum { TCP4, UDP4, TCP6, UDP6 };
static const struct {
	const char *protocol;
	int type;
	const char *host;
} kinds[] = {
	[TCP4] = {"TCP", SOCK_STREAM, "127.0.0.1"},
	[UDP4] = {"UDP", SOCK_DGRAM, "127.0.0.1"},
	[TCP6] = {"TCP", SOCK_STREAM, "::1"},
	[UDP6] = {"UDP", SOCK_DGRAM, "::1"},
};

static void close_all(const int fds[], int count)
{
	while (count-- > 0)
		close(fds[count]);
}

/* Make the first COUNT kinds of sockets and bind all to the port number that
 * the kernel chooses for the first one: returned. 0, and no socket, if another
 * program has that number for one of the others. */
static unsigned bind_all(int fds[], int count)
{
	unsigned port = 0;

	for (int i = 0; i < count; i++) {
		struct address here = address_of(kinds[i].host, port);
		fds[i] = new_socket(here.any.sa_family, kinds[i].type);
		if (bind(fds[i], &here.any, here.length) == -1) {
			if (errno != EADDRINUSE)
				die("bind to %s", text_of(here).s);
			note("bind to %s: EADDRINUSE, try another number",
			     text_of(here).s);
			close_all(fds, i + 1);
			return 0;
		}
		port = port_of(own_address(fds[i]));
	}
	return port;
}

static void same_number(bool have_v6)
{
	const int count = have_v6 ? 4 : 2;
	unsigned port = 0;
	int fds[4];
	char buf[16];

	scene("One port number: TCP and UDP, IPv4 and IPv6 do not collide.");
	for (int tries = 0; port == 0 && tries < 20; tries++)
		port = bind_all(fds, count);
	if (port == 0) {
		errno = EADDRINUSE;
		die("bind to one port number, 20 times");
	}
	for (int i = 0; i < count; i++)
		note("bound: %s %s", kinds[i].protocol,
		     text_of(own_address(fds[i])).s);
	MUST("server", listen(fds[TCP4], 1));

	struct address to = address_of("127.0.0.1", port);
	int tcp_fd = new_socket(AF_INET, SOCK_STREAM);
	int udp_fd = new_socket(AF_INET, SOCK_DGRAM);
	MUST("client", connect(tcp_fd, &to.any, to.length));
	MUST("client", sendto(udp_fd, "to UDP", 6, 0, &to.any, to.length));
	ssize_t n = CALL("server", recv(fds[UDP4], buf, sizeof buf, 0));
	expect(n == 6, "TCP's port and UDP's port of one number are two ports");

	if (have_v6) { /* its socket is bound, but does not listen */
		to = address_of("::1", port);
		int fd = new_socket(AF_INET6, SOCK_STREAM);
		long failed = CALL("client", connect(fd, &to.any, to.length));
		expect(failed && errno == ECONNREFUSED,
		       "who listens on 127.0.0.1 is not reached through ::1");
		close(fd);
	}
	close(tcp_fd);
	close(udp_fd);
	close_all(fds, count);
}

/* Whether this machine has the address ::1; some containers have no IPv6. */
static bool v6_works(void)
{
	struct address here = address_of("::1", 0);
	const char *call = "socket";
	int fd = socket(AF_INET6, SOCK_STREAM, 0);

	if (fd != -1) {
		call = "bind to ::1";
		int failed = bind(fd, &here.any, here.length);
		int error = errno;
		close(fd);
		if (!failed)
			return true;
		errno = error;
	}
	if (errno != EAFNOSUPPORT && errno != EADDRNOTAVAIL)
		die("%s", call);
	printf("(This machine has no IPv6: %s: %s. The scenes do without.)\n\n",
	       call, errno_name(errno));
	return false;
}

static void story(void)
{
	const bool have_v6 = v6_works();

	watch_story();
	text_and_bytes();
	forgotten_htons();
	both_ends();
	every_interface();
	if (have_v6)
		both_families();
	same_number(have_v6);
	puts("\nRemember: a number goes into an address through htons or "
	     "htonl, and out\n"
	     "of it through ntohs or ntohl. And localhost can be 127.0.0.1 or "
	     "::1: who\n"
	     "listens on one is not reached through the other.");
}

/* Service names have a letter in them (RFC 6335), ports have none. */
static bool has_letter(const char *text)
{
	while (*text && !isalpha((unsigned char)*text))
		text++;
	return *text != '\0';
}

int main(int argc, char *argv[])
{
	int option;

	begin(usage);
	if ((option = getopt(argc, argv, "+:h")) != -1)
		common_option(option);
	if (optind == argc) {
		story();
		return EXIT_SUCCESS;
	}

	const char *name = argv[optind], *service = argv[optind + 1];
	if (!service)
		service = "8080";
	else if (argc - optind > 2)
		wrong_use("'%s' is too much", argv[optind + 2]);
	/* getaddrinfo of glibc takes "99999" for 34463, and " 80" for 80. */
	if (!has_letter(service))
		parse_number("SERVICE", service, 0, 65535);
	look_up(name, service);
	return EXIT_SUCCESS;
}
