/* first_address_only - a solution: a socket for each address, in turn. */
#include <err.h>	/* err, errx, warn */
#include <errno.h>	/* errno, EINTR */
#include <netdb.h>	/* getaddrinfo */
#include <stdio.h>	/* fwrite */
#include <sys/socket.h> /* socket, connect, recv */
#include <unistd.h>	/* close */

/* A connection to PORT of this machine, at whichever of its addresses. */
static int dial(const char *port)
{
	const struct addrinfo tcp = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *list;
	int failed = getaddrinfo(NULL, port, &tcp, &list);

	if (failed)
		errx(1, "%s: %s", port, gai_strerror(failed));
	for (const struct addrinfo *to = list; to; to = to->ai_next) {
		int fd =
			socket(to->ai_family, to->ai_socktype, to->ai_protocol);
		if (fd == -1)
			continue; /* no IPv6 here, perhaps */
		if (connect(fd, to->ai_addr, to->ai_addrlen) == 0) {
			freeaddrinfo(list);
			return fd;
		}
		warn("connect");
		close(fd);
	}
	errx(1, "nobody listens at %s", port);
}

int main(int argc, char *argv[])
{
	int fd = dial(argc > 1 ? argv[1] : "8080");
	char buf[4096];

	for (;;) {
		ssize_t n = recv(fd, buf, sizeof buf, 0);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			err(1, "recv");
		if (n == 0)
			break;
		fwrite(buf, 1, (size_t)n, stdout);
	}
	close(fd);
	return 0;
}
