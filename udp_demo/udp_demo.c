/* udp_demo - postcards, not a telephone line: nobody is called, each datagram
 * carries its address, and whether it arrives is nobody's promise.
 *
 *   server: socket - bind            client: socket
 *      recvfrom <---+  anybody's        sendto <---+  a question
 *      sendto ------+  back there       poll       |  wait, but not for ever
 *                                       recvfrom --+  whose answer is it?
 * Run:    udp_demo server, udp_demo client in a second terminal and a third
 *         (or make demo-udp); as a filter: printf 'a\nb\n' | udp_demo client
 * Watch:  no accept: one loop and one socket serve all; silence has no reason
 * Parts:  this file: the server; client.c: the client
 * Next:   udp_unreliable, what can happen to a datagram on its way
 */
#define _GNU_SOURCE /* for common.h: program_invocation_short_name */

#include <poll.h> /* poll */

#include "../conversation.h"
#include "udp_demo.h"

static const char usage[] =
	"usage: udp_demo server|client [HOST [PORT]]\n"
	"server: answer each datagram in upper case, until Ctrl-C\n"
	"client: send each line of standard input, print the answers; q or\n"
	"        Ctrl-D quits, an empty line is an empty datagram\n"
	"  HOST PORT   the server's address (default 127.0.0.1 8080: this\n"
	"              machine only; to serve: 0.0.0.0 or :: for every\n"
	"              interface, port 0 for any)\n"
	"example: printf 'hello\\nworld\\n' | udp_demo client localhost 9000\n";

/* The server's buffer: a datagram that is longer loses its tail. */
enum { ROOM = 1024 };

/* The port of an IPv4 or IPv6 address: sin6_port lies where sin_port does. */
static in_port_t port_of(const struct sockaddr_storage *address)
{
	struct sockaddr_in in;

	memcpy(&in, address, sizeof in);
	return in.sin_port;
}

/* One turn of the only loop: a datagram, anybody's, and its answer. */
static void serve_one(int fd, in_port_t own_port)
{
	char buf[ROOM];
	struct sockaddr_storage peer;
	socklen_t length = sizeof peer;

	/* 4. Sleep until a datagram is in the queue, and take it out with its
	 *    sender's address. MSG_TRUNC: the result is its true length; what
	 *    our buffer has no room for is gone, no later call returns it. */
	ssize_t n = recvfrom(fd, buf, sizeof buf, MSG_TRUNC,
			     (struct sockaddr *)&peer, &length);
	if (n == -1 && errno == EINTR)
		return;
	if (n == -1 && (errno == ENOMEM || errno == ENOBUFS)) {
		complain("recvfrom"); /* it may pass: rest for 100 ms */
		poll(NULL, 0, 100);
		return;
	}
	if (n == -1) /* our own mistake: no peer can cause it */
		die("recvfrom");

	/*    0 is an empty datagram. There is no end of stream: no stream. */
	const size_t kept = n > ROOM ? ROOM : (size_t)n;
	const struct text name = address_text(&peer, length);
	printf("%s says %s (%zd byte%s", name.s, quoted(buf, kept).s, n,
	       n == 1 ? "" : "s");
	puts(n == 0 ? ": an empty datagram)" : ")");
	if (n > ROOM)
		printf("(cut to %d bytes: the tail is gone)\n", ROOM);

	/*    A sender's address is easily forged. If it is ours, or that of
	 *    another server like this one, the answer would be answered, and
	 *    so on without end. No client has our port. */
	if (port_of(&peer) == own_port) {
		puts("that is our own port: forged, not answered");
		return;
	}

	/* 5. Back to where it came from: every sendto names its receiver. If
	 *    this fails, that sender goes without; the next may have luck. */
	upper_case(buf, kept);
	if (sendto(fd, buf, kept, 0, (struct sockaddr *)&peer, length) == -1)
		complain("sendto %s", name.s);
}

/* bind has failed: say it, and what helps. */
static void no_address(const char *host, const char *port)
{
	complain("bind to %s port %s", host, port);
	if (errno == EADDRINUSE)
		fprintf(stderr,
			"hint: see who has that port: ss -lunp 'sport = :%s'\n"
			"hint: or take another one: udp_demo server %s %ld\n",
			port, host, strtol(port, NULL, 10) % 65535 + 1);
	if (errno == EADDRNOTAVAIL)
		fputs("hint: this machine has no such address; those it has: "
		      "ip -brief address\n",
		      stderr);
	if (errno == EACCES)
		fputs("hint: ports below 1024 take privilege\n", stderr);
	exit(EXIT_FAILURE);
}

static void serve(const char *host, const char *port)
{
	struct addrinfo *where = resolve(host, port, SOCK_DGRAM);
	struct sockaddr_storage own;
	socklen_t length = sizeof own;

	/* 1. A UDP socket, which has no address yet. */
	int fd = socket(where->ai_family, where->ai_socktype, 0);
	if (fd == -1)
		die("socket");

	/* 2. It has one: from here the kernel puts datagrams into its queue.
	 *    Left out on purpose: SO_REUSEADDR. UDP has no TIME_WAIT, and with
	 *    it a second server could take the port away from a first one. */
	if (bind(fd, where->ai_addr, where->ai_addrlen) == -1)
		no_address(host, port);
	freeaddrinfo(where);
	leave_on_signals();

	/* 3. Ready, without listen or accept. Port 0: the kernel chose one. */
	if (getsockname(fd, (struct sockaddr *)&own, &length) == -1)
		die("getsockname");
	printf("listening on %s\n", address_text(&own, length).s);
	if (strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0)
		puts("on every interface: other machines can send");

	for (;;)
		serve_one(fd, port_of(&own));
}

int main(int argc, char *argv[])
{
	const char *host = "127.0.0.1", *port = "8080", *role;
	int option;

	begin(usage);
	if ((option = getopt(argc, argv, "+:h")) != -1)
		common_option(option);
	role = argv[optind];
	if (!role)
		wrong_use("which role, server or client?");
	if (strcmp(role, "server") != 0 && strcmp(role, "client") != 0)
		wrong_use("role '%s' is neither server nor client", role);
	optind++;
	if ((option = getopt(argc, argv, "+:h")) != -1)
		common_option(option);

	host_and_port(argv + optind, &host, &port, *role == 's' ? 0 : 1);
	if (*role == 's')
		serve(host, port);
	return be_client(host, port) ? EXIT_SUCCESS : EXIT_FAILURE;
}
