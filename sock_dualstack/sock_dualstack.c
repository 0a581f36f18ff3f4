/* sock_dualstack - can one socket serve IPv4 and IPv6?
 *
 *   ::1 --------------> [::]:8080      its caller is [::1]
 *   127.0.0.1 --------> the same one   its caller is [::ffff:127.0.0.1]
 *
 * Watch:  who can be beside whom: the addresses decide, not the families
 * Next:   raw_icmp, how does ping work?
 */
#include "../common.h"
#include <arpa/inet.h>

static const int on = 1, off = 0;
static struct sockaddr_storage address;
static struct sockaddr *const to = (struct sockaddr *)&address;
static socklen_t size;
static int n;

/* Put HOST, in digits, and a port into the address; return a socket for it. */
static int new_socket(const char *host, int port)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)to;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)to;
	const bool dotted = !strchr(host, ':');

	address = (struct sockaddr_storage){.ss_family = dotted ? AF_INET
								: AF_INET6};
	size = dotted ? sizeof *v4 : sizeof *v6;
	v4->sin_port = htons((in_port_t)port); /* sin6_port: the same place */
	inet_pton(address.ss_family, host,
		  dotted ? (void *)&v4->sin_addr : (void *)&v6->sin6_addr);
	int fd = socket(address.ss_family, SOCK_STREAM, 0);
	if (fd == -1)
		die("socket");
	/* All addresses, but on lo only: no other machine shall call. */
	setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3);
	return fd;
}

/* A server there. *WISH is for IPV6_V6ONLY; NULL: it has no such option. */
static int serve(const char *host, int port, const int *wish)
{
	int fd = new_socket(host, port);

	note("%s%s", address_text(to, size).s, wish == &on ? ", V6ONLY" : "");
	if (wish && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, wish, sizeof on))
		die("setsockopt");
	n = CALL("server", bind(fd, to, size));
	if (n == 0 && listen(fd, 5) == -1)
		die("listen");
	return fd;
}

static int port_of(int fd)
{
	size = sizeof address;
	if (getsockname(fd, to, &size) == -1)
		die("getsockname");
	return ntohs(((struct sockaddr_in *)to)->sin_port);
}

/* Call the server at HOST. Its caller's address is then in the address. */
static struct text call(int listen_fd, const char *host)
{
	int fd = new_socket(host, port_of(listen_fd));
	struct text callee = address_text(to, size);

	n = CALL("client", connect(fd, to, size));
	if (n == -1)
		return (struct text){"nobody"};
	size = sizeof address;
	if (accept(listen_fd, to, &size) == -1)
		die("accept");
	close(fd);
	struct text caller = address_text(to, size);
	note("%s is called by %s", callee.s, caller.s);
	return caller;
}

int main(int argc, char *argv[])
{
	int fd, port;

	begin_story(argc, argv,
		    "usage: sock_dualstack\n"
		    "Serve IPv4 and IPv6 by one socket, and by two.\n"
		    "example: sock_dualstack\n");

	scene("`::` is every address of both families.");
	fd = serve("::", 0, &off);
	expect("an IPv6 caller", !strncmp(call(fd, "::1").s, "[::1]:", 6));
	expect("an IPv4 caller: a v4-mapped address",
	       !strncmp(call(fd, "127.0.0.1").s, "[::ffff:127.0.0.1]:", 19));

	scene("So `0.0.0.0` collides with it, unless IPV6_V6ONLY is set.");
	fd = serve("::", 0, &off);
	port = port_of(fd);
	n = CALL("server", setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, 4));
	expect("too late: it must be set before bind",
	       n == -1 && errno == EINVAL);
	serve("0.0.0.0", port, NULL);
	expect("`::` has it, without a word of IPv4",
	       n == -1 && errno == EADDRINUSE);
	close(fd);
	serve("::", port, &on);
	fd = new_socket("127.0.0.1", port);
	n = CALL("client", connect(fd, to, size));
	expect("IPv6 only: 127.0.0.1 is refused",
	       n == -1 && errno == ECONNREFUSED);
	serve("0.0.0.0", port, NULL);
	expect("now they are side by side", n == 0);

	scene("What differs is the address, not the family.");
	fd = serve("::ffff:127.0.0.1", 0, &off);
	port = port_of(fd);
	serve("127.0.0.1", port, NULL);
	expect("two families, one address: it collides",
	       n == -1 && errno == EADDRINUSE);
	serve("127.0.0.2", port, NULL);
	expect("one family, two addresses: side by side", n == 0);
}
