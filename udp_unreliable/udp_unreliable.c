/* udp_unreliable - a datagram arrives whole and unharmed, or not at all, and
 * hardly ever is its sender told.
 *
 *   client  --- "one" --- "two" --- X --- "four" --->  a queue  --->  server
 *               cut here? full here? nobody here? damaged on the way?
 *
 * Run:    udp_unreliable
 * Watch:  each sendto succeeds, whatever becomes of the datagram
 * Next:   unix_demo, a conversation that never leaves the machine
 */
#define _GNU_SOURCE /* for common.h: program_invocation_short_name */

#include <poll.h>     /* poll */
#include <sys/time.h> /* struct timeval */
#include <sys/wait.h> /* waitpid */

#include "../private_net.h"
#include "../story.h"

static const char usage[] =
	"usage: udp_unreliable\n"
	"Act out what can happen to a datagram: kept apart, cut, empty, too\n"
	"large, dropped, sent to nobody, damaged.\n"
	"example: udp_unreliable\n";

enum { BURST = 100 };

/* An address as bind and sendto take it, and as we fill it in. */
union address {
	struct sockaddr any;
	struct sockaddr_in in;
};

/* A UDP socket; no recv of it waits longer than 5 s. */
static int new_socket(void)
{
	const struct timeval patience = {.tv_sec = 5};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd == -1)
		die("socket");
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
		       sizeof patience) == -1)
		die("setsockopt SO_RCVTIMEO");
	return fd;
}

/* One with an address on loopback: *TO, for those who send to it. */
static int new_server(union address *to)
{
	socklen_t length = sizeof *to;
	int fd = new_socket();

	*to = (union address){.in = {.sin_family = AF_INET}};
	to->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK); /* port 0: any */
	if (bind(fd, &to->any, sizeof *to) == -1)
		die("bind");
	if (getsockname(fd, &to->any, &length) == -1)
		die("getsockname");
	return fd;
}

static void boundaries(void)
{
	union address to;
	char buf[1024];
	int server_fd = new_server(&to), fd = new_socket();
	ssize_t first, second;

	scene("Boundaries are kept: two datagrams never become one.");
	MUST("client", sendto(fd, "one", 3, 0, &to.any, sizeof to));
	MUST("client", sendto(fd, "two", 3, 0, &to.any, sizeof to));
	first = CALL("server", recv(server_fd, buf, sizeof buf, 0));
	second = CALL("server", recv(server_fd, buf, sizeof buf, 0));
	expect(first == 3 && second == 3,
	       "one recv, one datagram, however much room there is");
	close(fd);
	close(server_fd);
}

static void short_buffer(void)
{
	union address to;
	char buf[4];
	struct iovec room = {.iov_base = buf, .iov_len = sizeof buf};
	struct msghdr message = {.msg_iov = &room, .msg_iovlen = 1};
	int server_fd = new_server(&to), fd = new_socket();
	ssize_t n;

	scene("A short buffer (4 bytes): the tail is gone.");
	MUST("client", sendto(fd, "0123456789", 10, 0, &to.any, sizeof to));
	n = CALL("server", recv(server_fd, buf, sizeof buf, 0));
	expect(n == 4 && memcmp(buf, "0123", 4) == 0,
	       "4 of 10 bytes, and no error");
	n = CALL("server", recv(server_fd, buf, sizeof buf, MSG_DONTWAIT));
	expect(n == -1 && errno == EAGAIN,
	       "the other 6 are in no queue: a stream would have them");

	note("Two ways to notice:");
	MUST("client", sendto(fd, "0123456789", 10, 0, &to.any, sizeof to));
	n = CALL("server", recvmsg(server_fd, &message, 0));
	expect(n == 4 && message.msg_flags & MSG_TRUNC,
	       "recvmsg sets MSG_TRUNC in msg_flags");
	MUST("client", sendto(fd, "0123456789", 10, 0, &to.any, sizeof to));
	n = CALL("server", recv(server_fd, buf, sizeof buf, MSG_TRUNC));
	expect(n == 10, "recv with MSG_TRUNC returns the true length");
	close(fd);
	close(server_fd);
}

static void empty(void)
{
	union address to;
	char buf[1024];
	int server_fd = new_server(&to), fd = new_socket();
	ssize_t first, second;

	scene("An empty datagram: 0 is not the end of anything.");
	MUST("client", sendto(fd, "", 0, 0, &to.any, sizeof to));
	first = CALL("server", recv(server_fd, buf, sizeof buf, 0));
	MUST("client", sendto(fd, "more", 4, 0, &to.any, sizeof to));
	second = CALL("server", recv(server_fd, buf, sizeof buf, 0));
	expect(first == 0 && second == 4,
	       "the 0 was a datagram, and the next one comes after it");
	close(fd);
	close(server_fd);
}

static void largest(void)
{
	static char bytes[65508];
	union address to;
	int server_fd = new_server(&to), fd = new_socket();
	ssize_t n;

	scene("The largest: 65535 - 20 (IP header) - 8 (UDP header) bytes.");
	MUST("client", sendto(fd, bytes, 65507, 0, &to.any, sizeof to));
	n = CALL("server", recv(server_fd, bytes, sizeof bytes, 0));
	expect(n == 65507, "65507 bytes arrive in one piece");
	n = CALL("client", sendto(fd, bytes, 65508, 0, &to.any, sizeof to));
	expect(n == -1 && errno == EMSGSIZE, "one byte more is refused");
	close(fd);
	close(server_fd);
}

/* Take a datagram out of the queue; false: it is empty. With the bytes comes a
 * control message (see unix_fdpass): *LOST becomes how many datagrams the
 * kernel had dropped before this one came, SO_RXQ_OVFL in socket(7). */
static bool take(int server_fd, uint32_t *lost)
{
	char text[16];
	/* A union: a control message needs the alignment of its header. */
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof *lost)];
	} control;
	struct iovec room = {.iov_base = text, .iov_len = sizeof text};
	struct msghdr message = {.msg_iov = &room,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof control};
	struct cmsghdr *head;

	if (recvmsg(server_fd, &message, MSG_DONTWAIT) == -1) {
		if (errno != EAGAIN)
			die("recvmsg");
		return false;
	}
	head = CMSG_FIRSTHDR(&message); /* NULL: nothing was dropped so far */
	if (head && head->cmsg_level == SOL_SOCKET &&
	    head->cmsg_type == SO_RXQ_OVFL)
		memcpy(lost, CMSG_DATA(head), sizeof *lost);
	return true;
}

static void burst(void)
{
	const int least = 1, on = 1;
	union address to;
	int server_fd = new_server(&to), fd = new_socket();
	struct pollfd queue = {.fd = server_fd, .events = POLLIN};
	int sent = 0, arrived = 0, arrived_of_burst;
	uint32_t lost = 0;

	scene("A burst into a small queue: most are dropped, nobody is told.");
	MUST("server", setsockopt(server_fd, SOL_SOCKET, SO_RCVBUF, &least,
				  sizeof least));
	MUST("server",
	     setsockopt(server_fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on));
	MUST("client", sendto(fd, "card", 4, 0, &to.any, sizeof to));
	for (sent = 1; sent < BURST; sent++)
		if (sendto(fd, "card", 4, 0, &to.any, sizeof to) != 4)
			die("sendto");
	note("... %d of these, each = 4: the sender saw no error", sent);

	while (take(server_fd, &lost))
		arrived++;
	arrived_of_burst = arrived;

	/* Only a datagram that arrives brings the count of those lost before
	 * it. So send one more; and again, should the kernel be that slow. */
	while (arrived + (int)lost < sent && sent < 2 * BURST) {
		if (sendto(fd, "card", 4, 0, &to.any, sizeof to) != 4)
			die("sendto");
		sent++;
		if (poll(&queue, 1, 1000) == -1 && errno != EINTR)
			die("poll");
		while (take(server_fd, &lost))
			arrived++;
	}
	note("%d arrived; the next to arrive brings SO_RXQ_OVFL: %u lost",
	     arrived_of_burst, lost);
	expect(lost > 0 && arrived + (int)lost == sent,
	       "arrived and lost together are all that were sent");
	close(fd);
	close(server_fd);
}

static void nobody(void)
{
	union address to;
	char buf[16];
	/* A port that nobody else can take, and where nobody hears us: its
	 * socket, connected to itself, takes datagrams from itself alone. */
	int deaf_fd = new_server(&to);
	int plain_fd = new_socket(), connected_fd = new_socket();
	struct pollfd end = {.fd = connected_fd, .events = POLLIN};
	ssize_t n;

	if (connect(deaf_fd, &to.any, sizeof to) == -1)
		die("connect");
	scene("Nobody is there: who learns of it?");
	MUST("client", sendto(plain_fd, "hello?", 6, 0, &to.any, sizeof to));
	MUST("client", connect(connected_fd, &to.any, sizeof to));
	note("(connect sends nothing: it only remembers the receiver)");
	MUST("client", send(connected_fd, "hello?", 6, 0));
	note("Each draws an ICMP message \"port unreachable\". It comes back:");
	MUST("client", poll(&end, 1, 5000));
	n = CALL("client", recv(connected_fd, buf, sizeof buf, 0));
	expect(n == -1 && errno == ECONNREFUSED,
	       "the connected socket is told, at its next call");
	n = CALL("client", recv(plain_fd, buf, sizeof buf, MSG_DONTWAIT));
	expect(n == -1 && errno == EAGAIN,
	       "the other one never: it could have sent to anybody");
	close(connected_fd);
	close(plain_fd);
	close(deaf_fd);
}

/* A counter of this network's UDP, from /proc/net/snmp: a line of names, and a
 * line of values. -1 if there is none of that NAME. */
static long udp_counter(const char *name)
{
	char names[512] = "", values[512] = "", *n, *v, *n_rest, *v_rest;
	FILE *table = fopen("/proc/self/net/snmp", "re");

	if (!table)
		die("open /proc/self/net/snmp");
	while (strncmp(names, "Udp: ", 5) != 0)
		if (!fgets(names, sizeof names, table))
			break;
	if (!fgets(values, sizeof values, table))
		values[0] = '\0';
	fclose(table);

	n = strtok_r(names, " \n", &n_rest);
	v = strtok_r(values, " \n", &v_rest);
	while (n && v && strcmp(n, name) != 0) {
		n = strtok_r(NULL, " \n", &n_rest);
		v = strtok_r(NULL, " \n", &v_rest);
	}
	return n && v ? strtol(v, NULL, 10) : -1;
}

/* What UDP's checksum covers (RFC 768): addresses that the IP header has, too,
 * and the datagram itself. No padding: all even, the largest first. */
struct covered {
	uint32_t from, to;
	uint16_t protocol, length;
	struct {
		uint16_t from_port, to_port, length, checksum;
		char text[8];
	} sent;
};

/* The sum of all 16-bit words, carries added back in, inverted (RFC 1071). */
static uint16_t checksum(const struct covered *covered)
{
	uint16_t words[sizeof *covered / 2];
	uint32_t sum = 0;

	memcpy(words, covered, sizeof words);
	for (size_t i = 0; i < sizeof words / 2; i++)
		sum += words[i];
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff ? 0xffff : (uint16_t)~sum; /* 0 means: none */
}

/* In a network of our own: make datagrams by hand, and damage one. */
static void damage_one(int raw_fd)
{
	union address to;
	char buf[16];
	int server_fd = new_server(&to);
	struct pollfd queue = {.fd = server_fd, .events = POLLIN};
	const uint16_t length = htons(sizeof((struct covered *)0)->sent);
	struct covered d = {.from = to.in.sin_addr.s_addr,
			    .to = to.in.sin_addr.s_addr,
			    .protocol = htons(IPPROTO_UDP),
			    .length = length,
			    .sent = {.from_port = htons(9),
				     .to_port = to.in.sin_port,
				     .length = length,
				     .text = "pay 100"}};
	long errors = udp_counter("InCsumErrors");
	ssize_t n;

	d.sent.checksum = checksum(&d);
	MUST("client", sendto(raw_fd, &d.sent, 16, 0, &to.any, sizeof to));
	n = CALL("server", recv(server_fd, buf, sizeof buf, 0));
	expect(n == 8 && strcmp(buf, "pay 100") == 0,
	       "a datagram made by hand arrives: \"pay 100\"");

	d.sent.text[4] ^= 8; /* and the checksum stays what it was */
	note("One bit flips on the way, and it says \"%s\":", d.sent.text);
	MUST("client", sendto(raw_fd, &d.sent, 16, 0, &to.any, sizeof to));
	/* The kernel finds it out when somebody looks into the queue. */
	for (int i = 0; udp_counter("InCsumErrors") == errors && i < 500; i++)
		if (poll(&queue, 1, i ? 10 : 0) == -1 && errno != EINTR)
			die("poll");
	n = CALL("server", recv(server_fd, buf, sizeof buf, MSG_DONTWAIT));
	expect(n == -1 && errno == EAGAIN, "no byte of it arrives");
	errors = udp_counter("InCsumErrors") - errors;
	note("/proc/net/snmp, Udp, InCsumErrors: %+ld", errors);
	expect(errors == 1, "the kernel has counted it; no program was told");
}

/* No private network (a system may forbid it), no scene; but no failure. */
static void left_out(void)
{
	note("(left out: no private network can be had here: %s)",
	     errno_name(errno));
	exit(EXIT_SUCCESS);
}

/* In a child: from a new user namespace there is no way back. */
static void damaged(void)
{
	int raw_fd, status;
	pid_t child;

	scene("Damaged on the way: UDP does check the data, 16 bits' worth.");
	fflush(stdout); /* else the child would print it again */
	child = fork();
	if (child == -1)
		die("fork");
	if (child == 0) {
		alarm(30); /* the story's own watchdog is not inherited */
		if (enter_private_network() == -1)
			left_out();
		raw_fd = socket(AF_INET, SOCK_RAW, IPPROTO_UDP);
		if (raw_fd == -1 && (errno == EPERM || errno == EACCES))
			left_out();
		if (raw_fd == -1)
			die("socket");
		damage_one(raw_fd);
		exit(EXIT_SUCCESS);
	}
	while (waitpid(child, &status, 0) == -1)
		if (errno != EINTR)
			die("waitpid");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != EXIT_SUCCESS) {
		fprintf(stderr, "udp_unreliable: scene %d failed\n",
			scene_number);
		exit(EXIT_FAILURE);
	}
}

int main(int argc, char *argv[])
{
	begin_story(argc, argv, usage);
	boundaries();
	short_buffer();
	empty();
	largest();
	burst();
	nobody();
	damaged();
	puts("\nRemember: a datagram arrives whole and unharmed, or not at "
	     "all, and hardly\n"
	     "ever is its sender told. What must arrive needs an answer, a "
	     "time limit, and\n"
	     "a number.");
	return EXIT_SUCCESS;
}
