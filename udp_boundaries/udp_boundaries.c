/* udp_boundaries - what is one datagram?
 *
 *   send "one"  --->  |one|          a stream:  |onetwo...
 *   send ""     --->  ||
 *   send "two"  --->  |two|          each recv takes one box, or its front part
 *
 * Watch:  the 0 that is no end, the tail that is gone, the boxes cut and glued
 * Next:   udp_unreliable, what if it is lost?
 */
#include "../common.h"
#include <netinet/udp.h>
#include <sys/time.h>

static const struct timeval patience = {.tv_sec = 5}; /* for each recv */
static const socklen_t size = sizeof(int);
static int client_fd, server_fd, n, first;
static char bytes[65508];

/* Make two UDP sockets of which the client's has the server's for its peer:
 * send and recv need no address then. See udp_silence. */
static void two_sockets(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t length = sizeof address;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server_fd = socket(AF_INET, SOCK_DGRAM, 0);
	client_fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (server_fd == -1 || client_fd == -1 ||
	    bind(server_fd, (struct sockaddr *)&address, length) == -1 ||
	    getsockname(server_fd, (struct sockaddr *)&address, &length) == -1)
		die("socket, bind or getsockname");
	if (connect(client_fd, (struct sockaddr *)&address, length) == -1 ||
	    setsockopt(server_fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
		       sizeof patience) == -1)
		die("connect or setsockopt");
}

static void kept_apart(void)
{
	scene("One send, one recv, however much room there is.");
	CALL("client", send(client_fd, "", 0, 0));
	CALL("client", send(client_fd, "one", 3, 0));
	CALL("client", send(client_fd, bytes, 65507, 0));
	first = CALL("server", recv(server_fd, bytes, sizeof bytes, 0));
	n = CALL("server", recv(server_fd, bytes, sizeof bytes, 0));
	expect("0 was an empty datagram; nothing has ended, the next one came",
	       first == 0 && n == 3 && memcmp(bytes, "one", 3) == 0);
	n = CALL("server", recv(server_fd, bytes, sizeof bytes, 0));
	expect("65535 - 20 (IP header) - 8 (UDP header) bytes fit", n == 65507);
	n = CALL("client", send(client_fd, bytes, 65508, 0));
	expect("one more does not", n == -1 && errno == EMSGSIZE);
}

static void short_buffer(void)
{
	char buf[4];
	struct iovec room = {.iov_base = buf, .iov_len = sizeof buf};
	struct msghdr message = {.msg_iov = &room, .msg_iovlen = 1};

	scene("A buffer of 4 bytes: the tail is gone.");
	CALL("client", send(client_fd, "0123456789", 10, 0));
	n = CALL("server", recvmsg(server_fd, &message, 0));
	expect("4 of 10 bytes and no error; only recvmsg sets MSG_TRUNC",
	       n == 4 && memcmp(buf, "0123", 4) == 0 &&
		       message.msg_flags == MSG_TRUNC);
	n = CALL("server", recv(server_fd, buf, sizeof buf, MSG_DONTWAIT));
	expect("a stream would still have the other 6; here they are nowhere",
	       n == -1 && errno == EAGAIN);
	CALL("client", send(client_fd, "0123456789", 10, 0));
	n = CALL("server", recv(server_fd, buf, sizeof buf, MSG_TRUNC));
	expect("with MSG_TRUNC, recv returns the true length", n == 10);
}

static void cut_and_glued(void)
{
	const int cut = 4, on = 1;

	scene("Unless you ask: the kernel glues and cuts.");
	CALL("client", send(client_fd, "to", 2, MSG_MORE));
	CALL("client", send(client_fd, "gether", 6, 0));
	n = CALL("server", recv(server_fd, bytes, sizeof bytes, 0));
	expect("MSG_MORE: two sends were one datagram",
	       n == 8 && memcmp(bytes, "together", 8) == 0);
	CALL("client", setsockopt(client_fd, SOL_UDP, UDP_SEGMENT, &cut, size));
	CALL("client", send(client_fd, "cut here", 8, 0));
	first = CALL("server", recv(server_fd, bytes, sizeof bytes, 0));
	n = CALL("server", recv(server_fd, bytes, sizeof bytes, 0));
	expect("UDP_SEGMENT: one send was two datagrams of 4 bytes",
	       first == 4 && n == 4 && memcmp(bytes, "here", 4) == 0);
	CALL("server", setsockopt(server_fd, SOL_UDP, UDP_GRO, &on, size));
	CALL("client", send(client_fd, "cut here", 8, 0));
	n = CALL("server", recv(server_fd, bytes, sizeof bytes, 0));
	expect("UDP_GRO: one recv takes both",
	       n == 8 && memcmp(bytes, "cut here", 8) == 0);
}

int main(int argc, char *argv[])
{
	begin_story(argc, argv,
		    "usage: udp_boundaries\n"
		    "Show where one datagram ends and the next begins.\n"
		    "example: udp_boundaries\n");
	two_sockets();
	kept_apart();
	short_buffer();
	cut_and_glued();
}
