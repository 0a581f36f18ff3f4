/* sock_address - what is an address?
 *
 *   struct sockaddr_in | family | port  | host        | 8 bytes
 *   16 bytes           |        | 1f 90 | 7f 00 00 01 | not used
 *                                 8080    127.0.0.1
 *
 * Watch:  what becomes of port 8080 without htons
 * Next:   tcp_disconnect, what recv says when the peer hangs up
 */
#include "../common.h"
#include <arpa/inet.h>

static struct sockaddr_in server, own, peer; /* all 0 at first */
static socklen_t size = sizeof(struct sockaddr_in);
static int n;

static bool same(const struct sockaddr_in *a, const struct sockaddr_in *b)
{
	return memcmp(a, b, 8) == 0; /* the other 8 bytes are not used */
}

static void bytes_of_an_address(void)
{
	const unsigned char *b = (unsigned char *)&own; /* its bytes */
	const bool big_endian = htons(1) == 1; /* rare: htons does nothing */
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd == -1)
		die("socket");
	scene("127.0.0.1, port 8080: to the kernel an address is bytes.");
	own.sin_port = htons(8080);
	n = inet_pton(AF_INET, "127.0.0.1", &own.sin_addr);
	note("port %02x %02x, host %02x %02x %02x %02x", b[2], b[3], b[4], b[5],
	     b[6], b[7]);
	expect("htons and inet_pton put the high byte first: 8080 is 0x1f90",
	       n == 1 && memcmp(b + 2, "\x1f\x90\x7f\x00\x00\x01", 6) == 0);

	/* The family is 0, which Linux takes for AF_INET with 0.0.0.0 alone:
	 * we forgot own.sin_family = AF_INET. */
	n = CALL("server", bind(fd, (struct sockaddr *)&own, size));
	expect("bind must know the family to read the other bytes",
	       n == -1 && errno == EAFNOSUPPORT);

	close(bound_socket(&own)); /* own is 127.x.y.1, which is ours alone */
	own.sin_port = 8080;	   /* htons forgotten */
	CALL("server", bind(fd, (struct sockaddr *)&own, size));
	n = CALL("server", getsockname(fd, (struct sockaddr *)&own, &size));
	note("the kernel says %s; sin_port without ntohs is %d",
	     address_text(&own, size), own.sin_port);
	expect(big_endian ? "this machine stores the high byte first: no harm"
			  : "without htons 0x1f90 turns into 0x901f: 36895",
	       n == 0 && ntohs(own.sin_port) == (big_endian ? 8080 : 36895));
}

int main(int argc, char *argv[])
{
	begin_story(argc, argv,
		    "usage: sock_address\n"
		    "Show the bytes of an address, and both ends' addresses.\n"
		    "example: sock_address\n");
	bytes_of_an_address();

	scene("Two ends, two addresses; many clients, one port.");
	int listen_fd = bound_socket(&server);
	if (listen(listen_fd, 5) == -1)
		die("listen");
	int client_fd = dial(&server);
	CALL("client", getsockname(client_fd, (struct sockaddr *)&own, &size));
	note("the kernel has chosen %s", address_text(&own, size));
	n = CALL("client",
		 getpeername(client_fd, (struct sockaddr *)&peer, &size));
	expect("the client's peer is the server",
	       n == 0 && same(&peer, &server) && !same(&peer, &own));

	int conn_fd = CALL("server", accept(listen_fd, NULL, NULL));
	n = CALL("server",
		 getpeername(conn_fd, (struct sockaddr *)&peer, &size));
	expect("the server's peer is the client", n == 0 && same(&peer, &own));
	n = CALL("server",
		 getsockname(conn_fd, (struct sockaddr *)&peer, &size));
	expect("its new socket has the port of the listening one",
	       n == 0 && same(&peer, &server));

	dial(&server); /* a second client */
	n = CALL("server", accept(listen_fd, (struct sockaddr *)&peer, &size));
	note("accept says who called: %s", address_text(&peer, size));
	expect("one number of four differs: enough to tell the two apart",
	       n != -1 && peer.sin_port != own.sin_port &&
		       peer.sin_addr.s_addr == own.sin_addr.s_addr);
}
