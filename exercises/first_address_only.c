/* first_address_only - the server runs, and this client does not find it.
 *
 * It prints what a server says that runs on this machine.
 *
 * Symptom: cc first_address_only.c -o first_address_only
 *          In one terminal: echo hello | nc -N -l 127.0.0.1 8080
 *          In another:      ./first_address_only 8080
 *          Connection refused. But it does find echo hello | nc -N -l ::1 8080.
 *          (On a machine without IPv6 it finds the first one.)
 * Wanted:  it finds a server at any of the addresses, calls one server only,
 *          and if there is none, ends with status 1.
 * Check:   make exercise-first_address_only
 */
#include <err.h>	/* err, errx */
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
	int fd = socket(list->ai_family, list->ai_socktype, list->ai_protocol);
	if (fd == -1)
		err(1, "socket");
	if (connect(fd, list->ai_addr, list->ai_addrlen) == -1)
		err(1, "connect");
	freeaddrinfo(list);
	return fd;
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
