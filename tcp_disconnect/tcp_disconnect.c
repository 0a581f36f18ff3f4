/* tcp_disconnect - what does recv say when the peer hangs up?
 *
 *   client             server
 *   close   --FIN-->   recv = 0    the end of the stream: leave the loop here,
 *                      recv = 0    or hear nothing, again and again
 *                      recv = 0
 *
 * Watch:  how many empty messages a loop without a guard gets in 50 ms
 * Next:   tcp_reset, what if the peer does not say goodbye
 */
#include "../common.h"
#include <time.h>

static int client_fd, conn_fd, n;
static char buf[1024];

static void without_a_guard(void)
{
	clock_t start, burnt = 0; /* CPU time, which is not spent by waiting */
	int empty = 0;

	scene("The client hangs up, and the server does not notice.");
	connected_pair(&client_fd, &conn_fd);
	CALL("client", close(client_fd));
	n = CALL("server", recv(conn_fd, buf, sizeof buf, 0));
	expect("the client closed its end: recv returns 0", n == 0);

	/* Here a server without a guard would go on for ever. */
	for (start = clock(); n == 0 && burnt < CLOCKS_PER_SEC / 20; empty++) {
		n = (int)recv(conn_fd, buf, sizeof buf, 0);
		burnt = clock() - start;
	}
	if (n == -1)
		die("recv, which had returned 0");
	note("... and again: %d times in %d ms of CPU time", empty,
	     (int)(burnt * 1000 / CLOCKS_PER_SEC));
	expect("recv does not wait any more: the loop burns the CPU",
	       n == 0 && empty >= 100 && burnt >= CLOCKS_PER_SEC / 20 &&
		       burnt < CLOCKS_PER_SEC);
	close(conn_fd);
}

static void with_a_guard(void)
{
	int heard = 0;

	scene("The cure: 0 is the end of the stream, so leave the loop.");
	connected_pair(&client_fd, &conn_fd);
	CALL("client", write(client_fd, "bye", 3));
	CALL("client", close(client_fd));
	for (;;) {
		n = CALL("server", recv(conn_fd, buf, sizeof buf, 0));
		if (n == 0) /* the guard */
			break;
		if (n == -1)
			die("recv");
		heard += n;
	}
	expect("first all that was said before the end, then 0", heard == 3);
	n = CALL("server", read(conn_fd, buf, sizeof buf));
	expect("read is recv without flags, and says the same", n == 0);
	CALL("server", close(conn_fd));
}

static void what_0_is_not(void)
{
	scene("0 is neither \"nothing yet\" nor an empty message.");
	connected_pair(&client_fd, &conn_fd);
	/* Without MSG_DONTWAIT, this recv would sleep until something comes. */
	n = CALL("server", recv(conn_fd, buf, sizeof buf, MSG_DONTWAIT));
	expect("nothing yet is -1 with EAGAIN", n == -1 && errno == EAGAIN);
	n = CALL("client", send(client_fd, "", 0, MSG_NOSIGNAL));
	expect("sending 0 bytes is no error", n == 0);
	n = CALL("server", recv(conn_fd, buf, sizeof buf, MSG_DONTWAIT));
	expect("but nothing travels", n == -1 && errno == EAGAIN);
	n = CALL("client", send(client_fd, "hello", 5, MSG_NOSIGNAL));
	expect("5 bytes are on their way", n == 5);
	n = CALL("server", recv(conn_fd, buf, sizeof buf, 0));
	expect("the next message comes alone, no empty one before it", n == 5);
}

int main(int argc, char *argv[])
{
	begin_story(argc, argv,
		    "usage: tcp_disconnect\n"
		    "Hang up, and see what recv says then.\n"
		    "example: tcp_disconnect\n");
	without_a_guard();
	with_a_guard();
	what_0_is_not();
}
