/* udp_demo - how does an echo work without a connection?
 *
 *   server: socket - bind           client: socket
 *      recvfrom <--+  anybody's        sendto ----+  "7 hello", to the server
 *      sendto -----+  back there       recvfrom <-+  from there? with a 7?
 *
 * Watch:  no accept: one socket serves everybody; silence has no reason
 * Next:   udp_boundaries, what is one datagram?
 */
#include "../common.h"
#include <sys/time.h>

static const char usage[] =
	"usage: udp_demo [-q] server|client [HOST [PORT]]\n"
	"server: answer datagrams in upper case; -q: without showing them\n"
	"client: send lines of standard input, print the answers; q quits\n"
	"default: 127.0.0.1 8080; to serve, 0.0.0.0 or :: is every interface\n"
	"example: printf 'hello\\nworld\\n' | udp_demo client localhost 9000\n";

static char buf[65536]; /* no datagram is as long as that */

/* Answer all who call OWN address. ANY: that is 0.0.0.0 or ::, all interfaces:
 * of our address, then, only the first 4 bytes are known, family and port. */
static void serve(struct addrinfo *own, bool any)
{
	struct sockaddr_storage peer;

	/* 1. A UDP socket that has no address yet. */
	int fd = socket(own->ai_family, SOCK_DGRAM, 0);
	if (fd == -1)
		die("socket");

	/* 2. It gets one: from here the kernel puts datagrams in a queue. */
	if (bind(fd, own->ai_addr, own->ai_addrlen) == -1)
		die("bind");
	announce(fd, own);

	for (;; check_output()) {
		/* 3. Sleep until there is a datagram, whoever sent it. 0 is an
		 *    empty one: where nobody calls, nobody hangs up. */
		socklen_t length = sizeof peer;
		ssize_t n = recvfrom(fd, buf, 65536, 0, (void *)&peer, &length);
		if (n == -1) {
			complain("recvfrom", "anybody");
			sleep(1); /* short of memory: that may pass */
			continue;
		}
		if (!quiet) {
			printf("%s says \"", address_text(&peer, length));
			print_safe(buf, n < 40 ? (size_t)n : 40);
			printf("\"%s (%zd bytes)\n", n > 40 ? "..." : "", n);
		}
		if (memcmp(&peer, own->ai_addr, any ? 4 : length) == 0)
			continue; /* forged: we would answer our own answers */

		/* 4. Back to where it came from. If that fails, we go on. */
		upper_case(buf, (size_t)n);
		if (sendto(fd, buf, (size_t)n, 0, (void *)&peer, length) == -1)
			complain("sendto", address_text(&peer, length));
	}
}

/* Return the socket for questions to TO: one for IPv4, one for IPv6. */
static int client_socket(const struct addrinfo *to)
{
	const struct timeval second = {.tv_sec = 1}; /* see tcp_timeout */
	static int fds[AF_MAX];			     /* 0: there is none yet */
	int *fd = &fds[to->ai_family];

	/* 1. It needs no bind: the first sendto will give it a port. */
	if (*fd == 0) {
		*fd = socket(to->ai_family, SOCK_DGRAM, 0);
		if (*fd == -1 || setsockopt(*fd, SOL_SOCKET, SO_RCVTIMEO,
					    &second, sizeof second) == -1)
			complain("socket", "or setsockopt");
	}
	return *fd;
}

/* Ask TO the question, print its answer; false: there is none. */
static bool ask(const struct addrinfo *to, int number, const char *question)
{
	int fd = client_socket(to);
	struct sockaddr_storage from;
	socklen_t length = sizeof from;
	char *rest;

	/* 2. The question leaves, whole, for the address that is given here. */
	ssize_t n = sendto(fd, question, strlen(question), 0, to->ai_addr,
			   to->ai_addrlen);

	/* 3. Wait a second. Others can send to us, too, and an answer can come
	 *    late or twice: look where it is from, and for our number. */
	for (int others = 0; n != -1 && others < 8; others++) {
		do
			n = recvfrom(fd, buf, sizeof buf, 0, (void *)&from,
				     &length);
		while (n == -1 && errno == EINTR); /* Ctrl-Z and fg */
		if (n == -1)
			break;
		buf[n] = '\0';
		if (strtol(buf, &rest, 10) == number && *rest == ' ' &&
		    memcmp(&from, to->ai_addr, length) == 0) {
			print_safe(rest + 1, (size_t)(buf + n - rest - 1));
			putchar('\n');
			return true;
		}
		fprintf(stderr, "dropped: number %ld from %s\n",
			strtol(buf, NULL, 10), address_text(&from, length));
	}
	if (n == -1 && errno != EAGAIN)
		complain("sendto or recvfrom",
			 address_text(to->ai_addr, to->ai_addrlen));
	fprintf(stderr, "no answer from %s: lost? nobody there?\n",
		address_text(to->ai_addr, to->ai_addrlen));
	return false;
}

int main(int argc, char *argv[])
{
	char **operands = begin(argc, argv, "+hq", usage), question[sizeof buf];
	const char *role = *operands ? *operands++ : "";
	int missed = 0, left, start;

	if (strcmp(role, "server") && strcmp(role, "client"))
		wrong_use(role, "is neither server nor client");
	const bool any = *operands && !(*operands)[strspn(*operands, "0.:")];
	if (any && *role == 'c')
		*operands = "localhost";
	struct addrinfo *list = address_of(operands), *to = list;
	if (*role == 's')
		serve(list, any);

	fprintf(stderr, "sending to %s\n",
		address_text(to->ai_addr, to->ai_addrlen));
	for (int number = 1; !ferror(stdout); number++) {
		fputs(isatty(STDIN_FILENO) ? "> " : "", stderr);
		start = sprintf(question, "%d ", number);
		if (!fgets(question + start, 65510, stdin) ||
		    strcmp(question + start, "q\n") == 0)
			return missed > 0 && !isatty(STDIN_FILENO);
		question[strcspn(question, "\n")] = '\0';

		/* Ask twice. localhost is two addresses: ask them in turn. */
		for (left = 2; left && !ask(to, number, question); left--)
			to = to->ai_next ? to->ai_next : list;
		missed += left == 0;
	}
}
