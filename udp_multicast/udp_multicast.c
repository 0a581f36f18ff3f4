/* udp_multicast - how does one datagram reach only those who want it?
 *
 *   sendto 239.255.1.2 --+--> first:  has joined the group     hears it
 *                        +--x second: has not joined           hears nothing
 *
 * Watch:  join, and leave; and who hears what only others have asked for
 * Next:   udp_checksum, does UDP check the data?
 */
#include "../common.h"
#include <arpa/inet.h>
#include <sys/time.h>

/* Which network? The one of the interface with this address. 127.0.0.1 is the
 * loopback interface, this machine alone; put in your own to leave it. */
#define INTERFACE "127.0.0.1"

static struct sockaddr_in group = {.sin_family = AF_INET};
static const struct sockaddr *to = (const struct sockaddr *)&group;
static socklen_t size = sizeof group;
static struct ip_mreqn member; /* a group and an interface */
static const socklen_t len = sizeof member;
static const struct timeval patience = {.tv_sec = 5}; /* for each recv */
static const int on = 1, off = 0;
static int n;
static char buf[100];

/* Return a UDP socket bound to the group and to the one port that ours share:
 * see udp_broadcast. (Bound to 0.0.0.0, it would hear other groups, too.) */
static int receiver(void)
{
	const int share = group.sin_port != 0;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
		       sizeof patience) == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &share, sizeof share) ||
	    bind(fd, to, size) == -1 ||
	    getsockname(fd, (struct sockaddr *)&group, &size) == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == -1)
		die("socket, setsockopt, bind or getsockname");
	return fd;
}

int main(int argc, char *argv[])
{
	begin_story(argc, argv,
		    "usage: udp_multicast\n"
		    "Send datagrams to a group, and join and leave it.\n"
		    "example: udp_multicast\n");

	/* 239.255.x.y is for everybody's own use; x and y are ours alone. */
	group.sin_addr.s_addr = htonl(0xefff0000 + (uint32_t)getpid() % 65536);
	member.imr_multiaddr = group.sin_addr;
	member.imr_address.s_addr = inet_addr(INTERFACE);
	int first_fd = receiver(), second_fd = receiver();
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd == -1)
		die("socket");

	scene("Join a group, on one interface.");
	CALL("sender", setsockopt(fd, SOL_IP, IP_MULTICAST_IF, &member, len));
	n = CALL("sender", sendto(fd, "a", 1, 0, to, size));
	expect("sent, although nobody has joined", n == 1);
	CALL("first",
	     setsockopt(first_fd, SOL_IP, IP_ADD_MEMBERSHIP, &member, len));
	CALL("sender", sendto(fd, "b", 1, 0, to, size));
	n = CALL("first", recv(first_fd, buf, sizeof buf, 0));
	expect("\"b\": it hears what is sent from now on",
	       n == 1 && buf[0] == 'b');

	scene("A group is joined for the whole machine (Linux).");
	n = CALL("second", recv(second_fd, buf, sizeof buf, 0));
	expect("it has not joined, and \"b\" is here, too",
	       n == 1 && buf[0] == 'b');
	CALL("second",
	     setsockopt(second_fd, SOL_IP, IP_MULTICAST_ALL, &off, sizeof off));
	CALL("sender", sendto(fd, "c", 1, 0, to, size));
	n = CALL("first", recv(first_fd, buf, sizeof buf, 0));
	expect("\"c\": a member hears it", n == 1 && buf[0] == 'c');
	n = CALL("second", recv(second_fd, buf, sizeof buf, MSG_DONTWAIT));
	expect("now only a socket that has joined hears the group",
	       n == -1 && errno == EAGAIN);

	scene("Leave it.");
	CALL("first",
	     setsockopt(first_fd, SOL_IP, IP_DROP_MEMBERSHIP, &member, len));
	n = CALL("sender", sendto(fd, "d", 1, 0, to, size));
	expect("sent, as if nothing had happened", n == 1);
	n = CALL("first", recv(first_fd, buf, sizeof buf, MSG_DONTWAIT));
	expect("silence", n == -1 && errno == EAGAIN);
}
