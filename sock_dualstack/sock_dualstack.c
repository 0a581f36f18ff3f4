/* sock_dualstack - can one socket serve IPv4 and IPv6?
 *
 *   ::1 --------------> [::]:8080      its caller is [::1]
 *   127.0.0.1 --------> the same one   its caller is [::ffff:127.0.0.1]
 *
 * Watch:  who can be beside whom: the addresses decide, not the families
 * Next:   raw_icmp, how does ping work?
 */
#include "../common.h"

static const int on = 1, off = 0;
static struct sockaddr_storage address;
static struct sockaddr *const to = (struct sockaddr *)&address;
static socklen_t size;
static char port[8]; /* of the server that was started last */
static int n;

/* Put host and port into the address (see sock_resolve); return a socket. */
static int new_socket(char *host, char *wanted)
{
	struct addrinfo *a = address_of((char *[]){host, wanted, NULL});
	int fd = socket(a->ai_family, SOCK_STREAM, 0);

	if (fd == -1)
		errx(1,
		     "socket: %s (%s)\nhint: without IPv6 there is one family",
		     strerror(errno), errno_name(errno));
	size = a->ai_addrlen;
	memcpy(to, a->ai_addr, size);
	/* All addresses, but on lo only: no other machine shall call. */
	setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3);
	return fd;
}

/* A server there. *WISH is for IPV6_V6ONLY; NULL: it has no such option. */
static int serve(char *host, char *wanted, const int *wish)
{
	int fd = new_socket(host, wanted);

	note("%s%s", address_text(to, size), wish == &on ? ", V6ONLY" : "");
	if (wish && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, wish, sizeof on))
		die("setsockopt");
	n = CALL("server", bind(fd, to, size));
	if (n == 0 && (listen(fd, 5) == -1 || getsockname(fd, to, &size) == -1))
		die("listen or getsockname");
	snprintf(port, sizeof port, "%d",
		 ntohs(((struct sockaddr_in *)to)->sin_port)); /* or of IPv6 */
	return fd;
}

int main(int argc, char *argv[])
{
	begin_story(argc, argv,
		    "usage: sock_dualstack\n"
		    "Serve IPv4 and IPv6 by one socket, and by two.\n"
		    "example: sock_dualstack\n");
	scene("`::` is every address of both families.");
	int listen_fd = serve("::", "0", &off), fd = new_socket("::1", port);
	n = CALL("client", connect(fd, to, size));
	expect("an IPv6 caller", n == 0);
	if (accept(listen_fd, NULL, NULL) == -1)
		die("accept");
	fd = new_socket("127.0.0.1", port);
	CALL("client", connect(fd, to, size));
	size = sizeof address;
	n = CALL("server", accept(listen_fd, to, &size));
	const char *caller = address_text(to, size);
	note("called by %s", caller);
	expect("an IPv4 caller: a v4-mapped address",
	       n != -1 && !strncmp(caller, "[::ffff:127.0.0.1]:", 19));

	scene("So `0.0.0.0` collides with it, unless IPV6_V6ONLY is set.");
	fd = serve("::", "0", &off);
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
	serve("::ffff:127.0.0.1", "0", &off);
	serve("127.0.0.1", port, NULL);
	expect("two families, one address: it collides",
	       n == -1 && errno == EADDRINUSE);
	serve("127.0.0.2", port, NULL);
	expect("one family, two addresses: side by side", n == 0);
}
