/* udp_silence - what if nobody is there?
 *
 *   client --- "hello?" ---> their kernel: no socket has that port
 *          <-- ICMP: "port unreachable" --- our kernel knows
 *
 *   not connected: the program learns nothing    connected: ECONNREFUSED
 *
 * Watch:  the same silence, and which socket is told the reason
 * Next:   udp_broadcast, how does a datagram reach everybody here?
 */
#include "../common.h"

static struct sockaddr_in peer = {.sin_family = AF_INET};
static const struct sockaddr *to = (const struct sockaddr *)&peer;
static socklen_t size = sizeof peer;
static int fd, n;
static char buf[100];

static void not_connected(void)
{
	struct pollfd end = {.events = POLLIN};

	scene("Not connected: silence.");
	end.fd = fd = CALL("client", socket(AF_INET, SOCK_DGRAM, 0));
	n = CALL("client", sendto(fd, "hello?", 6, 0, to, size));
	expect("sendto is content: the kernel has taken the datagram", n == 6);
	int came = CALL("client", poll(&end, 1, 200));
	n = CALL("client", recv(fd, buf, sizeof buf, MSG_DONTWAIT));
	expect("no answer, no error: recv would wait for ever",
	       came == 0 && n == -1 && errno == EAGAIN);
}

/* The same socket, with one call more. */
static void connected(void)
{
	scene("Connected: the reason comes with the next call.");
	n = CALL("client", connect(fd, to, size));
	expect("connect succeeds: it sends nothing, it remembers a peer",
	       n == 0);
	n = CALL("client", send(fd, "hello?", 6, 0));
	expect("so does send", n == 6);
	n = CALL("client", recv(fd, buf, sizeof buf, 0));
	expect("recv did not wait for ever", n == -1 && errno == ECONNREFUSED);
	n = CALL("client", send(fd, "hello?", 6, 0));
	if (n == 6)
		wait_for(fd, POLLERR);
	n = CALL("client", send(fd, "again?", 6, 0));
	expect("it may be send that is told", n == -1 && errno == ECONNREFUSED);
	n = CALL("client", recv(fd, buf, sizeof buf, MSG_DONTWAIT));
	expect("each error is reported once", n == -1 && errno == EAGAIN);
}

static void found_by_its_peer(void)
{
	struct sockaddr_in own;
	int stranger_fd = socket(AF_INET, SOCK_DGRAM, 0);

	scene("Connected: nobody but the peer finds the socket.");
	if (stranger_fd == -1 ||
	    getsockname(fd, (struct sockaddr *)&own, &size) == -1)
		die("socket or getsockname");
	CALL("other", connect(stranger_fd, (struct sockaddr *)&own, size));
	CALL("other", send(stranger_fd, "boo!", 4, 0));
	n = CALL("other", recv(stranger_fd, buf, sizeof buf, 0));
	expect("for the others it is not there",
	       n == -1 && errno == ECONNREFUSED);
	n = CALL("client", recv(fd, buf, sizeof buf, MSG_DONTWAIT));
	expect("and it hears nothing of it", n == -1 && errno == EAGAIN);
}

int main(int argc, char *argv[])
{
	begin_story(argc, argv,
		    "usage: udp_silence\n"
		    "Ask where nobody listens, by two kinds of UDP socket.\n"
		    "example: udp_silence\n");
	/* Nobody has UDP port 1, and the kernel chooses higher ones. 127.x.y.1
	 * is ours alone. */
	peer.sin_port = htons(1);
	peer.sin_addr.s_addr =
		htonl(INADDR_LOOPBACK + (uint32_t)getpid() % 65536 * 256);
	not_connected();
	connected();
	found_by_its_peer();
}
