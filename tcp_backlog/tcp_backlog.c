/* tcp_backlog - what does the backlog of listen count?
 *
 *   client 1  --- SYN -->  [waits]  <-- accept takes from here
 *   client 2  --- SYN -->  [waits]
 *   client 3  --- SYN -->  dropped, and sent again, and again
 *
 * Watch:  nobody is refused; one too many hangs, in connect or in recv
 * Next:   tcp_close, how a connection ends
 */
#include "../common.h"
#include <netinet/tcp.h>

static struct sockaddr_in address; /* of the server */
static const struct sockaddr *to = (struct sockaddr *)&address;
static bool draw(int listen_fd, int first, int count);

/* Of a listener, unacked is how many wait in its queue; sacked is the limit. */
static struct tcp_info info_of(int fd)
{
	struct tcp_info info = {0};
	socklen_t length = sizeof info;

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) == -1)
		die("getsockopt TCP_INFO");
	return info;
}

/* IP_MINTTL, the least TTL: above 64 it drops all that comes on one machine. */
static void hear(int fd, int ttl)
{
	if (fd == -1 || setsockopt(fd, IPPROTO_IP, IP_MINTTL, &ttl, sizeof ttl))
		die("socket or setsockopt");
}

static void on_loopback(void)
{
	int listen_fd = bound_socket(&address), n, fd, in = 0, ms = 5000;

	scene("On loopback, and nobody accepts: who gets through?");
	n = CALL("server", listen(listen_fd, 2));
	expect("the queue is empty", n == 0 && draw(listen_fd, 1, 0));
	for (int client = 1; client <= 3; client++) {
		dial(&address); /* returns: it is connected */
		in += draw(listen_fd, 1, client);
	}
	expect("backlog + 1 are connected, and wait", in == 3);
	fd = CALL("late", socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
	n = CALL("late", connect(fd, to, sizeof address));
	expect("one more: it is not refused", n == -1 && errno == EINPROGRESS);
	for (; info_of(fd).tcpi_total_retrans == 0 && ms > 0; ms -= 10)
		poll(NULL, 0, 10);
	expect("the kernel drops its SYN, which is sent again: connect hangs",
	       ms > 0 && info_of(fd).tcpi_state == TCP_SYN_SENT);

	scene("The cure: accept. Whoever is accepted counts no more.");
	n = CALL("server", accept(listen_fd, NULL, NULL));
	expect("the late client's next SYN finds room: it is connected",
	       n > fd && draw(listen_fd, 2, 3) &&
		       info_of(fd).tcpi_state == TCP_ESTABLISHED);
}

static void with_a_round_trip_time(void)
{
	struct pollfd ends[2] = {{.events = POLLIN}, {.events = POLLIN}};
	int listen_fd = bound_socket(&address), late_fd, n, sent = 0;

	scene("With a round-trip time: two call before one is answered.");
	if (listen(listen_fd, 2) == -1)
		die("listen");
	dial(&address);
	dial(&address);
	expect("there is room for one", draw(listen_fd, 1, 2));
	for (int i = 0; i < 2; i++) {
		ends[i].fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		hear(ends[i].fd, 255); /* nothing, so far */
		if (connect(ends[i].fd, to, sizeof address) == 0 ||
		    errno != EINPROGRESS)
			die("connect");
		poll(NULL, 0, 100); /* its answer is lost, and comes again */
	}
	hear(ends[0].fd, 0);
	expect("one is answered: the queue is full", draw(listen_fd, 1, 3));
	hear(ends[1].fd, 0);
	wait_for(ends[1].fd, POLLOUT);
	for (int i = 0; i < 2; i++)
		sent += CALL("client", send(ends[i].fd, "hello", 5, 0));
	expect("both believe they are connected: send succeeds", sent == 10);
	n = CALL("clients", poll(ends, 2, 300));
	late_fd = ends[info_of(ends[0].fd).tcpi_unacked == 0].fd;
	expect("no answer. One hello is not even acknowledged: recv will hang",
	       n == 0 && info_of(late_fd).tcpi_unacked == 1);
	for (int client = 1; client <= 4; client++)
		n = CALL("server", accept(listen_fd, NULL, NULL));
	for (int ms = 5000; info_of(late_fd).tcpi_unacked && ms > 0; ms--)
		poll(NULL, 0, 1);
	expect("there was room: its hello came again, and is acknowledged",
	       n > late_fd && info_of(late_fd).tcpi_unacked == 0);
}

int main(int argc, char *argv[])
{
	begin_story(argc, argv,
		    "usage: tcp_backlog\n"
		    "Fill the queue of a server that does not accept.\n"
		    "example: tcp_backlog\n");
	on_loopback();
	with_a_round_trip_time();
}

/* Draw the queue once COUNT clients wait in it; return whether they ever do. */
static bool draw(int listen_fd, int first, int count)
{
	int queued = -1, limit = (int)info_of(listen_fd).tcpi_sacked;

	for (int ms = 5000; queued != count && ms > 0; ms--) {
		poll(NULL, 0, 1);
		queued = (int)info_of(listen_fd).tcpi_unacked;
	}
	printf("   queue  ");
	for (int i = 0; i <= limit; i++)
		printf(i < queued ? " [client %d]" : " [        ]", first + i);
	putchar('\n');
	return queued == count;
}
