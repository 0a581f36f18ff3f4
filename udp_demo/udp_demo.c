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
 * Next:   udp_unreliable, what can happen to a datagram on its way
 */
#define _GNU_SOURCE /* for common.h: program_invocation_short_name */

#include <poll.h> /* poll */
#include <time.h> /* clock_gettime */

#include "../conversation.h"

static const char usage[] =
	"usage: udp_demo server|client [HOST [PORT]]\n"
	"server: answer each datagram in upper case, until Ctrl-C.\n"
	"client: send each line of standard input, print the answers; an "
	"empty line\n"
	"        is an empty datagram. q or end of input (Ctrl-D) quits.\n"
	"  HOST PORT   the server's address (default 127.0.0.1 8080, this "
	"machine only;\n"
	"              to serve: 0.0.0.0 or :: for every interface, port 0 "
	"for any)\n"
	"example: printf 'hello\\nworld\\n' | udp_demo client localhost 9000\n";

enum {
	SERVER_ROOM = 1024,  /* a datagram that is longer loses its tail */
	LARGEST = 64 * 1024, /* no datagram is longer than 65527 bytes */
	PATIENCE = 2000,     /* milliseconds */
	REMEMBERED = 8,	     /* questions whose late answers are recognised */
};

/* ---- The server ---- */

/* One turn of the only loop: anybody's datagram, and an answer to its sender.
 */
static void serve_one(int fd, const char *own)
{
	char buf[SERVER_ROOM];
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
	const size_t kept = n > SERVER_ROOM ? SERVER_ROOM : (size_t)n;
	const struct text name = address_text(&peer, length);
	printf("%s says %s (%zd byte%s", name.s, quoted(buf, kept).s, n,
	       n == 1 ? "" : "s");
	if (n == 0)
		printf(": an empty datagram");
	if (n > SERVER_ROOM)
		printf(", cut to %d: the tail is gone", SERVER_ROOM);
	puts(")");

	/*    A sender's address is easily forged. If it is ours, the answer
	 * would come to ourselves, be answered, and so on without end. */
	if (strcmp(name.s, own) == 0) {
		puts("that is our own address: forged, not answered");
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
	const struct text name = address_text(&own, length);
	printf("listening on %s\n", name.s);
	if (strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0)
		puts("on every interface: other machines can send");

	for (;;)
		serve_one(fd, name.s);
}

/* ---- The client ---- */

struct server {
	int fd; /* our socket */
	struct sockaddr_storage address;
	socklen_t length;
	struct text name; /* the address, to be read and compared */
};

static struct question {
	size_t n;
	char said[LARGEST];
} asked[REMEMBERED]; /* number Q is asked[Q % REMEMBERED] */

/* Milliseconds on a clock that nobody sets. */
static long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* 2: BYTES are what an echo server makes of the whole question, 1: of its
 * beginning, 0: neither. */
static int likeness(const struct question *question, const char *bytes,
		    size_t n)
{
	if (n > question->n)
		return 0;
	for (size_t i = 0; i < n; i++)
		if (upper(bytes[i]) != upper(question->said[i]))
			return 0;
	return n == question->n ? 2 : 1;
}

/* Do BYTES answer an earlier question than NUMBER? UDP keeps no order, and
 * these datagrams have no number that would tell: all we have is the text. */
static bool is_late(long number, const char *bytes, size_t n)
{
	int best = likeness(&asked[number % REMEMBERED], bytes, n);

	for (long q = number - 1; q >= 0 && q > number - REMEMBERED; q--)
		if (likeness(&asked[q % REMEMBERED], bytes, n) > best)
			return true;
	return false;
}

static void say_late(const char *bytes, size_t n)
{
	fprintf(stderr, "(late: %s, nobody waits for that any more)\n",
		quoted(bytes, n).s);
}

/* Take out one datagram, if there is one. True: it came from our server. */
static bool hear(const struct server *server, char buf[LARGEST], size_t *n)
{
	struct sockaddr_storage from;
	socklen_t length = sizeof from;

	/* Not to wait here: a datagram that poll has seen may be found damaged
	 * and dropped only now (select(2), BUGS). */
	ssize_t got = recvfrom(server->fd, buf, LARGEST, MSG_DONTWAIT,
			       (struct sockaddr *)&from, &length);
	if (got == -1 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (got == -1)
		die("recvfrom");
	*n = (size_t)got;

	/* Anybody who knows our port can send to it. */
	const struct text name = address_text(&from, length);
	if (strcmp(name.s, server->name.s) == 0)
		return true;
	fprintf(stderr, "(a stranger, %s, says %s: not our server's answer)\n",
		name.s, quoted(buf, *n).s);
	return false;
}

/* What is here before a question cannot be its answer. On a terminal: ask for a
 * line, and do this until there is one. */
static void prompt(const struct server *server, bool typing)
{
	struct pollfd ends[] = {{.fd = STDIN_FILENO, .events = POLLIN},
				{.fd = server->fd, .events = POLLIN}};
	static char buf[LARGEST];
	size_t n;

	for (;;) {
		if (typing)
			fputs("> ", stderr);
		while (poll(ends, 2, typing ? -1 : 0) == -1)
			if (errno != EINTR)
				die("poll");
		if (ends[1].revents == 0)
			return;
		if (typing)
			fputc('\n', stderr);
		if (hear(server, buf, &n))
			say_late(buf, n);
	}
}

/* Send question NUMBER. False: it does not fit into a datagram. */
static bool say(const struct server *server, long number)
{
	const struct question *question = &asked[number % REMEMBERED];
	struct sockaddr_storage own;
	socklen_t length = sizeof own;
	ssize_t sent;

	/* 2. The datagram leaves, whole. 0: it was empty, and leaves, too. */
	do
		sent = sendto(server->fd, question->said, question->n, 0,
			      (const struct sockaddr *)&server->address,
			      server->length);
	while (sent == -1 && errno == EINTR);
	if (sent == -1 && errno == EMSGSIZE) {
		complain("sendto %s", server->name.s);
		fputs("hint: a line must fit into one datagram: at most "
		      "65507 bytes with IPv4\n",
		      stderr);
		return false;
	}
	if (sent == -1)
		die("sendto %s", server->name.s);

	/* 3. Nobody chose our port: the kernel did, at the first sendto. */
	if (number == 0) {
		if (getsockname(server->fd, (struct sockaddr *)&own, &length))
			die("getsockname");
		fprintf(stderr, "(by sendto our socket got the address %s)\n",
			address_text(&own, length).s);
	}
	return true;
}

/* Wait for the answer to question NUMBER, and print it. False: none came. */
static bool await_answer(const struct server *server, long number)
{
	const struct question *question = &asked[number % REMEMBERED];
	struct pollfd end = {.fd = server->fd, .events = POLLIN};
	const long deadline = now() + PATIENCE;
	static char buf[LARGEST];
	static bool hinted;
	long left;
	size_t n;

	/* 4. Strangers and late answers do not make the wait any longer. */
	do {
		left = deadline - now();
		if (poll(&end, 1, left > 0 ? (int)left : 0) == -1 &&
		    errno != EINTR)
			die("poll");
		if (!hear(server, buf, &n))
			continue;
		if (is_late(number, buf, n)) {
			say_late(buf, n);
			continue;
		}
		print_answer(buf, n);
		end_answer();
		if (n < question->n && likeness(question, buf, n) == 1)
			fprintf(stderr,
				"(of %zu bytes the server had room for %zu)\n",
				question->n, n);
		return true;
	} while (left > 0);

	fputs("no answer: lost, or nobody is there\n", stderr);
	if (!hinted)
		fputs("hint: UDP does not tell which; does a server run? "
		      "On its machine: ss -lunp\n",
		      stderr);
	hinted = true;
	return false;
}

/* A line of standard input without its newline. What does not fit into *LINE is
 * dropped: that is too long for a datagram anyway. False at end of input. */
static bool read_line(struct question *line)
{
	int c;

	line->n = 0;
	while ((c = getchar()) != EOF && c != '\n')
		if (line->n < LARGEST)
			line->said[line->n++] = (char)c;
	return c != EOF || line->n > 0;
}

/* One question after another. True if all have been answered. */
static bool ask(const struct server *server, bool typing)
{
	bool all_answered = true;

	for (long number = 0; !ferror(stdout); number++) {
		struct question *question = &asked[number % REMEMBERED];

		prompt(server, typing);
		if (!read_line(question) ||
		    (question->n == 1 && question->said[0] == 'q'))
			return all_answered;
		if (!say(server, number) || !await_answer(server, number))
			all_answered = false;
	}
	return false; /* nobody reads our output any more */
}

static bool be_client(const char *host, const char *port)
{
	struct server server;
	bool all_answered, typing = isatty(STDIN_FILENO);

	/* Where a server on every interface is found from its own machine. */
	if (strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0)
		host = *host == ':' ? "::1" : "127.0.0.1";

	/* 1. A socket. It needs no bind and no connect (which would only
	 *    remember the receiver for us, and sends nothing either). */
	struct addrinfo *to = resolve(host, port, SOCK_DGRAM);
	server.fd = socket(to->ai_family, to->ai_socktype, 0);
	if (server.fd == -1)
		die("socket");
	memcpy(&server.address, to->ai_addr, to->ai_addrlen);
	server.length = to->ai_addrlen;
	server.name = address_text(to->ai_addr, to->ai_addrlen);
	freeaddrinfo(to);
	fprintf(stderr,
		"sending to %s; whether anybody is there, UDP does not say\n",
		server.name.s);

	all_answered = ask(&server, typing);
	close(server.fd);
	return all_answered || typing;
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
