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
	long long start, spun, cpu, busy, asked = 0;
	struct sockaddr_in address;
	int client_fd, listen_fd, fd, n, flags, ms = 100;
	char buf[100];

	begin_story(argc, argv,
		    "usage: tcp_nonblock\n"
		    "Make calls that do not wait, and let poll wait for them.\n"
		    "example: tcp_nonblock\n");

	scene("accept and recv say \"not now\": -1 and EAGAIN.");
	listen_fd = bound_socket(&address);
	CALL("server", listen(listen_fd, 5));
	/* O_NONBLOCK is one flag of several: keep the others. */
	flags = CALL("server", fcntl(listen_fd, F_GETFL));
	CALL("server", fcntl(listen_fd, F_SETFL, flags | O_NONBLOCK));
	flags = CALL("server", fcntl(listen_fd, F_GETFL));
	expect("from now on it does not wait", flags > 0 && flags & O_NONBLOCK);
	n = CALL("server", accept(listen_fd, NULL, NULL));
	expect("not now: nobody has called", n == -1 && errno == EAGAIN);
	client_fd = dial(&address);
	struct pollfd ready = {.fd = listen_fd, .events = POLLIN};
	n = CALL("server", poll(&ready, 1, 5000));
	fd = CALL("server", accept(listen_fd, NULL, NULL));
	expect("now, as poll has said", n == 1 && fd != -1);
	flags = CALL("server", fcntl(fd, F_GETFL));
	expect("accept does not hand the flag down", !(flags & O_NONBLOCK));
	CALL("server", fcntl(fd, F_SETFL, flags | O_NONBLOCK));
	flags = CALL("server", fcntl(fd, F_GETFL));
	expect("so it gets one of its own", flags > 0 && flags & O_NONBLOCK);
	n = CALL("server", recv(fd, buf, sizeof buf, 0));
	expect("not now: nothing has come", n == -1 && errno == EAGAIN);

	scene("The price of 100 ms: asking again and again, or poll.");
	ready.fd = fd;
	start = now_us(CLOCK_MONOTONIC);
	cpu = now_us(CLOCK_PROCESS_CPUTIME_ID);
	do /* on a busy machine longer, until that has cost something */
		n = (int)recv(fd, buf, sizeof buf, 0);
	while (n == -1 && errno == EAGAIN &&
	       (++asked < 2000 ||
		now_us(CLOCK_MONOTONIC) < start + 1000LL * ms));
	if (n != -1 || errno != EAGAIN)
		die("recv");
	busy = now_us(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	spun = now_us(CLOCK_MONOTONIC) - start;
	note("recv, called %lld times: %lld us of the CPU", asked, busy);
	start = now_us(CLOCK_MONOTONIC);
	cpu = now_us(CLOCK_PROCESS_CPUTIME_ID);
	n = CALL("server", poll(&ready, 1, ms));
	cpu = now_us(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	start = now_us(CLOCK_MONOTONIC) - start;
	note("poll, called once: %lld us of the CPU", cpu);
	expect("poll sleeps as long, and hardly uses the CPU",
	       n == 0 && asked >= 2000 && spun >= 100000 && start >= 100000 &&
		       start < 500000 && busy > 2 * cpu);

	scene("0 is another matter: nothing will come, ever.");
	CALL("client", send(client_fd, "hello", 5, MSG_NOSIGNAL));
	CALL("client", close(client_fd));
	n = CALL("server", poll(&ready, 1, 5000));
	expect("poll says \"now\"", n == 1);
	n = CALL("server", recv(fd, buf, sizeof buf, 0));
	expect("the bytes come first", n == 5);
	CALL("server", poll(&ready, 1, 5000)); /* the FIN may be behind */
	n = CALL("server", recv(fd, buf, sizeof buf, 0));
	expect("0: the client has hung up", n == 0);
}
