/* short_send - a slow client gets only part of what this server sends.
 *
 * It sends 16 MiB to each client. A timer ticks 50 times a second, to see how
 * long that takes.
 *
 * Symptom: cc short_send.c -o short_send && ./short_send 8080
 *          A slow reader, nc 127.0.0.1 8080 </dev/null | (sleep 1; wc -c),
 *          counts less than 16777216 bytes. A quick one may get them all.
 * Wanted:  every client gets all of it, once, in order, however slow it reads.
 * Check:   make exercise-short_send
 */
#include <err.h>	/* err, warn */
#include <errno.h>	/* errno, EINTR */
#include <netinet/in.h> /* sockaddr_in, htons */
#include <signal.h>	/* sigaction */
#include <stdio.h>	/* printf */
#include <stdlib.h>	/* strtol */
#include <sys/socket.h> /* socket, bind, accept */
#include <sys/time.h>	/* setitimer */
#include <unistd.h>	/* close */

static char data[16 * 1024 * 1024 + 1];
static volatile sig_atomic_t ticks;

static void tick(int number)
{
	(void)number;
	ticks++;
}

/* A socket that listens on 127.0.0.1:PORT; port 0: the kernel chooses one. */
static int start_listening(const char *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t length = sizeof address;
	int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

	address.sin_port = htons((in_port_t)strtol(port, NULL, 10));
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == -1 ||
	    bind(fd, (struct sockaddr *)&address, length) == -1 ||
	    listen(fd, 5) == -1 ||
	    getsockname(fd, (struct sockaddr *)&address, &length) == -1)
		err(1, "no listening socket");
	printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
	fflush(stdout);
	return fd;
}

static void serve(int conn_fd)
{
	ticks = 0;
	if (send(conn_fd, data, sizeof data - 1, MSG_NOSIGNAL) == -1) {
		warn("send");
		return;
	}
	printf("sent, in %d ticks\n", (int)ticks);
	fflush(stdout);
}

int main(int argc, char *argv[])
{
	const struct itimerval often = {{.tv_usec = 20000}, {.tv_usec = 20000}};
	const struct sigaction action = {.sa_handler = tick};
	int listen_fd = start_listening(argc > 1 ? argv[1] : "8080");

	for (size_t i = 0; i + 1 < sizeof data; i += 64)
		snprintf(data + i, 65, "%63zu\n", i / 64);
	if (sigaction(SIGALRM, &action, NULL) == -1 ||
	    setitimer(ITIMER_REAL, &often, NULL) == -1)
		err(1, "no timer");

	for (;;) {
		int conn_fd = accept(listen_fd, NULL, NULL);
		if (conn_fd == -1 && errno == EINTR)
			continue;
		if (conn_fd == -1)
			err(1, "accept");
		serve(conn_fd);
		close(conn_fd);
	}
}
