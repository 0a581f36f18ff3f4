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

static int client_fd, server_fd, n, first;
static char bytes[65508];

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

	scene("A buffer of 4 bytes: the tail is gone.");
	CALL("client", send(client_fd, "0123456789", 10, 0));
	n = CALL("server", recv(server_fd, buf, sizeof buf, 0));
	expect("4 of 10 bytes, and no error",
	       n == 4 && memcmp(buf, "0123", 4) == 0);
	n = CALL("server", recv(server_fd, buf, sizeof buf, MSG_DONTWAIT));
	expect("a stream would still have the other 6; here they are nowhere",
	       n == -1 && errno == EAGAIN);
	CALL("client", send(client_fd, "0123456789", 10, 0));
	n = CALL("server", recv(server_fd, buf, sizeof buf, MSG_TRUNC));
	expect("with MSG_TRUNC, recv returns the true length", n == 10);
}

static void cut_and_glued(void)
{
	const int cut = 4;

	scene("Unless you ask: the kernel glues and cuts.");
	CALL("client", send(client_fd, "to", 2, MSG_MORE));
	CALL("client", send(client_fd, "gether", 6, 0));
	n = CALL("server", recv(server_fd, bytes, sizeof bytes, 0));
	expect("MSG_MORE: two sends were one datagram",
	       n == 8 && memcmp(bytes, "together", 8) == 0);
	CALL("client", setsockopt(client_fd, SOL_UDP, UDP_SEGMENT, &cut, 4));
	CALL("client", send(client_fd, "cut here", 8, 0));
	first = CALL("server", recv(server_fd, bytes, sizeof bytes, 0));
	n = CALL("server", recv(server_fd, bytes, sizeof bytes, 0));
	expect("UDP_SEGMENT: one send was two datagrams of 4 bytes",
	       first == 4 && n == 4 && memcmp(bytes, "here", 4) == 0 &&
		       recv(server_fd, bytes, 4, MSG_DONTWAIT) == -1);
}

int main(int argc, char *argv[])
{
	struct sockaddr_in server = {.sin_family = AF_INET};
	socklen_t size = sizeof server;
	const struct timeval patience = {.tv_sec = 5}; /* for each recv */

	begin_story(argc, argv,
		    "usage: udp_boundaries\n"
		    "Show where one datagram ends and the next begins.\n"
		    "example: udp_boundaries\n");
	server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server_fd = socket(AF_INET, SOCK_DGRAM, 0);
	client_fd = socket(AF_INET, SOCK_DGRAM, 0);
	/* The client's socket has a peer, so send needs no address: see
	 * udp_silence. */
	if (server_fd == -1 || client_fd == -1 ||
	    bind(server_fd, (struct sockaddr *)&server, size) == -1 ||
	    getsockname(server_fd, (struct sockaddr *)&server, &size) == -1 ||
	    connect(client_fd, (struct sockaddr *)&server, size) == -1 ||
	    setsockopt(server_fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
		       sizeof patience) == -1)
		die("socket, bind, getsockname, connect or setsockopt");
	kept_apart();
	short_buffer();
	cut_and_glued();
}
