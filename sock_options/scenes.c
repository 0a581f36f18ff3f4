/* scenes.c - the story: an option is a wish, which the kernel may change or
 * refuse, and some wishes come too late.
 */
#define _GNU_SOURCE /* for common.h: program_invocation_short_name */

#include <limits.h>	 /* INT_MAX */
#include <netinet/tcp.h> /* TCP_NODELAY */
#include <poll.h>	 /* poll */
#include <sys/time.h>	 /* struct timeval */

#include "../story.h"
#include "sock_options.h"

/* Ask for a receive buffer of so many bytes, and return what it got. */
static int receive_buffer(int fd, int wish)
{
	socklen_t length = sizeof wish;
	int got = 0;

	MUST("we", setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &wish, length));
	MUST("we", getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &got, &length));
	note("asked for %d, got %d", wish, got);
	return got;
}

static void doubled(void)
{
	int fd = new_socket(AF_INET, SOCK_DGRAM);
	char line[32] = "";
	FILE *file = fopen("/proc/sys/net/core/rmem_max", "r");

	scene("A wish, not an order: SO_RCVBUF is doubled, raised, capped.");
	expect(receive_buffer(fd, 10000) == 20000,
	       "doubled: the kernel's own notes take room as well");
	expect(receive_buffer(fd, 1) > 2, "raised to the least that works");
	int got = receive_buffer(fd, INT_MAX);
	expect(got < INT_MAX, "capped, and no error says so");
	if (file && fgets(line, sizeof line, file)) {
		long most = strtol(line, NULL, 10);
		note("net.core.rmem_max is %ld", most);
		expect(got / 2 == (most < INT_MAX / 2 ? most : INT_MAX / 2),
		       "the cap is twice net.core.rmem_max");
	}
	if (file) /* some containers hide it */
		fclose(file);
	close(fd);
}

static void refusals(void)
{
	const int one = 1, many = 256;
	const struct timeval wrong = {.tv_usec = 1500000};
	int tcp_fd = new_socket(AF_INET, SOCK_STREAM);
	int udp_fd = new_socket(AF_INET, SOCK_DGRAM);
	long failed;

	scene("What the kernel refuses, and the names of its reasons.");
	failed = CALL("we", setsockopt(tcp_fd, SOL_SOCKET, SO_TYPE, &one,
				       sizeof one));
	expect(failed && errno == ENOPROTOOPT, "SO_TYPE can only be read");
	failed = CALL("we", setsockopt(udp_fd, IPPROTO_TCP, TCP_NODELAY, &one,
				       sizeof one));
	expect(failed && (errno == ENOPROTOOPT || errno == EOPNOTSUPP),
	       "UDP has no options of TCP's layer");
	failed = CALL("we", setsockopt(tcp_fd, IPPROTO_IP, IP_TTL, &many,
				       sizeof many));
	expect(failed && errno == EINVAL,
	       "256 does not fit: IP_TTL has 8 bits");
	failed = CALL("we", setsockopt(tcp_fd, SOL_SOCKET, SO_RCVTIMEO, &one,
				       sizeof one));
	expect(failed && errno == EINVAL,
	       "an int is too short: SO_RCVTIMEO is a struct timeval");
	failed = CALL("we", setsockopt(tcp_fd, SOL_SOCKET, SO_RCVTIMEO, &wrong,
				       sizeof wrong));
	expect(failed && errno == EDOM,
	       "1500000 us: there are seconds for what exceeds 999999 us");
	close(tcp_fd);
	close(udp_fd);
}

/* A socket bound to HOST (in host order), at a port that the kernel chooses;
 * *address becomes what the kernel chose. */
static int bound_to(in_addr_t host, int type, struct sockaddr_in *address)
{
	socklen_t length = sizeof *address;
	int fd = new_socket(AF_INET, type);

	*address = (struct sockaddr_in){.sin_family = AF_INET};
	address->sin_addr.s_addr = htonl(host);
	if (bind(fd, (struct sockaddr *)address, length) == -1)
		die("bind");
	if (getsockname(fd, (struct sockaddr *)address, &length) == -1)
		die("getsockname");
	return fd;
}

static void broadcast(void)
{
	const int on = 1;
	struct sockaddr_in all;
	const struct sockaddr *to = (struct sockaddr *)&all;
	int receiver_fd = bound_to(INADDR_ANY, SOCK_DGRAM, &all);
	int fd = new_socket(AF_INET, SOCK_DGRAM);
	char byte;

	scene("SO_BROADCAST is a safety catch: no sending to all by accident.");
	/* "Everybody" on loopback: no other machine is troubled. */
	all.sin_addr.s_addr = htonl(0x7fffffff);
	note("the address is %s", address_text(&all, sizeof all).s);
	long sent = CALL("we", sendto(fd, "!", 1, 0, to, sizeof all));
	expect(sent == -1 && errno == EACCES,
	       "EACCES: it takes SO_BROADCAST, not root");
	MUST("we", setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof on));
	sent = CALL("we", sendto(fd, "!", 1, 0, to, sizeof all));
	expect(sent == 1, "now it may");
	long heard = CALL("they", recv(receiver_fd, &byte, 1, 0));
	expect(heard == 1, "and it arrives");
	close(receiver_fd);
	close(fd);
}

static int pending_error(int fd)
{
	int error = 0;
	socklen_t length = sizeof error;

	MUST("we", getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length));
	note("SO_ERROR is %d%s%s", error, error ? ", " : "",
	     error ? errno_name(error) : "");
	return error;
}

static void read_once(void)
{
	struct sockaddr_in nobody;
	const struct sockaddr *to = (struct sockaddr *)&nobody;
	/* Bound, but it does not listen: nobody else can get that port. */
	int bound_fd = bound_to(INADDR_LOOPBACK, SOCK_STREAM, &nobody);
	int fd = new_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
	struct pollfd end = {.fd = fd, .events = POLLOUT};

	scene("SO_ERROR: how a connect that did not wait has ended.");
	long failed = CALL("we", connect(fd, to, sizeof nobody));
	expect(failed && errno == EINPROGRESS, "begun, not ended");
	MUST("we", poll(&end, 1, 10000));
	expect(pending_error(fd) == ECONNREFUSED,
	       "getsockopt succeeds; the error is the option's value");
	expect(pending_error(fd) == 0, "reading it has cleared it");
	close(bound_fd);
	close(fd);
}

static void inherited(void)
{
	const int on = 1;
	struct sockaddr_in address;
	const struct sockaddr *to = (struct sockaddr *)&address;
	int listen_fd = bound_to(INADDR_LOOPBACK, SOCK_STREAM, &address);
	int client_fd = new_socket(AF_INET, SOCK_STREAM), conn_fd, got = 0;
	socklen_t length = sizeof got;

	scene("What accept returns has the options of the listening socket.");
	if (listen(listen_fd, 1) == -1)
		die("listen");
	MUST("server",
	     setsockopt(listen_fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
	if (connect(client_fd, to, sizeof address) == -1)
		die("connect");
	conn_fd = accept(listen_fd, NULL, NULL);
	if (conn_fd == -1)
		die("accept");
	MUST("server",
	     getsockopt(conn_fd, IPPROTO_TCP, TCP_NODELAY, &got, &length));
	expect(got, "set once, it holds for all connections to come");
	close(listen_fd);
	close(client_fd);
	close(conn_fd);
}

static void too_late(void)
{
	const struct sockaddr_in6 any = {.sin6_family = AF_INET6};
	const struct sockaddr *here = (const struct sockaddr *)&any;
	const int on = 1;
	int fd = new_socket(AF_INET6, SOCK_STREAM);

	scene("Some must be set in time: IPV6_V6ONLY before bind.");
	MUST("server", bind(fd, here, sizeof any));
	long failed = CALL("server", setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY,
						&on, sizeof on));
	expect(failed && errno == EINVAL,
	       "the port is taken already, for one family or for both");
	close(fd);
}

void story(void)
{
	watch_story();
	scene("What a new socket has on this machine, over TCP and over UDP.");
	show_table();
	doubled();
	refusals();
	broadcast();
	read_once();
	inherited();
	if (ipv6_is_there())
		too_late();
	puts("\nRemember: setsockopt is a wish; getsockopt says what is in "
	     "force. Look at the\n"
	     "result of both, and set options before bind, connect or "
	     "listen.");
}
