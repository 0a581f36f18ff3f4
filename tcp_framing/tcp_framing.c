/* tcp_framing - where does a message end?
 *
 *   sent:    "one" "two" "three"                      three messages
 *   heard:   onetwothree                              one stream of bytes
 *   framed:  0 0 0 3 one  0 0 0 3 two  0 0 0 5 three  each behind its length
 *
 * Watch:  one recv returns three messages, and three recvs return one
 * Next:   sock_struct, what a message may consist of
 */
#include "../common.h"
#include <arpa/inet.h> /* htonl, ntohl */

enum { LIMIT = 1000 }; /* bytes: no message of ours is longer */
static int client_fd, conn_fd;

static void glued_and_cut(void)
{
	char buf[100];
	int n, first, second, third;

	scene("Three sends, one recv: the messages stick together.");
	connected_pair(&client_fd, &conn_fd);
	CALL("client", send(client_fd, "one", 3, 0));
	CALL("client", send(client_fd, "two", 3, 0));
	CALL("client", send(client_fd, "three", 5, 0));
	close(client_fd);
	wait_for(conn_fd, POLLRDHUP); /* this end comes behind all bytes */
	n = CALL("server", recv(conn_fd, buf, sizeof buf, 0));
	note("server heard \"%.*s\"", n, buf);
	expect("all bytes, in order; where a message ended, nobody knows",
	       n == 11 && memcmp(buf, "onetwothree", 11) == 0);

	scene("One send, three recvs: what a small buffer leaves, comes next.");
	connected_pair(&client_fd, &conn_fd);
	CALL("client", send(client_fd, "Hello, world", 12, 0));
	close(client_fd);
	wait_for(conn_fd, POLLRDHUP);
	first = CALL("server", recv(conn_fd, buf, 5, 0));
	second = CALL("server", recv(conn_fd, buf + 5, 5, 0));
	third = CALL("server", recv(conn_fd, buf + 10, 5, 0));
	note("server heard \"%.5s\" \"%.5s\" \"%.2s\"", buf, buf + 5, buf + 10);
	expect("recv cuts the message, but deletes nothing",
	       first == 5 && second == 5 && third == 2 &&
		       memcmp(buf, "Hello, world", 12) == 0);
}

/* Take N bytes off the stream, in however many portions they come; no recv asks
 * for more than MOST. Return N, or fewer: then the stream has ended. */
static size_t take(void *bytes, size_t n, size_t most)
{
	size_t have = 0;

	while (have < n) {
		size_t rest = n - have < most ? n - have : most;
		ssize_t got = recv(conn_fd, (char *)bytes + have, rest, 0);
		if (got == -1)
			die("recv");
		if (got == 0)
			break;
		have += (size_t)got;
	}
	return have;
}

/* The cure: take a message off the stream. Return NULL, or why none came. */
static const char *hear(char message[LIMIT + 1], size_t most)
{
	uint32_t length; /* on the wire: high byte first */
	size_t have = take(&length, sizeof length, most);

	if (have < sizeof length)
		return have == 0 ? "end" : "cut off";
	length = ntohl(length);
	if (length > LIMIT) /* before it is used for anything */
		return "too long: refused";
	if (take(message, length, most) < length)
		return "cut off";
	message[length] = '\0';
	return NULL;
}

/* Send these N bytes and hang up. Does a server hear EXPECTED if each recv
 * returns at most MOST bytes? (So we play the network.) */
static bool hears(const char *wire, size_t n, size_t most, const char *expected)
{
	char all[3 * LIMIT], message[LIMIT + 1], *to = all;
	const char *why;

	connected_pair(&client_fd, &conn_fd);
	if (send_all(client_fd, wire, n) == -1)
		die("send");
	close(client_fd);
	while ((why = hear(message, most)) == NULL)
		to += snprintf(to, sizeof message, "%s, ", message);
	snprintf(to, sizeof message, "%s", why);
	note("recv of at most %4zu: %s", most, all);
	close(conn_fd);
	return strcmp(all, expected) == 0;
}

int main(int argc, char *argv[])
{
	const char wire[] = "\0\0\0\3one\0\0\0\3two\0\0\0\5three";
	const char *all = "one, two, three, end";

	begin_story(argc, argv,
		    "usage: tcp_framing\n"
		    "Lose the borders between messages, and mark them.\n"
		    "example: tcp_framing\n");
	glued_and_cut();

	scene("The cure: the length goes first, in four bytes.");
	expect("the same three messages, whatever portions they came in",
	       hears(wire, 23, 1, all) && hears(wire, 23, 5, all) &&
		       hears(wire, 23, 4096, all));
	expect("a stream that ends inside a message is noticed",
	       hears(wire, 21, 4096, "one, two, cut off"));
	expect("4294967295 bytes? A length from the network is only a claim",
	       hears("\xff\xff\xff\xffx", 5, 4096, "too long: refused"));
}
