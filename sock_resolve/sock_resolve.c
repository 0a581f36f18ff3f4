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

	for (struct addrinfo *one = list; one; one = one->ai_next) {
		struct text own = address_text(one->ai_addr, one->ai_addrlen);
		note("%s for %s", own.s,
		     one->ai_socktype == SOCK_STREAM  ? "SOCK_STREAM"
		     : one->ai_socktype == SOCK_DGRAM ? "SOCK_DGRAM"
						      : "another type");
		if (strncmp(own.s, "127.", 4) != 0 &&
		    strncmp(own.s, "[::1]", 5) != 0)
			return -1;
		count++;
	}
	return count;
}

static void one_name(void)
{
	scene("One name, a list of addresses.");
	n = CALL("we", getaddrinfo("localhost", "8080", &tcp, &list));
	expect("localhost: 127.0.0.1 or ::1 or both, see /etc/hosts",
	       n == 0 && show() >= 1);
	freeaddrinfo(list);
	n = CALL("we", getaddrinfo("127.0.0.1", "8080", NULL, &list));
	expect("without a wish, once for each type of socket",
	       n == 0 && show() >= 2);
	freeaddrinfo(list);
}

/* What may be done about it: the words of gai_strerror differ between the C
 * libraries, and errno says nothing. */
static const char *reason(int error)
{
	return error == EAI_NONAME ? "EAI_NONAME: is the name spelt right?"
	       : error == EAI_AGAIN
		       ? "EAI_AGAIN: no name server answers, try again later"
	       : error == EAI_SERVICE ? "EAI_SERVICE: a number works always"
				      : gai_strerror(error);
}

/* A server of TCP at 127.0.0.1, and nowhere else. Return its port as text. */
static const char *start_server(int *listen_fd)
{
	static char port[8];
	struct sockaddr_in own = {.sin_family = AF_INET};
	socklen_t length = sizeof own;

	own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	*listen_fd = socket(AF_INET, SOCK_STREAM, 0);
	if (*listen_fd == -1 ||
	    bind(*listen_fd, (struct sockaddr *)&own, length) == -1 ||
	    listen(*listen_fd, 1) == -1 ||
	    getsockname(*listen_fd, (struct sockaddr *)&own, &length) == -1)
		die("socket, bind, listen or getsockname");
	snprintf(port, sizeof port, "%d", ntohs(own.sin_port));
	return port;
}

static void each_in_turn(void)
{
	int tried = 0, fd = -1, listen_fd;
	const char *port = start_server(&listen_fd);

	scene("The server is at one of them: try each in turn.");
	n = CALL("client", getaddrinfo(NULL, port, &tcp, &list));
	expect("no name is this machine, in both families",
	       n == 0 && show() == 2);
	for (struct addrinfo *to = list; to; to = to->ai_next) {
		fd = socket(to->ai_family, to->ai_socktype, to->ai_protocol);
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
	begin_story(argc, argv,
		    "usage: sock_resolve\n"
		    "Look names up, and try each address in turn.\n"
		    "example: sock_resolve\n");
	one_name();
	each_in_turn();

	scene("A failure has a name, and it is no errno.");
	n = CALL("we", getaddrinfo("localhost", "80", &digits, &list));
	note("%s", reason(n));
	expect("we had allowed digits only", n == EAI_NONAME);
	n = CALL("we", getaddrinfo("127.0.0.1", "no-such", &tcp, &list));
	note("%s", reason(n));
	expect("it is a port, or a name from /etc/services", n == EAI_SERVICE);
}
