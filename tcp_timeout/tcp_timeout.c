/* tcp_timeout - how long may a call wait?
 *
 *   recv    |----- 200 ms -----| -1 EAGAIN         SO_RCVTIMEO
 *   connect |----- 200 ms -----| -1 EINPROGRESS    SO_SNDTIMEO
 *   recv    |-----------------------------> ...    {0}: no limit
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

	if (clock_gettime(CLOCK_MONOTONIC, &now) == -1)
		die("clock_gettime");
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* Return the time-out that the kernel has for FD, in microseconds; OPTION is
 * SO_RCVTIMEO or SO_SNDTIMEO. This is Python's gettimeout. */
static int time_out(int fd, int option)
{
	struct timeval tv;
	socklen_t length = sizeof tv;

	if (getsockopt(fd, SOL_SOCKET, option, &tv, &length) == -1)
		die("getsockopt");
	return (int)tv.tv_sec * 1000000 + (int)tv.tv_usec;
}

/* Let a client, a process of its own, say something in 0.7 s. */
static void speak_later(int client_fd)
{
	pid_t child = fork();

	if (child == -1)
		die("fork");
	if (child == 0) {
		if (poll(NULL, 0, 700) == -1)
			complain("poll", "in the client");
		_exit(send(client_fd, "at last", 7, MSG_NOSIGNAL) == -1);
	}
}

int main(int argc, char *argv[])
{
	const int cut = 255; /* as IP_MINTTL: see tcp_keepalive */
	struct timeval tv = {.tv_usec = 200000}; /* 0 s and 200,000 us */
	struct sockaddr_in to;
	int client_fd, listen_fd, fd, n, ms; /* fd: the end that waits */
	long long start;
	char buf[100];

	begin_story(argc, argv,
		    "usage: tcp_timeout\n"
		    "Limit how long recv and connect wait; see what 0 means.\n"
		    "example: tcp_timeout\n");

	scene("The client is silent. recv waits 0.2 s and gives up.");
	connected_pair(&client_fd, &fd);
	CALL("server", setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv));
	expect("the kernel has it: 0.2 s", time_out(fd, SO_RCVTIMEO) == 200000);
	/* Being stopped interrupts a call that has a time-out: signal(7). */
	for (start = now_ms();; start = now_ms()) {
		n = CALL("server", recv(fd, buf, sizeof buf, 0));
		if (n != -1 || errno != EINTR)
			break;
		expect("Ctrl-Z, or a signal, interrupted it: call again", true);
	}
	expect("it gave up: \"try again\"", n == -1 && errno == EAGAIN);
	ms = (int)(now_ms() - start);
	note("it waited %d ms", ms); /* a tick of the clock may be missing */
	expect("that was the time-out", ms >= 180 && ms < 1000);
	CALL("client", send(client_fd, "late", 4, MSG_NOSIGNAL));
	n = CALL("server", recv(fd, buf, sizeof buf, 0));
	expect("only that one call failed: the connection is good", n == 4);

	scene("Zero is not the shortest time-out. It is none.");
	tv = (struct timeval){.tv_usec = 1};
	CALL("server", setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv));
	n = time_out(fd, SO_RCVTIMEO);
	note("we asked for 1 us, the kernel has %d us", n);
	expect("the shortest is one tick of its clock", n > 1 && n <= 20000);
	tv = (struct timeval){0};
	CALL("server", setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv));
	expect("0 stays 0: no time-out", time_out(fd, SO_RCVTIMEO) == 0);
	/* From here nothing but the client can end the waiting. */
	start = now_ms();
	speak_later(client_fd);
	n = CALL("server", recv(fd, buf, sizeof buf, 0));
	ms = (int)(now_ms() - start);
	note("it waited %d ms, until the client spoke", ms);
	expect("recv waits, if need be for ever",
	       n == 7 && ms >= 700 && ms < 2000);

	scene("Nobody answers the phone. connect gives up, too.");
	listen_fd = bound_socket(&to);
	CALL("server", listen(listen_fd, 5));
	if (setsockopt(listen_fd, IPPROTO_IP, IP_MINTTL, &cut, sizeof cut))
		die("setsockopt IP_MINTTL");
	note("the cable into the listener is cut: it hears no call");
	fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd == -1)
		die("socket");
	tv = (struct timeval){.tv_usec = 200000};
	CALL("client", setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv));
	expect("set it before connect", time_out(fd, SO_SNDTIMEO) == 200000);
	start = now_ms();
	n = CALL("client", connect(fd, (struct sockaddr *)&to, sizeof to));
	ms = (int)(now_ms() - start);
	note("it waited %d ms", ms);
	expect("it gave up: \"in progress\", the kernel dials on until close",
	       n == -1 && errno == EINPROGRESS && ms >= 180 && ms < 1000);
}
