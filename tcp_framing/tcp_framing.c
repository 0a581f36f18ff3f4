/* tcp_framing - where does a message end?
 *
 *   sent:    "one" "two" "three"                      three messages
 *   heard:   onetwothree                              one stream of bytes
 *   framed:  0 0 0 3 one  0 0 0 3 two  0 0 0 5 three  each behind its length
 *
 * Watch:  one recv returns two messages and a half, the next one the rest
 * Next:   sock_struct, what a message may consist of
 */
#include "../common.h"

static int client_fd, conn_fd;
static size_t most; /* bytes for one recv: so we play the network */
static bool hears(const char *wire, size_t n, const char *expected);

int main(int argc, char *argv[])
{
	const char wire[] = "\0\0\0\3one\0\0\0\3two\0\0\0\5three";
	char buf[100];
	int first, rest;

	begin_story(argc, argv,
		    "usage: tcp_framing\n"
		    "Lose the borders between messages, and mark them.\n"
		    "example: tcp_framing\n");

	scene("Three sends, two recvs: messages stick together, and are cut.");
	connected_pair(&client_fd, &conn_fd);
	CALL("client", send(client_fd, "one", 3, 0));
	CALL("client", send(client_fd, "two", 3, 0));
	CALL("client", send(client_fd, "three", 5, 0));
	close(client_fd);
	wait_for(conn_fd, POLLRDHUP); /* this end comes behind all bytes */
	first = CALL("server", recv(conn_fd, buf, 8, 0));
	rest = CALL("server", recv(conn_fd, buf + 8, 50, 0));
	note("server heard \"%.8s\" \"%.3s\"", buf, buf + 8);
	expect("all bytes, in order; where a message ended, nobody knows",
	       first == 8 && rest == 3 && memcmp(buf, "onetwothree", 11) == 0);

	scene("The cure: the length goes first, in four bytes.");
	for (most = 1; most <= 25; most *= 5)
		expect("the same three messages, in whatever portions",
		       hears(wire, 23, "one, two, three, end"));
	expect("a stream that ends inside a message is noticed",
	       hears(wire, 21, "one, two, cut off"));
	expect("4294967295 bytes? A length from the network is only a claim",
	       hears("\0\0\0\6six", 7, "too long: refused") &&
		       hears("\xff\xff\xff\xffx", 5, "too long: refused"));
}

/* Take N bytes off the stream, in whatever portions; fewer if it ends. */
static size_t take(char *bytes, size_t n)
{
	size_t have = 0;
	ssize_t got = 1;

	for (; have < n && got > 0; have += (size_t)got) {
		size_t rest = n - have;
		got = recv(conn_fd, bytes + have, rest < most ? rest : most, 0);
		if (got == -1)
			die("recv");
	}
	return have;
}

/* The cure: take a message off the stream. Return NULL, or why none came. */
static const char *hear(char *message, size_t limit)
{
	uint32_t length; /* on the wire: high byte first */
	size_t have = take((char *)&length, sizeof length);

	if (have < sizeof length)
		return have == 0 ? "end" : "cut off";
	length = ntohl(length);
	if (length > limit) /* before it is used for anything */
		return "too long: refused";
	have = take(message, length);
	message[have] = '\0';
	return have < length ? "cut off" : NULL;
}

/* Send these N bytes and hang up. Does a server hear EXPECTED? */
static bool hears(const char *wire, size_t n, const char *expected)
{
	char all[100] = "", message[6]; /* no message of ours is longer */
	const char *why;

	connected_pair(&client_fd, &conn_fd);
	int sent = CALL("client", send(client_fd, wire, n, 0));
	close(client_fd);
	while ((why = hear(message, 5)) == NULL)
		strcat(strcat(all, message), ", ");
	note("recv of at most %3zu: %s%s", most, all, why);
	return sent == (int)n && strcmp(strcat(all, why), expected) == 0;
}
