/* tcp_nonblock - how not to wait at all?
 *
 *   accept, recv   -1 EAGAIN    nothing there, now    poll: POLLIN
 *   send           -1 EAGAIN    no room, now          poll: POLLOUT
 *   recv            0           nothing will come, ever
 *
 * Watch:  -1 against 0, and what asking again and again costs
 * Next:   tcp_connect, a connect that did not wait
 */
#include "../common.h"
#include <time.h>

static int client_fd, fd, n; /* fd: the server's end, n: what a call returned */
static char buf[8 * 1024 * 1024]; /* more than the kernel takes at once */

/* Let no call on a socket wait. This is one flag of several: keep the others. */
static void dont_wait(const char *who, int socket_fd)
{
	int flags = fcntl(socket_fd, F_GETFL);

	if (flags == -1)
		die("fcntl F_GETFL");
	n = CALL(who, fcntl(socket_fd, F_SETFL, flags | O_NONBLOCK));
	expect("from now on it does not wait",
	       n == 0 && fcntl(socket_fd, F_GETFL) & O_NONBLOCK);
}

static void accept_and_recv(void)
{
	struct sockaddr_in address;
	int listen_fd = bound_socket(&address);
	struct pollfd ready = {.fd = listen_fd, .events = POLLIN};

	scene("accept and recv say \"not now\": -1 and EAGAIN.");
	if (listen(listen_fd, 5) == -1)
		die("listen");
	dont_wait("server", listen_fd);
	n = CALL("server", accept(listen_fd, NULL, NULL));
	expect("not now: nobody has called", n == -1 && errno == EAGAIN);
	client_fd = dial(&address);
	n = CALL("server", poll(&ready, 1, 5000));
	fd = CALL("server", accept(listen_fd, NULL, NULL));
	expect("now, as poll has said; accept does not hand the flag down",
	       fd != -1 && ready.revents == POLLIN &&
		       (fcntl(fd, F_GETFL) & O_NONBLOCK) == 0);
	dont_wait("server", fd);
	n = CALL("server", recv(fd, buf, sizeof buf, 0));
	expect("not now: nothing has come", n == -1 && errno == EAGAIN);
	CALL("client", send(client_fd, "hello", 5, MSG_NOSIGNAL));
	CALL("client", close(client_fd));
	ready.fd = fd;
	n = CALL("server", poll(&ready, 1, 5000));
	n = CALL("server", recv(fd, buf, sizeof buf, 0));
	expect("now", n == 5 && ready.revents == POLLIN);
	wait_for(fd, POLLIN); /* the FIN may be a moment behind */
	n = CALL("server", recv(fd, buf, sizeof buf, 0));
	expect("0 is another matter: nothing will come, ever", n == 0);
}

/* Return the microseconds on a clock: CLOCK_MONOTONIC is time that passes,
 * CLOCK_PROCESS_CPUTIME_ID the time that the CPU worked for us. */
static long long now_us(clockid_t which)
{
	struct timespec now;

	clock_gettime(which, &now); /* with these two it cannot fail */
	return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

int main(int argc, char *argv[])
{
	long long start, cpu, busy, asked = 0;
	int taken = 0, heard = 0, ms = 100;

	begin_story(argc, argv,
		    "usage: tcp_nonblock\n"
		    "Make calls that do not wait, and let poll wait for them.\n"
		    "example: tcp_nonblock\n");
	accept_and_recv();

	scene("send says \"not now\", too.");
	connected_pair(&client_fd, &fd);
	dont_wait("client", client_fd);
	do {
		n = CALL("client",
			 send(client_fd, buf, sizeof buf, MSG_NOSIGNAL));
		taken += n > 0 ? n : 0;
	} while (n > 0);
	expect("not now: no room is left", n == -1 && errno == EAGAIN);
	for (; heard < taken; heard += n)
		if ((n = (int)recv(fd, buf, sizeof buf, 0)) <= 0)
			die("recv");
	note("%d bytes had been taken, the server reads %d", taken, heard);
	wait_for(client_fd, POLLOUT);
	n = CALL("client", send(client_fd, "more", 4, MSG_NOSIGNAL));
	expect("nothing was lost, and there is room again",
	       n == 4 && heard == taken);

	scene("The price of 100 ms: asking again and again, or poll.");
	connected_pair(&client_fd, &fd);
	dont_wait("server", fd);
	start = now_us(CLOCK_MONOTONIC);
	cpu = now_us(CLOCK_PROCESS_CPUTIME_ID);
	do /* on a busy machine longer, until that has cost something */
		n = (int)recv(fd, buf, sizeof buf, 0);
	while (n == -1 && errno == EAGAIN &&
	       (++asked < 2000 ||
		now_us(CLOCK_MONOTONIC) < start + 1000LL * ms));
	busy = now_us(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	note("recv, called %lld times: %lld us of the CPU", asked, busy);
	start = now_us(CLOCK_MONOTONIC);
	cpu = now_us(CLOCK_PROCESS_CPUTIME_ID);
	n = poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, ms);
	cpu = now_us(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	start = now_us(CLOCK_MONOTONIC) - start;
	note("poll, called once: %lld us of the CPU", cpu);
	expect("poll sleeps as long, and hardly uses the CPU",
	       n == 0 && asked >= 2000 && start >= 100000 && start < 500000 &&
		       busy > 2 * cpu);
}
