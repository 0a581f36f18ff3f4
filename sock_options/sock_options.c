/* sock_options - does the kernel do as told?
 *
 *   setsockopt  "please"  --->  takes it, changes it, or refuses
 *   getsockopt            <---  what is in force
 *
 *   listen_fd [options] [flags]  --- accept --->  conn_fd [some] [none]
 *
 * Watch:  which wishes become something else without a word
 * Next:   udp_demo, an echo without a connection
 */
#include "../common.h"
#include <limits.h>
#include <netinet/tcp.h>

static int n, wish, got;
static socklen_t size = sizeof(int); /* of an option whose value is an int */

static void changed(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd == -1)
		die("socket");
	scene("A wish, not an order: both calls succeed, and yet ...");
	wish = 10000;
	CALL("we", setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &wish, size));
	n = CALL("we", getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &got, &size));
	note("asked for %d, got %d", wish, got);
	expect("doubled: the kernel's own notes take room as well",
	       n == 0 && got == 2 * wish);
	wish = INT_MAX;
	CALL("we", setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &wish, size));
	n = CALL("we", getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &got, &size));
	note("asked for %d, got %d", wish, got);
	expect("capped: the administrator sets the most",
	       n == 0 && got > 20000 && got / 2 < wish);
}

static void refused(void)
{
	const int one = 1, many = 256;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd == -1)
		die("socket");
	scene("Refused, and the names of the reasons.");
	n = CALL("we", setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &one, size));
	expect("an int is too short for a struct timeval",
	       n == -1 && errno == EINVAL);
	n = CALL("we", setsockopt(fd, SOL_SOCKET, SO_TYPE, &one, size));
	expect("SO_TYPE can only be read", n == -1 && errno == ENOPROTOOPT);
	n = CALL("we", setsockopt(fd, IPPROTO_IP, IP_TTL, &many, size));
	expect("256 does not fit into a byte", n == -1 && errno == EINVAL);
}

static void handed_down(void)
{
	const int on = 1, six = 6;
	struct sockaddr_in address;
	int fd = bound_socket(&address), conn_fd, was = 0, flags;

	scene("What does accept hand down? The listener has three settings.");
	CALL("server", listen(fd, 1));
	CALL("server", setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, size));
	CALL("server", setsockopt(fd, SOL_SOCKET, SO_PRIORITY, &six, size));
	flags = fcntl(fd, F_GETFL);
	CALL("server", fcntl(fd, F_SETFL, flags | O_NONBLOCK));
	flags = fcntl(fd, F_GETFL);
	if (flags == -1 ||
	    getsockopt(fd, SOL_SOCKET, SO_PRIORITY, &was, &size) == -1)
		die("fcntl or getsockopt");
	dial(&address);
	wait_for(fd, POLLIN);
	conn_fd = CALL("server", accept(fd, NULL, NULL));
	n = CALL("server",
		 getsockopt(conn_fd, IPPROTO_TCP, TCP_NODELAY, &got, &size));
	expect("TCP_NODELAY: handed down, as most are", n == 0 && got == 1);
	n = CALL("server",
		 getsockopt(conn_fd, SOL_SOCKET, SO_PRIORITY, &got, &size));
	expect("SO_PRIORITY: not handed down",
	       n == 0 && got == 0 && got != was);
	n = CALL("server", fcntl(conn_fd, F_GETFL));
	expect("O_NONBLOCK is no option, but a flag: not handed down on Linux",
	       (n & O_ACCMODE) == O_RDWR && !(n & O_NONBLOCK) &&
		       (flags & O_NONBLOCK));
}

int main(int argc, char *argv[])
{
	begin_story(argc, argv,
		    "usage: sock_options\n"
		    "Set options of a socket and see what is in force.\n"
		    "example: sock_options\n");
	changed();
	refused();
	handed_down();
}
