/* tcp_keepalive - is the peer still there?
 *
 *   server ---- probe ----> client     "still here"; it may be silent for years
 *   server ---- probe ---X             the cable is cut: no FIN, no RST
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

	clock_gettime(CLOCK_MONOTONIC, &now); /* with this one it cannot fail */
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* Return the server's end of a new connection with a cut cable: its client
 * hears only packets that may still cross 254 routers, and ours start with 64.
 * Let the kernel ask: after 1 s of silence, then every second, giving up after
 * 1 probe that nobody answered. */
static struct pollfd cut_connection(void)
{
	const int cut = 255, one = 1;
	int client_fd, fd; /* client_fd stays open: no FIN */

	connected_pair(&client_fd, &fd);
	if (setsockopt(client_fd, IPPROTO_IP, IP_MINTTL, &cut, sizeof cut) ||
	    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one) ||
	    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &one, sizeof one) ||
	    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &one, sizeof one) ||
	    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &one, sizeof one))
		die("setsockopt");
	return (struct pollfd){.fd = fd, .events = POLLIN};
}

int main(int argc, char *argv[])
{
	const int max = 1000; /* ms */
	struct tcp_info info;
	socklen_t length = sizeof info;
	char buf[100];
	int n, ms;

	begin_story(argc, argv,
		    "usage: tcp_keepalive\n"
		    "Cut a cable, and see who notices, and when.\n"
		    "example: tcp_keepalive\n");

	scene("Two cut cables. Keepalive asks after 1 s, gives up 1 s later.");
	long long start = now_ms();
	struct pollfd gone = cut_connection(), busy = cut_connection();
	n = CALL("server", send(busy.fd, "hello?", 6, MSG_NOSIGNAL));
	expect("send is content: the bytes are in our own kernel", n == 6);
	n = CALL("server", poll(&gone, 1, 3500));
	ms = (int)(now_ms() - start);
	note("%d ms after it had connected", ms);
	expect("the silent connection has ended",
	       n == 1 && ms >= 1900 && ms < 2900);
	n = CALL("server", recv(gone.fd, buf, sizeof buf, 0));
	expect("recv says why: timed out", n == -1 && errno == ETIMEDOUT);
	n = CALL("server", poll(&busy, 1, 500));
	if (getsockopt(busy.fd, IPPROTO_TCP, TCP_INFO, &info, &length) == -1)
		die("getsockopt TCP_INFO");
	expect("bytes wait for their acknowledgement: keepalive does not ask",
	       n == 0 && info.tcpi_state == TCP_ESTABLISHED &&
		       info.tcpi_unacked == 1);

	scene("TCP_USER_TIMEOUT: how long may our bytes go unanswered?");
	busy = cut_connection();
	CALL("server", setsockopt(busy.fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &max,
				  sizeof max));
	start = now_ms();
	int sent = CALL("server", send(busy.fd, "hello?", 6, MSG_NOSIGNAL));
	n = CALL("server", poll(&busy, 1, 3000));
	ms = (int)(now_ms() - start);
	note("%d ms after send", ms);
	expect("1 s, and up to the next try to send (without it 15 minutes)",
	       sent == 6 && n == 1 && ms >= 1000 && ms < 2300);
	n = CALL("server", recv(busy.fd, buf, sizeof buf, 0));
	expect("timed out as well", n == -1 && errno == ETIMEDOUT);
}
