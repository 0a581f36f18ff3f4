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
#include <netinet/tcp.h>

enum { CUT = 255, MENDED = 0 };

/* Cut the cable into a listener, or mend it: see tcp_keepalive. The kernel
 * dials once more after 1 s, and then the listener hears it. */
static void set_cable(int listen_fd, int least_ttl)
{
	if (setsockopt(listen_fd, IPPROTO_IP, IP_MINTTL, &least_ttl,
		       sizeof least_ttl) == -1)
		die("setsockopt IP_MINTTL");
}

/* Return what SO_ERROR says: 0 or an errno. */
static int so_error(int fd)
{
	int error = -1;
	socklen_t length = sizeof error;

	CALL("client", getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length));
	if (error != 0)
		note("error = %s", errno_name(error));
	return error;
}

/* Wait until the connect of FD has ended, and return how. This is right after
 * EINPROGRESS and after EINTR, and on every system. */
static int outcome(int fd)
{
	struct pollfd end = {.fd = fd, .events = POLLOUT};
	int n;

	while ((n = CALL("client", poll(&end, 1, 4000))) == -1)
		expect("a signal: poll again", errno == EINTR);
	return n == 1 && end.revents & POLLOUT ? so_error(fd) : -1;
}

/* Let a child send us a signal, once we sleep in the connect of FD, that is in
 * state SYN_SENT. Then it mends the cable. */
static void signal_later(int fd, int listen_fd)
{
	struct tcp_info info = {.tcpi_state = TCP_CLOSE};
	socklen_t length = sizeof info;
	pid_t parent = getpid(), child = fork();

	if (child == -1)
		die("fork");
	if (child > 0)
		return;
	for (int ms = 0; ms < 3000 && info.tcpi_state != TCP_SYN_SENT; ms++) {
		poll(NULL, 0, 1);
		if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length))
			ms = 3000; /* there is no such connection */
	}
	kill(parent, SIGUSR1);
	set_cable(listen_fd, MENDED);
	_exit(0);
}

static void interrupt(int signal_number)
{
	(void)signal_number; /* that it runs is enough */
}

int main(int argc, char *argv[])
{
	const int dont_wait = SOCK_STREAM | SOCK_NONBLOCK;
	const struct sigaction plain = {.sa_handler = interrupt};
	struct sockaddr_in address;
	const struct sockaddr *to = (struct sockaddr *)&address;
	int listen_fd, fd, n;

	begin_story(argc, argv,
		    "usage: tcp_connect\n"
		    "Let connects go on by themselves; see how each ends.\n"
		    "example: tcp_connect\n");

	scene("A non-blocking connect: the kernel dials, we do not wait.");
	bound_socket(&address); /* where nobody listens */
	fd = CALL("client", socket(AF_INET, dont_wait, 0));
	n = CALL("client", connect(fd, to, sizeof address));
	expect("in progress: it is dialling", n == -1 && errno == EINPROGRESS);
	expect("ready was not connected: refused", outcome(fd) == ECONNREFUSED);
	expect("0: SO_ERROR tells it only once", so_error(fd) == 0);

	scene("As long as it is not ready, only poll can tell.");
	listen_fd = bound_socket(&address);
	CALL("server", listen(listen_fd, 5));
	set_cable(listen_fd, CUT);
	fd = CALL("client", socket(AF_INET, dont_wait, 0));
	n = CALL("client", connect(fd, to, sizeof address));
	expect("in progress: the cable is cut",
	       n == -1 && errno == EINPROGRESS);
	expect("0: SO_ERROR means nothing yet", so_error(fd) == 0);
	n = CALL("client", connect(fd, to, sizeof address));
	expect("already: no use to call again", n == -1 && errno == EALREADY);
	set_cable(listen_fd, MENDED);
	n = outcome(fd) ? -1 : CALL("server", accept(listen_fd, NULL, NULL));
	expect("the cable was mended; now 0 means connected", n != -1);

	scene("A signal interrupts a blocking connect. It goes on.");
	CALL("client", sigaction(SIGUSR1, &plain, NULL));
	set_cable(listen_fd, CUT);
	fd = CALL("client", socket(AF_INET, SOCK_STREAM, 0));
	signal_later(fd, listen_fd);
	n = CALL("client", connect(fd, to, sizeof address));
	expect("interrupted", n == -1 && errno == EINTR);
	n = outcome(fd) ? -1 : CALL("server", accept(listen_fd, NULL, NULL));
	expect("the same loop tells: connected", n != -1);
}
