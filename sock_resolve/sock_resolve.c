/* sock_resolve - how does a name become an address?
 *
 *   getaddrinfo("localhost", "8080")  --->  ::1  --->  127.0.0.1
 *                                 connect:  refused    0
 *
 * Watch:  one name is a list; the first address may not be the one that answers
 * Next:   sock_dualstack, one socket for IPv4 and IPv6
 */
#include "../common.h"

static const struct addrinfo tcp = {.ai_socktype = SOCK_STREAM};
static const struct addrinfo digits = {.ai_flags = AI_NUMERICHOST};
static struct addrinfo *list;
static int n;

/* Print the list. Return how many there are, if all are this machine alone. */
static int show(void)
{
	int count = 0;

	for (struct addrinfo *one = list; one; one = one->ai_next, count++) {
		const char *own = address_text(one->ai_addr, one->ai_addrlen);
		note("%s", own);
		if (strncmp(own, "127.", 4) && strncmp(own, "[::1]", 5))
			return -1;
	}
	return count;
}

static void each_in_turn(const char *port)
{
	int tried = 0;

	scene("The server is at one of them: try each in turn.");
	n = CALL("client", getaddrinfo(NULL, port, &tcp, &list));
	expect("no name is this machine, in both families",
	       n == 0 && show() == 2);
	for (struct addrinfo *to = list; to; to = to->ai_next) {
		int fd =
			socket(to->ai_family, to->ai_socktype, to->ai_protocol);
		if (fd == -1)
			complain("socket", "of that family");
		n = CALL("client", connect(fd, to->ai_addr, to->ai_addrlen));
		tried++;
		if (n == 0)
			break;
		expect("not there: the next one, on a new socket",
		       to->ai_family == AF_INET6);
		close(fd);
	}
	expect(tried == 2 ? "the first one alone would have failed"
			  : "(no IPv6 here, so the first one was it)",
	       n == 0 && list && tried == (list->ai_family == AF_INET6) + 1);
}

int main(int argc, char *argv[])
{
	struct sockaddr_in own = {.sin_family = AF_INET};
	socklen_t length = sizeof own;
	char port[8];

	begin_story(argc, argv,
		    "usage: sock_resolve\n"
		    "Look names up, and try each address in turn.\n"
		    "example: sock_resolve\n");
	scene("One name, a list of addresses.");
	n = CALL("we", getaddrinfo("localhost", "8080", &tcp, &list));
	expect("localhost: 127.0.0.1 or ::1 or both, see /etc/hosts",
	       n == 0 && show() >= 1);
	freeaddrinfo(list);

	/* A server at 127.0.0.1, and nowhere else. */
	own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int listen_fd = socket(AF_INET, SOCK_STREAM, 0);
	if (listen_fd == -1 ||
	    bind(listen_fd, (struct sockaddr *)&own, length) == -1 ||
	    listen(listen_fd, 1) == -1 ||
	    getsockname(listen_fd, (struct sockaddr *)&own, &length) == -1)
		die("socket, bind, listen or getsockname");
	snprintf(port, sizeof port, "%d", ntohs(own.sin_port));
	each_in_turn(port);

	scene("A failure has a name, and it is no errno.");
	n = CALL("we", getaddrinfo("localhost", "80", &digits, &list));
	expect("EAI_NONAME: we had allowed digits only", n == EAI_NONAME);
	n = CALL("we", getaddrinfo("127.0.0.1", "no-such", &tcp, &list));
	expect("EAI_SERVICE: neither a number nor a name in /etc/services",
	       n == EAI_SERVICE);
}
