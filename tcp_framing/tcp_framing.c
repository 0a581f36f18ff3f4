/* tcp_framing - a stream is bytes in order, not messages: mark their borders.
 *
 *   sent:   [one] [two] [three]      three messages
 *   heard:  onetwothree              one stream
 *   framed: 0003one 0003two 0005three, or one\n two\n three\n
 *
 * Run:    tcp_framing
 * Watch:  the receiver that is right whatever portions recv hands it
 * Next:   tcp_nodelay, why small portions can make it slow
 */
#define _GNU_SOURCE /* for common.h: program_invocation_short_name */

#include <arpa/inet.h> /* htonl, ntohl */
#include <stddef.h>    /* offsetof */
#include <stdint.h>    /* uint32_t */

#include "../story.h"

static const char usage[] =
	"usage: tcp_framing\n"
	"Show that TCP keeps no borders, and how to mark them yourself.\n"
	"example: tcp_framing\n";

enum { LIMIT = 1000 }; /* bytes: no message of ours is longer */

/* What hear returns when the stream is not to be believed. */
enum { CUT_OFF = -1, TOO_LONG = -2 };

/* Sleep until N bytes are in FD's receive queue, and leave them there. */
static void wait_for_bytes(int fd, size_t n)
{
	char copy[64];
	ssize_t seen;

	do
		seen = recv(fd, copy, n, MSG_PEEK | MSG_WAITALL);
	while (seen == -1 && errno == EINTR);
	if (seen == -1)
		die("recv");
}

static void print_hex(const char *what, const unsigned char *bytes, size_t n)
{
	printf("   %-7s", what);
	for (size_t i = 0; i < n; i++)
		printf(" %02x", bytes[i]);
	putchar('\n');
}

static void glued_and_cut(void)
{
	int client_fd, conn_fd;
	char buf[1024], small[5];
	ssize_t n;

	scene("Three sends, one recv: the messages stick together.");
	connected_pair(&client_fd, &conn_fd);
	MUST("client", send(client_fd, "one", 3, 0));
	MUST("client", send(client_fd, "two", 3, 0));
	MUST("client", send(client_fd, "three", 5, 0));
	wait_for_bytes(conn_fd, 11);
	n = CALL("server", recv(conn_fd, buf, sizeof buf, 0));
	note("server heard %s", quoted(buf, n > 0 ? (size_t)n : 0).s);
	expect(n == 11 && memcmp(buf, "onetwothree", 11) == 0,
	       "all bytes, in order; where a message ended, nobody knows");

	scene("One send, three recvs: what a small buffer leaves, comes next.");
	MUST("client", send(client_fd, "Hello, world", 12, 0));
	wait_for_bytes(conn_fd, 12);
	for (size_t heard = 0; heard < 12; heard += (size_t)n) {
		n = CALL("server", recv(conn_fd, small, sizeof small, 0));
		if (n <= 0)
			break;
		memcpy(buf + heard, small, (size_t)n);
		note("server heard %s", quoted(small, (size_t)n).s);
	}
	expect(n == 2 && memcmp(buf, "Hello, world", 12) == 0,
	       "recv cuts the message, but deletes nothing");
	close(client_fd);
	close(conn_fd);
}

/* A rule of framing looks at the HAVE bytes that came so far. Returns how many
 * of them are the first message with its mark, 0 if that is not whole yet, and
 * -1 if it would be too long. *TEXT, *LENGTH: the message without its mark. */
typedef long rule(const char *bytes, size_t have, const char **text,
		  size_t *length);

/* Rule 1: four bytes, high byte first, say how many follow. */
static long length_first(const char *bytes, size_t have, const char **text,
			 size_t *length)
{
	uint32_t mark;

	if (have < sizeof mark)
		return 0;
	memcpy(&mark, bytes, sizeof mark);
	*length = ntohl(mark);
	*text = bytes + sizeof mark;
	if (*length > LIMIT) /* before it is used for anything */
		return -1;
	return have < sizeof mark + *length ? 0 : (long)(sizeof mark + *length);
}

/* Rule 2: a newline ends the message. */
static long newline_last(const char *bytes, size_t have, const char **text,
			 size_t *length)
{
	size_t seen = have <= LIMIT ? have : LIMIT + 1;
	const char *newline = memchr(bytes, '\n', seen);

	if (!newline)
		return have > LIMIT ? -1 : 0;
	*text = bytes;
	*length = (size_t)(newline - bytes);
	return newline - bytes + 1;
}

/* Hear messages until the stream ends, and print them; how many there were, or
 * CUT_OFF if it ended inside one, or TOO_LONG. */
static int hear(int conn_fd, size_t step, rule *framing)
{
	char inbox[4 + LIMIT]; /* has room for every whole message */
	size_t have = 0, length;
	int messages = 0;
	const char *text;
	long size;

	for (;;) {
		size_t room = sizeof inbox - have;
		ssize_t n = recv(conn_fd, inbox + have,
				 step < room ? step : room, 0);
		if (n == 0) /* end of stream: only good between messages */
			return have ? CUT_OFF : messages;
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			die("recv");
		have += (size_t)n;

		/* There may be any number of messages, and a part of one. */
		while ((size = framing(inbox, have, &text, &length)) > 0) {
			printf(" %s", quoted(text, length).s);
			have -= (size_t)size;
			memmove(inbox, inbox + size, have);
			messages++;
		}
		if (size == -1)
			return TOO_LONG;
	}
}

/* Say N BYTES and goodbye to a server that hears with that STEP and rule. */
static int said(const void *bytes, size_t n, size_t step, rule *framing)
{
	int client_fd, conn_fd, messages;

	connected_pair(&client_fd, &conn_fd);
	if (send_all(client_fd, bytes, n) == -1)
		die("send");
	close(client_fd);
	printf("   recv of at most %4zu:", step);
	messages = hear(conn_fd, step, framing);
	puts(messages == CUT_OFF    ? " then cut off"
	     : messages == TOO_LONG ? " too long: refused"
				    : "");
	close(conn_fd);
	return messages;
}

/* The same three messages, whatever portions recv hands out? */
static bool three_each_time(const void *bytes, size_t n, rule *framing)
{
	return said(bytes, n, 1, framing) == 3 &&
	       said(bytes, n, 5, framing) == 3 &&
	       said(bytes, n, 4096, framing) == 3;
}

static void with_a_length(void)
{
	static const char *const words[] = {"one", "two", "three"};
	static const unsigned char huge[] = {0xff, 0xff, 0xff, 0xff, 'x'};
	unsigned char wire[64];
	size_t n = 0;

	scene("The cure: the length goes first, in four bytes.");
	for (int i = 0; i < 3; i++) {
		uint32_t length = (uint32_t)strlen(words[i]);
		uint32_t network_order = htonl(length);

		memcpy(wire + n, &network_order, 4);
		memcpy(wire + n + 4, words[i], length);
		n += 4 + length;
	}
	print_hex("wire", wire, n);
	expect(three_each_time(wire, n, length_first),
	       "the same three messages, whatever portions they came in");

	scene("A length from the network is a claim, not a fact.");
	print_hex("wire", huge, sizeof huge);
	expect(said(huge, sizeof huge, 4096, length_first) == TOO_LONG,
	       "4294967295 bytes? No memory was taken for them");
	print_hex("wire", wire, n - 2);
	expect(said(wire, n - 2, 4096, length_first) == CUT_OFF,
	       "a stream that ends inside a message is noticed");
}

static void with_lines(void)
{
	static const char text[] = "one\ntwo\nthree\n", tricky[] = "on\ne\n";
	char endless[LIMIT + 1];

	scene("The other cure: a newline goes last.");
	expect(three_each_time(text, sizeof text - 1, newline_last),
	       "right, too, and a human can type it");
	expect(said(tricky, sizeof tricky - 1, 4096, newline_last) == 2,
	       "but a newline inside of a message makes two of it");
	memset(endless, 'x', sizeof endless);
	expect(said(endless, sizeof endless, 4096, newline_last) == TOO_LONG,
	       "a line without an end is refused as well");
}

struct order {
	char kind;
	uint32_t amount;
	uint16_t item;
};

static void not_a_struct(void)
{
	struct order order;
	unsigned char heard[64], wire[7];
	int client_fd, conn_fd;
	ssize_t n;

	scene("Why no struct goes on the wire as it is.");
	connected_pair(&client_fd, &conn_fd);
	memset(&order, 0xee, sizeof order); /* what lay there before */
	order.kind = 'A';
	order.amount = 0x01020304;
	order.item = 0x0506;
	MUST("client", send(client_fd, &order, sizeof order, 0));
	wait_for_bytes(conn_fd, sizeof order);
	n = CALL("server", recv(conn_fd, heard, sizeof heard, 0));
	print_hex("struct", heard, n > 0 ? (size_t)n : 0);
	note("amount, 0x01020304, is at %zu; item, 0x0506, at %zu",
	     offsetof(struct order, amount), offsetof(struct order, item));
	expect(n == sizeof order && n > 7,
	       "7 bytes of data; the others are padding: whatever lay there");

	wire[0] = (unsigned char)order.kind;
	for (int i = 0; i < 4; i++) /* high byte first, on every machine */
		wire[1 + i] = (unsigned char)(order.amount >> (24 - 8 * i));
	wire[5] = (unsigned char)(order.item >> 8);
	wire[6] = (unsigned char)order.item;
	MUST("client", send(client_fd, wire, sizeof wire, 0));
	wait_for_bytes(conn_fd, sizeof wire);
	n = CALL("server", recv(conn_fd, heard, sizeof heard, 0));
	print_hex("wire", heard, n > 0 ? (size_t)n : 0);
	expect(n == 7 && memcmp(heard, "A\1\2\3\4\5\6", 7) == 0,
	       "byte by byte: the same from every machine and compiler");
	close(client_fd);
	close(conn_fd);
}

int main(int argc, char *argv[])
{
	begin_story(argc, argv, usage);
	glued_and_cut();
	with_a_length();
	with_lines();
	not_a_struct();
	puts("\n"
	     "Remember: TCP delivers every byte in order, and no borders. "
	     "Put the borders in\n"
	     "yourself, and collect until a message is whole.");
	return EXIT_SUCCESS;
}
