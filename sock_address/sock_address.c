/* sock_address - what an address is: a family, a port, some bytes.
 *
 *    "127.0.0.1" "8080" -- getaddrinfo --> 02 00 1f 90 7f 00 00 01 ...
 *    to people                             to the kernel and on the wire
 *
 * Run:    sock_address (the story), sock_address localhost 8080 (the tool)
 * Watch:  port 8080 becomes 36895, and why a program may not notice
 * Next:   sock_options, the switches of a socket
 */
#define _GNU_SOURCE /* for common.h: program_invocation_short_name */

#include <arpa/inet.h> /* inet_pton */
#include <poll.h>      /* poll */
#include <stddef.h>    /* offsetof */
#include <sys/time.h>  /* struct timeval */

#include "../story.h"

static const char usage[] =
	"usage: sock_address [NAME [SERVICE]]\n"
	"Show what addresses are; with a NAME, those that belong to it.\n"
	"  NAME     a name, an IPv4 or an IPv6 address (default: the story)\n"
	"  SERVICE  a port, or a name from /etc/services (default 8080)\n"
	"example: sock_address localhost http\n";

/* Room for an address of either family, without casts. */
struct address {
	socklen_t length;
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	};
};

/* ---- Showing ---- */

static void show_field(const char *name, const void *address, size_t offset,
		       size_t size, const char *meaning)
{
	const unsigned char *bytes = (const unsigned char *)address + offset;

	printf("   %6zu  %-14s", offset, name);
	for (size_t i = 0; i < size; i++)
		printf(" %02x", bytes[i]);
	if (*meaning)
		printf("%*s%s", 26 - 3 * (int)size, "", meaning);
	putchar('\n');
}

#define FIELD(type, member, address, meaning)                                  \
	show_field(#member, address, offsetof(type, member),                   \
		   sizeof((address)->member), meaning)

/* The bytes of an address as they lie in memory. */
static void show_bytes(const struct sockaddr *any, socklen_t length)
{
	bool v6 = any->sa_family == AF_INET6;

	note("%s is a struct %s of %u bytes:", address_text(any, length).s,
	     v6 ? "sockaddr_in6" : "sockaddr_in", (unsigned)length);
	puts("   offset  member         bytes");
	if (v6) {
		const struct sockaddr_in6 *a = (const void *)any;
		FIELD(struct sockaddr_in6, sin6_family, a,
		      "AF_INET6, in host order");
		FIELD(struct sockaddr_in6, sin6_port, a,
		      "the port, high byte first");
		FIELD(struct sockaddr_in6, sin6_flowinfo, a, "");
		FIELD(struct sockaddr_in6, sin6_addr, a, "");
		FIELD(struct sockaddr_in6, sin6_scope_id, a, "");
	} else {
		const struct sockaddr_in *a = (const void *)any;
		FIELD(struct sockaddr_in, sin_family, a,
		      "AF_INET, in host order");
		FIELD(struct sockaddr_in, sin_port, a,
		      "the port, high byte first");
		FIELD(struct sockaddr_in, sin_addr, a, "the address");
		FIELD(struct sockaddr_in, sin_zero, a, "not used");
	}
}

/* ---- The tool ---- */

static const char *type_name(int type)
{
	return type == SOCK_STREAM  ? "SOCK_STREAM"
	       : type == SOCK_DGRAM ? "SOCK_DGRAM"
				    : "SOCK_RAW";
}

static const char *protocol_name(int protocol)
{
	return protocol == IPPROTO_TCP	 ? "TCP"
	       : protocol == IPPROTO_UDP ? "UDP"
					 : "any";
}

static bool seen_before(const struct addrinfo *list, const struct addrinfo *it)
{
	for (; list != it; list = list->ai_next)
		if (list->ai_addrlen == it->ai_addrlen &&
		    !memcmp(list->ai_addr, it->ai_addr, it->ai_addrlen))
			return true;
	return false;
}

static void no_result(const char *name, const char *service, int error)
{
	if (error == EAI_SYSTEM)
		die("look up %s, service %s", name, service);
	fprintf(stderr, "%s: look up %s, service %s: %s (%s)\n",
		program_invocation_short_name, name, service,
		gai_strerror(error), errno_name(error));
	fputs(error == EAI_SERVICE
		      ? "hint: service names are those of /etc/services; a "
			"port number always works\n"
		      : "hint: is it spelt right? A port is a second word: "
			"sock_address localhost 80\n",
	      stderr);
	exit(EXIT_FAILURE);
}

static void look_up(const char *name, const char *service)
{
	struct addrinfo *list;
	int n = 0;

	/* glibc takes "99999" for 34463 and " 80" for 80. */
	if (!strpbrk(service, "abcdefghijklmnopqrstuvwxyz"
			      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
		parse_number("SERVICE", service, 0, 65535);

	/* No wishes (NULL): all families and types. Each result is what
	 * socket() and then connect() or bind() take; try them in turn. */
	int error = getaddrinfo(name, service, NULL, &list);
	if (error)
		no_result(name, service, error);

	puts("What getaddrinfo gives, in the order in which to try it:");
	for (struct addrinfo *it = list; it; it = it->ai_next)
		printf("%4d. %-8s  %-11s  %-3s  %s\n", ++n,
		       it->ai_family == AF_INET6 ? "AF_INET6" : "AF_INET",
		       type_name(it->ai_socktype),
		       protocol_name(it->ai_protocol),
		       address_text(it->ai_addr, it->ai_addrlen).s);
	puts("The same addresses as the kernel wants them:");
	for (struct addrinfo *it = list; it; it = it->ai_next)
		if (!seen_before(list, it))
			show_bytes(it->ai_addr, it->ai_addrlen);
	freeaddrinfo(list);
}

/* ---- What the scenes have in common ---- */

/* HOST, an address in digits, and PORT, as the kernel wants them. */
static struct address address_of(const char *host, unsigned port)
{
	struct address a = {.length = sizeof a.v4};

	if (strchr(host, ':')) {
		a.length = sizeof a.v6;
		a.v6 = (struct sockaddr_in6){.sin6_family = AF_INET6,
					     .sin6_port =
						     htons((in_port_t)port)};
		inet_pton(AF_INET6, host, &a.v6.sin6_addr);
	} else {
		a.v4 = (struct sockaddr_in){.sin_family = AF_INET,
					    .sin_port = htons((in_port_t)port)};
		inet_pton(AF_INET, host, &a.v4.sin_addr);
	}
	return a;
}

static unsigned port_of(struct address a)
{
	return ntohs(a.any.sa_family == AF_INET6 ? a.v6.sin6_port
						 : a.v4.sin_port);
}

static bool same(struct address a, struct address b)
{
	return strcmp(address_text(&a.any, a.length).s,
		      address_text(&b.any, b.length).s) == 0;
}

static struct text text_of(struct address a)
{
	return address_text(&a.any, a.length);
}

/* The name that FD has, or its peer. */
static struct address name_of(int fd, bool peer)
{
	struct address a = {.length = sizeof a.v6};

	if (peer && getpeername(fd, &a.any, &a.length) == -1)
		die("getpeername");
	if (!peer && getsockname(fd, &a.any, &a.length) == -1)
		die("getsockname");
	return a;
}

static int new_socket(int family, int type)
{
	const struct timeval patience = {.tv_sec = 10};
	int fd = socket(family, type | SOCK_CLOEXEC, 0);

	if (fd == -1)
		die("socket");
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, /* connect */
		       sizeof patience) == -1)
		die("setsockopt SO_SNDTIMEO");
	return fd;
}

/* Until there is something to receive or to accept, at most 10 s. */
static void await(int fd)
{
	struct pollfd waiting = {.fd = fd, .events = POLLIN};
	int n;

	while ((n = poll(&waiting, 1, 10000)) == -1)
		if (errno != EINTR)
			die("poll");
	if (n == 0) {
		errno = ETIMEDOUT;
		die("poll");
	}
}

static long dial(int fd, struct address to)
{
	long failed;

	do
		failed = CALL("client", connect(fd, &to.any, to.length));
	while (failed && errno == EINTR);
	return failed;
}

static int pick_up(int listen_fd)
{
	int conn_fd;

	await(listen_fd);
	while ((conn_fd = accept(listen_fd, NULL, NULL)) == -1)
		if (errno != EINTR)
			die("accept");
	return conn_fd;
}

static int listening(struct address here)
{
	int fd = new_socket(here.any.sa_family, SOCK_STREAM);
	const int off = 0;

	if (here.any.sa_family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) == -1)
		die("setsockopt IPV6_V6ONLY");
	if (CALL("server", bind(fd, &here.any, here.length)) == -1)
		die("bind to %s", text_of(here).s);
	if (listen(fd, 5) == -1)
		die("listen");
	note("asked for %s, got %s", text_of(here).s,
	     text_of(name_of(fd, false)).s);
	return fd;
}

/* Dial HOST, pick up, and show the two names that the server sees, which are
 * returned in *own and *caller. */
static void call_up(int listen_fd, const char *host, struct address *own,
		    struct address *caller)
{
	unsigned port = port_of(name_of(listen_fd, false));
	struct address to = address_of(host, port);
	int fd = new_socket(to.any.sa_family, SOCK_STREAM), conn_fd;

	note("dial %s", text_of(to).s);
	if (dial(fd, to))
		die("connect to %s", text_of(to).s);
	conn_fd = pick_up(listen_fd);
	*own = name_of(conn_fd, false);
	*caller = name_of(conn_fd, true);
	note("server: I am %s, called by %s", text_of(*own).s,
	     text_of(*caller).s);
	close(fd);
	close(conn_fd);
}

/* ---- The scenes ---- */

/* 1 */
static void text_and_bytes(void)
{
	const struct addrinfo digits = {.ai_socktype = SOCK_STREAM,
					.ai_flags = AI_NUMERICHOST};
	static const char *const hosts[] = {"127.0.0.1", "::1"};
	struct addrinfo *list = NULL;
	int error;

	scene("From text to bytes: what bind and connect are given.");
	for (size_t i = 0; i < 2; i++) {
		const char *host = hosts[i];
		error = (int)CALL("we",
				  getaddrinfo(host, "8080", &digits, &list));
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

/* 2. On a UDP socket connect only remembers the address: nothing is sent, and
 * nobody has to be there. */
static void forgotten_htons(void)
{
	struct address to = address_of("127.0.0.1", 0), peer;
	int fd = new_socket(AF_INET, SOCK_DGRAM);

	scene("htons forgotten: sin_port = 8080 instead of htons(8080).");
	to.v4.sin_port = 8080; /* wrong, on purpose */
	if (CALL("we", connect(fd, &to.any, to.length)) == -1)
		die("connect");
	peer = name_of(fd, true);
	note("the kernel understood %s", text_of(peer).s);
	bool big_endian = htons(1) == 1; /* keeps numbers in network order */
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
	if (fgets(line, sizeof line, file)) {
		unsigned long low = strtoul(line, &rest, 10);
		unsigned long high = strtoul(rest, NULL, 10);
		note("net.ipv4.ip_local_port_range: %lu to %lu", low, high);
		expect(port >= low && port <= high,
		       "an ephemeral port: the kernel picks it from that "
		       "range");
	}
	fclose(file);
}

/* 3 */
static void both_ends(void)
{
	struct address here = address_of("127.0.0.1", 0), server, client;
	int listen_fd = new_socket(AF_INET, SOCK_STREAM), conn_fd;
	int client_fd = new_socket(AF_INET, SOCK_STREAM);

	scene("Both ends of a connection have two names each.");
	note("a new socket is %s", text_of(name_of(listen_fd, false)).s);
	if (CALL("server", bind(listen_fd, &here.any, here.length)) == -1)
		die("bind");
	if (listen(listen_fd, 1) == -1)
		die("listen");
	server.length = sizeof server.v6;
	if (CALL("server",
		 getsockname(listen_fd, &server.any, &server.length)) == -1)
		die("getsockname");
	note("the server asked for %s, got %s", text_of(here).s,
	     text_of(server).s);

	client.length = sizeof client.v6;
	long early = CALL("client",
			  getpeername(client_fd, &client.any, &client.length));
	expect(early == -1 && errno == ENOTCONN, "not connected: no peer yet");
	if (dial(client_fd, server))
		die("connect to %s", text_of(server).s);
	conn_fd = pick_up(listen_fd);

	client = name_of(client_fd, false);
	note("client: getsockname %s, getpeername %s", text_of(client).s,
	     text_of(name_of(client_fd, true)).s);
	note("server: getsockname %s, getpeername %s",
	     text_of(name_of(conn_fd, false)).s,
	     text_of(name_of(conn_fd, true)).s);
	expect(same(client, name_of(conn_fd, true)) &&
		       same(server, name_of(client_fd, true)) &&
		       same(server, name_of(conn_fd, false)),
	       "what is own to one is the peer to the other");
	check_range(port_of(client));
	close(listen_fd);
	close(client_fd);
	close(conn_fd);
}

/* 4 */
static void every_interface(void)
{
	struct address own, caller;
	int listen_fd;

	scene("0.0.0.0: every IPv4 address of this machine.");
	listen_fd = listening(address_of("0.0.0.0", 0));
	call_up(listen_fd, "127.0.0.1", &own, &caller);
	call_up(listen_fd, "127.0.0.2", &own, &caller);
	expect(strncmp(text_of(own).s, "127.0.0.2:", 10) == 0,
	       "a connection has the address that was dialled, never 0.0.0.0");
	call_up(listen_fd, "0.0.0.0", &own, &caller);
	expect(strncmp(text_of(own).s, "127.0.0.1:", 10) == 0,
	       "dialling 0.0.0.0 means this machine, on Linux");
	close(listen_fd);
}

/* 5 */
static void both_families(void)
{
	struct address own, caller;
	int listen_fd;

	scene("::, every address of both families, with IPV6_V6ONLY off.");
	listen_fd = listening(address_of("::", 0));
	call_up(listen_fd, "::1", &own, &caller);
	call_up(listen_fd, "127.0.0.1", &own, &caller);
	expect(IN6_IS_ADDR_V4MAPPED(&caller.v6.sin6_addr),
	       "an IPv4 caller in IPv6's clothes: a v4-mapped address");
	show_bytes(&caller.any, caller.length);
	close(listen_fd);
}

enum { TCP4, UDP4, TCP6, UDP6 };

/* Bind so many sockets to one port number, and return it. The kernel chooses
 * for the first; where another program has that number, all try another. */
static unsigned one_number(int fds[], int how_many)
{
	for (int tries = 0; tries < 20; tries++) {
		unsigned port = 0;
		int i;

		for (i = 0; i < how_many; i++) {
			struct address here = address_of(
				i < TCP6 ? "127.0.0.1" : "::1", port);
			fds[i] = new_socket(here.any.sa_family,
					    i % 2 ? SOCK_DGRAM : SOCK_STREAM);
			if (bind(fds[i], &here.any, here.length) == -1)
				break;
			port = port_of(name_of(fds[i], false));
		}
		if (i == how_many)
			return port;
		if (errno != EADDRINUSE)
			die("bind to port %u", port);
		note("bind to port %u: EADDRINUSE, try another", port);
		while (i >= 0)
			close(fds[i--]);
	}
	die("bind to one port number, 20 times");
}

/* 6 */
static void same_number(bool have_v6)
{
	int fds[4], how_many = have_v6 ? 4 : 2;
	char buf[16];

	scene("One port number: TCP and UDP, IPv4 and IPv6 do not collide.");
	unsigned port = one_number(fds, how_many);
	for (int i = 0; i < how_many; i++)
		note("bound: %s %s", i % 2 ? "UDP" : "TCP",
		     text_of(name_of(fds[i], false)).s);
	if (CALL("server", listen(fds[TCP4], 1)) == -1)
		die("listen");

	struct address to = address_of("127.0.0.1", port);
	int tcp_fd = new_socket(AF_INET, SOCK_STREAM);
	int udp_fd = new_socket(AF_INET, SOCK_DGRAM);
	if (dial(tcp_fd, to))
		die("connect to %s", text_of(to).s);
	if (CALL("client",
		 sendto(udp_fd, "to UDP", 6, 0, &to.any, to.length)) == -1)
		die("sendto %s", text_of(to).s);
	int conn_fd = pick_up(fds[TCP4]);
	await(fds[UDP4]);
	ssize_t n = CALL("server", recv(fds[UDP4], buf, sizeof buf, 0));
	expect(n == 6, "TCP's port and UDP's port of one number are two ports");

	if (have_v6) {
		to = address_of("::1", port);
		int fd = new_socket(AF_INET6, SOCK_STREAM);
		long failed = dial(fd, to);
		expect(failed && errno == ECONNREFUSED,
		       "who listens on 127.0.0.1 is not to be reached by ::1");
		close(fd);
	}
	close(conn_fd);
	close(tcp_fd);
	close(udp_fd);
	while (how_many-- > 0)
		close(fds[how_many]);
}

/* Whether this machine has the address ::1; some containers have no IPv6. */
static bool v6_works(void)
{
	struct address here = address_of("::1", 0);
	const char *call = "socket";
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

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
	bool have_v6 = v6_works();

	text_and_bytes();
	forgotten_htons();
	both_ends();
	every_interface();
	if (have_v6)
		both_families();
	same_number(have_v6);
	puts("\nRemember: a number goes through htons or htonl into an "
	     "address, "
	     "and through\nntohs or ntohl out of it. And localhost can be "
	     "127.0.0.1 or ::1: who listens on\none is not reached by the "
	     "other.");
}

int main(int argc, char *argv[])
{
	int option;

	begin(usage);
	if ((option = getopt(argc, argv, "+:h")) != -1)
		common_option(option);
	if (argc - optind > 2)
		wrong_use("'%s' is too much", argv[optind + 2]);
	if (optind < argc)
		look_up(argv[optind],
			argc - optind == 2 ? argv[optind + 1] : "8080");
	else
		story();
}
