/* tcp_connect - how did a connect that did not wait end?
 *
 *   connect -> EINPROGRESS or EINTR     the kernel goes on dialling by itself
 *      poll -> POLLOUT                  it has ended, well or badly
 *         SO_ERROR -> 0 or an errno     this is how
 *
 * Watch:  ready is not connected, and connect is never called again
 * Next:   tcp_handshake, how a connection begins
 */
#include "../common.h"

static int listen_fd;

/* Cut the cable into the listener, or mend it: see tcp_keepalive. The kernel
 * dials once more a second later, and then the listener hears it. */
static const int cut = 255, mended = 0;
static void set_cable(int least_ttl)
{
	if (setsockopt(listen_fd, IPPROTO_IP, IP_MINTTL, &least_ttl,
		       sizeof least_ttl) == -1)
		die("setsockopt IP_MINTTL");
}

/* Wait until the connect of FD has ended, and return how: 0 or an errno. This
 * works after EINPROGRESS and after EINTR, and on every system. */
static int outcome(int fd)
{
	struct pollfd end = {.fd = fd, .events = POLLOUT};
	int n, error = -1;
	socklen_t length = sizeof error;

	while ((n = CALL("client", poll(&end, 1, 4000))) == -1)
		expect("a signal: poll again", errno == EINTR);
	expect("ready: it has ended, well or badly", n == 1);
	CALL("client", getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length));
	return error;
}

/* The handler of SIGALRM. Its running interrupts; here it mends, too. */
static void interrupt(int signal_number)
{
	set_cable(signal_number == SIGALRM ? mended : cut);
}

int main(int argc, char *argv[])
{
	const int dont_wait = SOCK_STREAM | SOCK_NONBLOCK;
	const struct sigaction action = {.sa_handler = interrupt};
	struct sockaddr_in address;
	const struct sockaddr *to = (struct sockaddr *)&address;
	int fd, n;

	begin_story(argc, argv,
		    "usage: tcp_connect\n"
		    "Let connects go on by themselves; see how each ends.\n"
		    "example: tcp_connect\n");

	scene("A non-blocking connect: the kernel dials, we do not wait.");
	bound_socket(&address); /* where nobody listens */
	fd = CALL("client", socket(AF_INET, dont_wait, 0));
	n = CALL("client", connect(fd, to, sizeof address));
	expect("in progress: it is dialling", n == -1 && errno == EINPROGRESS);
	expect("ECONNREFUSED: it was refused", outcome(fd) == ECONNREFUSED);

	scene("As long as it is not ready, only poll can tell.");
	listen_fd = bound_socket(&address);
	CALL("server", listen(listen_fd, 5));
	set_cable(cut);
	fd = CALL("client", socket(AF_INET, dont_wait, 0));
	n = CALL("client", connect(fd, to, sizeof address));
	expect("the cable is cut", n == -1 && errno == EINPROGRESS);
	n = CALL("client", connect(fd, to, sizeof address));
	expect("already: no use to call again", n == -1 && errno == EALREADY);
	note("hint: poll until it has ended, then SO_ERROR says how");
	set_cable(mended);
	expect("0: the cable was mended, it is connected", outcome(fd) == 0);
	CALL("server", accept(listen_fd, NULL, NULL));

	scene("A signal interrupts a blocking connect. It goes on.");
	set_cable(cut);
	fd = CALL("client", socket(AF_INET, SOCK_STREAM, 0));
	CALL("client", sigaction(SIGALRM, &action, NULL));
	alarm(1); /* SIGALRM comes in 1 s, when connect waits */
	n = CALL("client", connect(fd, to, sizeof address));
	expect("interrupted", n == -1 && errno == EINTR);
	expect("the same loop tells: connected", outcome(fd) == 0);
	CALL("server", accept(listen_fd, NULL, NULL));
}
