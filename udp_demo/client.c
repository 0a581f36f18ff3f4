/* client.c - the client: a question, and a wait that is bounded. UDP does not
 * say that a datagram was lost, whose answer one is, or to which question.
 */
#define _GNU_SOURCE /* for common.h: program_invocation_short_name */

#include <poll.h> /* poll */
#include <time.h> /* clock_gettime */

#include "../conversation.h"
#include "udp_demo.h"

enum {
	LARGEST = 64 * 1024, /* no datagram is longer than 65527 bytes */
	PATIENCE = 2000,     /* milliseconds */
	REMEMBERED = 8,	     /* questions whose late answers are recognised */
};

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

bool be_client(const char *host, const char *port)
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
