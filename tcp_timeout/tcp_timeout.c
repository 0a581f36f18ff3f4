/* tcp_timeout - how long may a call wait?
 *
 *   recv    |----- 200 ms -----| -1 EAGAIN         SO_RCVTIMEO
 *   recv    |-----------------------------> ...    {0}: no limit
 *   connect |----- 200 ms -----| -1 EINPROGRESS    SO_SNDTIMEO
 *
 * Watch:  the milliseconds, and what zero means
 * Next:   tcp_deadline, what signals do to a time-out
 */
#include "../common.h"
#include <sys/time.h>
#include <time.h>

/* Return the milliseconds on a clock that nobody sets. */
static long long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now); /* with this one it cannot fail */
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static const int cut = 255; /* as IP_MINTTL: see tcp_keepalive */

int main(int argc, char *argv[])
{
	struct timeval tv = {.tv_usec = 200000}, got = {0}; /* 200,000 us */
	socklen_t length = sizeof got;
	struct sockaddr_in to;
	int client_fd, fd, listen_fd, n, ms; /* fd: the end that waits */
	long long start;
	char buf[100];

	begin_story(argc, argv,
		    "usage: tcp_timeout\n"
		    "Limit how long recv and connect wait; see what 0 means.\n"
		    "example: tcp_timeout\n");
	connected_pair(&client_fd, &fd);

	scene("The client is silent. recv waits 0.2 s and gives up.");
	CALL("server", setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv));
	CALL("server", getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &got, &length));
	expect("the kernel has it: 0.2 s", got.tv_usec == 200000);
	start = now_ms();
	n = CALL("server", recv(fd, buf, sizeof buf, 0));
	while (n == -1 && errno == EINTR) { /* see signal(7) */
		expect("it was stopped (Ctrl-Z), and so is called again", true);
		start = now_ms();
		n = CALL("server", recv(fd, buf, sizeof buf, 0));
	}
	expect("it gave up: \"try again\"", n == -1 && errno == EAGAIN);
	ms = (int)(now_ms() - start);
	note("it waited %d ms", ms); /* a tick of the clock may be missing */
	expect("that was the time-out", ms >= 180 && ms < 1900);

	scene("Zero is not the shortest time-out. It is none.");
	tv = (struct timeval){0};
	CALL("server", setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv));
	CALL("server", getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &got, &length));
	expect("0 stays 0: no time-out", !got.tv_sec && !got.tv_usec);
	start = now_ms();
	pid_t child = fork(); /* the client: nothing else ends the waiting */
	if (child == -1)
		die("fork");
	if (child == 0) {
		if (poll(NULL, 0, 700) == -1 ||
		    send(client_fd, "at last", 7, MSG_NOSIGNAL) == -1)
			complain("poll or send", "in the client");
		_exit(0);
	}
	close(client_fd); /* it is the child's now */
	n = CALL("server", recv(fd, buf, sizeof buf, 0));
	ms = (int)(now_ms() - start);
	note("it waited %d ms, until the client spoke", ms);
	expect("recv waits, if need be for ever; the connection is good",
	       n == 7 && ms >= 700 && ms < 4000);

	scene("The cable is cut, nobody hears the call. connect gives up.");
	listen_fd = bound_socket(&to);
	CALL("server", listen(listen_fd, 5));
	if (setsockopt(listen_fd, IPPROTO_IP, IP_MINTTL, &cut, sizeof cut))
		die("setsockopt IP_MINTTL");
	fd = CALL("client", socket(AF_INET, SOCK_STREAM, 0));
	tv.tv_usec = 200000;
	CALL("client", setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv));
	CALL("client", getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &got, &length));
	expect("set it before connect", got.tv_usec == 200000);
	start = now_ms();
	n = CALL("client", connect(fd, (struct sockaddr *)&to, sizeof to));
	ms = (int)(now_ms() - start);
	expect("it gave up: \"in progress\", the kernel dials on until close",
	       n == -1 && errno == EINPROGRESS && ms >= 180 && ms < 1900);
	note("it waited %d ms", ms);
}
