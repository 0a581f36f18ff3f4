/* udp_broadcast - how does one datagram reach everybody on this network?
 *
 *                              +--> receiver 1, bound to 127.255.255.255:P
 *   sendto 127.255.255.255:P --+--> receiver 2, bound to 0.0.0.0:P
 *                              +--x one bound to its own address: 127.0.0.1:P
 *
 * Watch:  the safety catch; then one sendto, and two receivers
 * Next:   udp_multicast, how does it reach only those who want it?
 */
#include "../common.h"
#include <arpa/inet.h>
#include <sys/time.h>

/* The last address of a network stands for all in it. 127.0.0.0/8 is this
 * machine alone; for your network, look behind "brd" in `ip address`. */
#define EVERYBODY "127.255.255.255"
#define OURSELVES "127.0.0.1"
#define DEVICE	  "lo"

static struct sockaddr_in all = {.sin_family = AF_INET}, sender;
static struct sockaddr *to = (struct sockaddr *)&all;
static struct sockaddr *from = (struct sockaddr *)&sender;
static socklen_t size = sizeof all;
static const struct timeval patience = {.tv_sec = 5}; /* for each recv */
static const int on = 1;
static int n;
static char buf[100];

/* Return a UDP socket bound to HOST and to the one port that ours share: UDP
 * sockets may, if each has SO_REUSEADDR. The first must not have it before it
 * has a port, or that could be a stranger's. It hears DEVICE only, and no
 * other machine (before Linux 5.7 only root may ask for that). */
static int receiver(const char *host)
{
	const int share = all.sin_port != 0;
	struct sockaddr_in own = all;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	own.sin_addr.s_addr = inet_addr(host);
	if (fd == -1)
		die("socket");
	setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, DEVICE, sizeof DEVICE);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
		       sizeof patience) == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &share, sizeof share) ||
	    bind(fd, (struct sockaddr *)&own, size) == -1 ||
	    getsockname(fd, (struct sockaddr *)&own, &size) == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == -1)
		die("setsockopt, bind or getsockname");
	all.sin_port = own.sin_port;
	return fd;
}

static void hear(int fd, const char *answer)
{
	n = CALL("hearer", recvfrom(fd, buf, sizeof buf, 0, from, &size));
	expect("the datagram is here", n == 4 && !memcmp(buf, "who?", 4));
	CALL("hearer", sendto(fd, answer, 4, 0, from, size));
}

int main(int argc, char *argv[])
{
	begin_story(argc, argv,
		    "usage: udp_broadcast\n"
		    "Send one datagram to everybody on this network.\n"
		    "example: udp_broadcast\n");
	int second_fd = receiver("0.0.0.0"), first_fd = receiver(EVERYBODY);
	int third_fd = receiver(OURSELVES);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd == -1)
		die("socket");
	all.sin_addr.s_addr = inet_addr(EVERYBODY);

	scene("The safety catch.");
	n = CALL("sender", sendto(fd, "who?", 4, 0, to, size));
	expect("refused: did you mean it?", n == -1 && errno == EACCES);
	CALL("sender",
	     setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof on));
	n = CALL("sender", sendto(fd, "who?", 4, 0, to, size));
	expect("now it leaves", n == 4);

	scene("One sendto, and everybody hears it.");
	hear(first_fd, "one!");
	hear(second_fd, "two!");
	n = CALL("hearer", recv(third_fd, buf, sizeof buf, MSG_DONTWAIT));
	expect("this one is bound to its own address: not for everybody",
	       n == -1 && errno == EAGAIN);

	scene("So you find out who is there, and talk to them one by one.");
	n = CALL("sender", recv(fd, buf, sizeof buf, 0));
	expect("the first has answered to our address: no broadcast",
	       n == 4 && memcmp(buf, "one!", 4) == 0);
	n = CALL("sender", recv(fd, buf, sizeof buf, 0));
	expect("and the second", n == 4 && memcmp(buf, "two!", 4) == 0);
}
