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
#include <sys/time.h>

static struct sockaddr_in to = {.sin_family = AF_INET};
static socklen_t size = sizeof to;
static int fd, n;
static char buf[100];

/* Return a UDP socket, and its address in TO. 127.x.y.1 is ours alone: once the
 * socket is closed, nobody else takes its port. */
static int bound_udp_socket(void)
{
	int new_fd = socket(AF_INET, SOCK_DGRAM, 0);

	to.sin_port = 0;
	to.sin_addr.s_addr =
		htonl(INADDR_LOOPBACK + (uint32_t)getpid() % 65536 * 256);
	if (new_fd == -1 || bind(new_fd, (struct sockaddr *)&to, size) == -1 ||
	    getsockname(new_fd, (struct sockaddr *)&to, &size) == -1)
		die("socket, bind or getsockname");
	return new_fd;
}

static void not_connected(void)
{
	const struct sockaddr *address = (const struct sockaddr *)&to;
	struct pollfd end = {.events = POLLIN};
	const int on = 1;

	scene("Not connected: silence.");
	end.fd = fd = CALL("client", socket(AF_INET, SOCK_DGRAM, 0));
	n = CALL("client", sendto(fd, "hello?", 6, 0, address, size));
	expect("sendto is content: the kernel has taken the datagram", n == 6);
	n = CALL("client", poll(&end, 1, 200));
	expect("no answer, no error: recv would wait for ever", n == 0);
	CALL("client", setsockopt(fd, SOL_IP, IP_RECVERR, &on, sizeof on));
	CALL("client", sendto(fd, "hello?", 6, 0, address, size));
	n = CALL("client", poll(&end, 1, 2000));
	expect("unless you ask for errors (Linux)",
	       n == 1 && end.revents & POLLERR);
	n = CALL("client", recv(fd, buf, sizeof buf, MSG_DONTWAIT));
	expect("nobody was there", n == -1 && errno == ECONNREFUSED);
	close(fd);
}

static void connected(void)
{
	scene("Connected: the reason comes with the next call.");
	fd = CALL("client", socket(AF_INET, SOCK_DGRAM, 0));
	n = CALL("client", connect(fd, (struct sockaddr *)&to, size));
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
	close(fd);
}

static void only_the_peer(void)
{
	const struct timeval patience = {.tv_sec = 5}; /* see tcp_timeout */
	int peer_fd, stranger_fd, first;
	struct sockaddr_in own;

	peer_fd = bound_udp_socket();
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	stranger_fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd == -1 || stranger_fd == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
		       sizeof patience) == -1)
		die("socket or setsockopt");
	scene("Connected: and nobody but the peer is heard.");
	CALL("client", connect(fd, (struct sockaddr *)&to, size));
	if (getsockname(fd, (struct sockaddr *)&own, &size) == -1)
		die("getsockname");
	CALL("other",
	     sendto(stranger_fd, "boo!", 4, 0, (struct sockaddr *)&own, size));
	CALL("peer",
	     sendto(peer_fd, "hello", 5, 0, (struct sockaddr *)&own, size));
	first = CALL("client", recv(fd, buf, sizeof buf, 0));
	n = CALL("client", recv(fd, buf, sizeof buf, MSG_DONTWAIT));
	expect("what the other one sent first was dropped",
	       first == 5 && memcmp(buf, "hello", 5) == 0 && n == -1 &&
		       errno == EAGAIN);
}

int main(int argc, char *argv[])
{
	begin_story(argc, argv,
		    "usage: udp_silence\n"
		    "Send datagrams to a port that nobody has.\n"
		    "example: udp_silence\n");
	close(bound_udp_socket());
	not_connected();
	connected();
	only_the_peer();
}
