/* udp_unreliable - what if it is lost?
 *
 *   client --- 1 --- 2 --- 3 --- ... --- 100 --->  [2 fit, 98 are dropped]
 *
 *   ask again, without a number    every answer belongs to the question before
 *   ask again, with a number       an answer that is late is known and dropped
 *
 * Watch:  each send succeeds; and what asking again does to the next question
 * Next:   udp_silence, what if nobody is there?
 */
#include "../common.h"

static int client_fd, server_fd, n;
static char buf[128];

/* Make two UDP sockets that have each other for a peer: see udp_silence. */
static void two_sockets(void)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr *address = (struct sockaddr *)&in;
	socklen_t size = sizeof in;

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server_fd = socket(AF_INET, SOCK_DGRAM, 0);
	client_fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (server_fd == -1 || client_fd == -1 ||
	    bind(server_fd, address, size) == -1 ||
	    getsockname(server_fd, address, &size) == -1 ||
	    connect(client_fd, address, size) == -1 ||
	    getsockname(client_fd, address, &size) == -1 ||
	    connect(server_fd, address, size) == -1)
		die("socket, bind, getsockname or connect");
}

static void burst(void)
{
	uint32_t memory[9]; /* [8], SK_MEMINFO_DROPS: what was dropped */
	socklen_t size = sizeof memory;
	const int least = 1;
	int sent = 0, arrived = 0, lost = 0;

	two_sockets();
	scene("A burst into a small queue.");
	n = CALL("server", setsockopt(server_fd, SOL_SOCKET, SO_RCVBUF, &least,
				      sizeof least));
	for (; sent < 100; sent++)
		if (send(client_fd, "card", 4, 0) != 4)
			die("send");
	note("client  100 times: send(client_fd, \"card\", 4, 0) = 4");
	expect("the sender has seen no error", n == 0 && sent == 100);
	for (int looks = 0; arrived + lost < sent && looks < 100000; looks++) {
		while (recv(server_fd, buf, sizeof buf, MSG_DONTWAIT) == 4)
			arrived++;
		if (errno != EAGAIN ||
		    getsockopt(server_fd, SOL_SOCKET, SO_MEMINFO, memory,
			       &size) == -1)
			die("recv or getsockopt");
		lost = (int)memory[8];
	}
	note("server  %d arrived; SO_MEMINFO: %d dropped", arrived, lost);
	expect("together they are all that were sent; most are lost",
	       arrived + lost == 100 && arrived > 0 && arrived < 50);
}

/* The client asks, the server sends ANSWERS answers in upper case, and the
 * client takes one of them. */
static void ask(const char *question, int answers)
{
	n = CALL("client", send(client_fd, question, strlen(question), 0));
	while (n > 0 && answers-- > 0) {
		n = (int)recv(server_fd, buf, sizeof buf, 0);
		upper_case(buf, n > 0 ? (size_t)n : 0);
		if (n == -1 || send(server_fd, buf, (size_t)n, 0) != n)
			die("recv or send");
		wait_for(client_fd, POLLIN);
	}
	n = CALL("client", recv(client_fd, buf, sizeof buf, MSG_DONTWAIT));
}

static void ask_again(void)
{
	two_sockets();
	scene("No answer: ask again. Without a number this cure fails.");
	ask("one?", 0);
	expect("no answer yet: lost, or late?", n == -1 && errno == EAGAIN);
	ask("one?", 2);
	expect("ONE?, the answer", n == 4 && !memcmp(buf, "ONE?", 4));
	ask("two?", 1);
	expect("ONE? again: wrong answer", n == 4 && !memcmp(buf, "ONE?", 4));
	ask("three?", 1);
	expect("TWO?: from here on each answer belongs to the question before",
	       n == 4 && !memcmp(buf, "TWO?", 4));
}

static void ask_with_number(void)
{
	two_sockets();
	scene("The same with a number in each question.");
	ask("1 one?", 0);
	expect("no answer yet, as before", n == -1 && errno == EAGAIN);
	ask("1 one?", 2);
	expect("1 ONE?, the answer", n == 6 && !memcmp(buf, "1 ONE?", 6));
	ask("2 two?", 1);
	expect("1 ONE? again: not number 2, so drop it",
	       n == 6 && atoi(buf) == 1);
	n = CALL("client", recv(client_fd, buf, sizeof buf, 0));
	expect("2 TWO?, the answer", n == 6 && !memcmp(buf, "2 TWO?", 6));
}

int main(int argc, char *argv[])
{
	begin_story(
		argc, argv,
		"usage: udp_unreliable\n"
		"Lose datagrams; ask again without a number, and with one.\n"
		"example: udp_unreliable\n");
	burst();
	ask_again();
	ask_with_number();
}
