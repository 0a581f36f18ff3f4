/* tcp_keepalive - is the peer still there?
 *
 *   server ---- probe ----> client     "still here"; it may be silent for years
 *   server ---- probe ---X             the cable is cut: no FIN, no RST, nothing
 *
 * Watch:  a peer that is gone looks like one that is silent, until the kernel
 *         asks; and when the kernel does not ask
 * Next:   tcp_nonblock, not to wait at all
 */
#include "../common.h"
#include <netinet/tcp.h>
#include <time.h>

/* Return the milliseconds on a clock that nobody sets. */
static long long now_ms(void)
{
	struct timespec now;

	if (clock_gettime(CLOCK_MONOTONIC, &now) == -1)
		die("clock_gettime");
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* Return the server's end of a new connection. If it is to be CUT, its client
 * hears only packets that may still cross 255 routers: none, ours start with
 * 64. Nothing more is needed to cut a cable, as that client says nothing. */
static int connection(bool is_cut)
{
	const int cut = 255;
	int client_fd, conn_fd; /* client_fd stays open: no FIN */

	connected_pair(&client_fd, &conn_fd);
	if (is_cut && setsockopt(client_fd, IPPROTO_IP, IP_MINTTL, &cut,
				 sizeof cut) == -1)
		die("setsockopt IP_MINTTL");
	return conn_fd;
}

/* Let the kernel ask: after 1 s of silence, then every second, and give up
 * after 1 probe that was not answered. */
static void keep_alive(int fd)
{
	const int one = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one) ||
	    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &one, sizeof one) ||
	    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &one, sizeof one) ||
	    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &one, sizeof one))
		die("setsockopt");
}

/* Return what the kernel knows about this connection. */
static struct tcp_info info_of(int fd)
{
	struct tcp_info info;
	socklen_t length = sizeof info;

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) == -1)
		die("getsockopt TCP_INFO");
	return info;
}

int main(int argc, char *argv[])
{
	enum { SILENT, GONE, TALKING };
	struct pollfd end[3], last = {.events = POLLIN};
	const int max = 1000; /* ms */
	long long start = now_ms();
	struct tcp_info info;
	char buf[100];
	int n, ms;

	begin_story(argc, argv,
		    "usage: tcp_keepalive\n"
		    "Cut a cable, and see who notices, and when.\n"
		    "example: tcp_keepalive\n");

	scene("Three clients: one is silent, two have their cables cut.");
	for (int i = 0; i < 3; i++) {
		end[i] = (struct pollfd){.fd = connection(i != SILENT),
					 .events = POLLIN};
		keep_alive(end[i].fd);
	}
	n = CALL("server", send(end[TALKING].fd, "hello?", 6, MSG_NOSIGNAL));
	expect("send is content: the bytes are in our own kernel", n == 6);
	n = CALL("server", poll(end, 3, 100));
	expect("0: nothing has happened; all three look alike", n == 0);

	scene("Keepalive: 1 s of silence, 1 probe, 1 s for its answer.");
	note("all three have SO_KEEPALIVE; KEEPIDLE, KEEPINTVL, KEEPCNT are 1");
	n = CALL("server", poll(end, 3, 3500));
	ms = (int)(now_ms() - start);
	note("%d ms after they had connected", ms);
	expect("one connection has ended, the one with nobody at the other end",
	       n == 1 && end[GONE].revents && ms >= 1900 && ms < 2900);
	n = CALL("server", recv(end[GONE].fd, buf, sizeof buf, 0));
	expect("recv says why: timed out", n == -1 && errno == ETIMEDOUT);
	info = info_of(end[SILENT].fd);
	expect("the silent one has answered, that is, its kernel has",
	       info.tcpi_last_ack_recv < 1500);
	n = CALL("server", poll(&end[TALKING], 1, 500));
	info = info_of(end[TALKING].fd);
	expect("bytes wait for their acknowledgement: keepalive does not ask",
	       n == 0 && info.tcpi_state == TCP_ESTABLISHED &&
		       info.tcpi_unacked == 1);

	scene("TCP_USER_TIMEOUT: how long may our bytes go unanswered?");
	last.fd = connection(true);
	CALL("server", setsockopt(last.fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &max,
				  sizeof max));
	start = now_ms();
	CALL("server", send(last.fd, "hello?", 6, MSG_NOSIGNAL));
	n = CALL("server", poll(&last, 1, 3000));
	ms = (int)(now_ms() - start);
	note("%d ms after send", ms);
	expect("1 s, and up to the next try to send (without it 15 minutes)",
	       n == 1 && ms >= 1000 && ms < 2300);
	n = CALL("server", recv(last.fd, buf, sizeof buf, 0));
	expect("timed out as well", n == -1 && errno == ETIMEDOUT);
}
