/* chat_server - a solution: one loop with poll, and a queue for each client. */
#include <err.h>	/* err */
#include <errno.h>	/* errno, EINTR, EAGAIN */
#include <netinet/in.h> /* sockaddr_in, htons */
#include <poll.h>	/* poll */
#include <stdio.h>	/* printf */
#include <stdlib.h>	/* strtol */
#include <string.h>	/* memchr, memmove */
#include <sys/socket.h> /* socket, bind, accept */
#include <unistd.h>	/* close */

enum { CLIENTS = 64, LINE = 1001, QUEUE = 256 * 1024 + LINE };

static struct client {
	char line[LINE], queue[QUEUE];
	size_t heard, waiting; /* bytes in them */
} clients[1 + CLIENTS];
static struct pollfd fds[1 + CLIENTS]; /* of each; [0] listens; -1: nobody */

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
	    listen(fd, 50) == -1 ||
	    getsockname(fd, (struct sockaddr *)&address, &length) == -1)
		err(1, "no listening socket");
	printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
	fflush(stdout);
	return fd;
}

static void hang_up(int i)
{
	close(fds[i].fd);
	fds[i].fd = -1;
	clients[i].heard = clients[i].waiting = 0;
}

static void pick_up(void)
{
	int fd = accept(fds[0].fd, NULL, NULL), i = 1;

	if (fd == -1)
		return; /* EINTR, or the client has left */
	while (i <= CLIENTS && fds[i].fd != -1)
		i++;
	if (i > CLIENTS)
		close(fd);
	else
		fds[i].fd = fd;
}

/* Send what waits for a client: as much of it as goes now. */
static void deliver(int i)
{
	struct client *to = &clients[i];
	ssize_t n = send(fds[i].fd, to->queue, to->waiting,
			 MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n == -1 && errno != EAGAIN && errno != EINTR)
		hang_up(i);
	if (n <= 0)
		return;
	to->waiting -= (size_t)n;
	memmove(to->queue, to->queue + n, to->waiting);
}

static void tell_others(int from, const char *line, size_t n)
{
	for (int i = 1; i <= CLIENTS; i++) {
		struct client *to = &clients[i];
		if (i == from || fds[i].fd == -1)
			continue;
		if (to->waiting + n > sizeof to->queue) {
			hang_up(i);
			continue;
		}
		memcpy(to->queue + to->waiting, line, n);
		to->waiting += n;
	}
}

/* Hear what a client says, and tell each whole line to the others. */
static void hear(int i)
{
	struct client *from = &clients[i];
	ssize_t n = recv(fds[i].fd, from->line + from->heard,
			 sizeof from->line - from->heard, MSG_DONTWAIT);
	char *end;

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		hang_up(i);
		return;
	}
	from->heard += (size_t)n;
	while ((end = memchr(from->line, '\n', from->heard))) {
		size_t length = (size_t)(end - from->line) + 1;
		tell_others(i, from->line, length);
		from->heard -= length;
		memmove(from->line, end + 1, from->heard);
	}
	if (from->heard == sizeof from->line)
		hang_up(i); /* the line is too long */
}

int main(int argc, char *argv[])
{
	fds[0].fd = start_listening(argc > 1 ? argv[1] : "8080");
	fds[0].events = POLLIN;
	for (int i = 1; i <= CLIENTS; i++)
		fds[i].fd = -1;
	for (;;) {
		for (int i = 1; i <= CLIENTS; i++)
			fds[i].events =
				clients[i].waiting ? POLLIN | POLLOUT : POLLIN;
		if (poll(fds, 1 + CLIENTS, -1) == -1) {
			if (errno != EINTR)
				err(1, "poll");
			continue;
		}
		for (int i = 1; i <= CLIENTS; i++) {
			if (fds[i].fd != -1 && fds[i].revents & POLLOUT)
				deliver(i);
			if (fds[i].fd != -1 && fds[i].revents & ~POLLOUT)
				hear(i);
		}
		if (fds[0].revents & POLLIN)
			pick_up();
	}
}
