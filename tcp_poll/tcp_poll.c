/* tcp_poll - how does one loop serve everybody?
 *
 *   poll <-------------------+   sleep until somebody is ready, then for each
 *     the listener: accept --+
 *     a client: recv, send --+   what send does not take goes into its queue;
 *     its queue: send -------+   until that is empty we do not read from it
 *
 * Watch:  nobody waits for anybody, not even for a client that never reads
 * Next:   tcp_epoll, the same for ten thousand: diff the two files
 */
#include "../common.h"
#include <sys/resource.h> /* setrlimit */
#include <time.h>	  /* time */

static const char usage[] =
	"usage: tcp_poll [-q] [HOST [PORT]]\n"
	"Answer everybody in upper case, all in one loop.\n"
	"  -q  quiet: print the ready line and errors only\n"
	"example: tcp_poll ::1 9000\n";

enum { MAX_FDS = 65536, PEER_SIZE = sizeof(struct sockaddr_in6) };
/* One of these for each descriptor number. Only what is used takes memory. */
static struct client {
	struct sockaddr_in6 peer; /* or a sockaddr_in, which is shorter */
	char *queue;		  /* what send did not take, or NULL */
	size_t queued;
} clients[MAX_FDS];
static char buf[64 * 1024]; /* of all clients: it is empty between two events */
static struct pollfd fds[MAX_FDS]; /* what poll watches */
static int fds_used, listen_fd;
static time_t resting; /* since when accept fails and we do not call it, or 0 */

/* Ask poll for these EVENTS of FD. To ask for none, set fd to -1: errors and
 * POLLHUP come unasked. If the list is longer than the limit of descriptors,
 * poll says EINVAL. */
static void watch(int fd, short events)
{
	while (fds_used <= fd)
		fds[fds_used++].fd = -1;
	fds[fd] = (struct pollfd){.fd = events ? fd : -1, .events = events};
	while (fds_used > 0 && fds[fds_used - 1].fd == -1)
		fds_used--;
}

/* Print a line, unless that would make everybody wait until somebody reads our
 * output: then only count it. Errors go to OUT_FD 2. */
static void tell(int out_fd, const char *what, int fd)
{
	struct pollfd out = {.fd = out_fd, .events = POLLOUT};
	const int error = errno;
	static unsigned skipped;

	if ((quiet && out_fd == 1) || poll(&out, 1, 0) != 1) {
		skipped++;
		return;
	}
	const char *peer = address_text(&clients[fd].peer, PEER_SIZE);
	if (skipped > 0 && !quiet)
		dprintf(out_fd, "(%u lines skipped)\n", skipped);
	skipped = 0;
	errno = error;
	if (out_fd == 2)
		complain(what, peer);
	else
		printf("%s %s\n", peer, what);
	check_output();
}

/* End one conversation. FAILED is the call that failed, or NULL. */
static void hang_up(int fd, const char *failed)
{
	tell(failed ? 2 : 1, failed ? failed : "hung up", fd);
	free(clients[fd].queue);
	watch(fd, 0);
	close(fd);
	resting = resting ? 1 : 0; /* a descriptor is free: long enough */
}

/* Take everybody who waits out of the listener's queue. */
static void pick_up(void)
{
	struct client new = {.queue = NULL};
	int fd;

	while ((fd = accept4(listen_fd, (struct sockaddr *)&new.peer,
			     &(socklen_t){PEER_SIZE}, SOCK_NONBLOCK)) != -1) {
		clients[fd] = new;
		watch(fd, POLLIN);
		tell(1, "connected", fd);
	}
	if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
		return;
	/* EMFILE, ...: the queue stays, and the loop would never sleep. */
	tell(2, "accept on", listen_fd);
	watch(listen_fd, 0);
	resting = time(NULL);
}

/* Send what the client's kernel takes now and keep the rest. While we keep
 * something we wait for room and do not read: so the queue never grows, and
 * TCP makes this client wait for us. Nobody else does. */
static void give(int fd, const char *bytes, size_t n)
{
	struct client *client = &clients[fd];
	ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);

	if (sent == (ssize_t)n && client->queued == 0)
		return; /* nearly always */
	if (sent == -1 && (errno == EAGAIN || errno == EINTR))
		sent = 0;
	if (sent != -1 && !client->queue)
		client->queue = malloc(sizeof buf);
	if (sent == -1 || !client->queue) {
		hang_up(fd, "send to"); /* it is gone, or no memory is left */
		return;
	}
	client->queued = n - (size_t)sent;
	memmove(client->queue, bytes + sent, client->queued);
	watch(fd, client->queued > 0 ? POLLOUT : POLLIN);
}

/* FD is ready: our own state tells for what, the next call of any error. */
static void serve(int fd)
{
	ssize_t n;

	if (fd == listen_fd) {
		pick_up();
	} else if (clients[fd].queue && clients[fd].queued > 0) {
		give(fd, clients[fd].queue, clients[fd].queued);
	} else if ((n = recv(fd, buf, sizeof buf, 0)) > 0) {
		upper_case(buf, (size_t)n);
		give(fd, buf, (size_t)n);
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		hang_up(fd, n == 0 ? NULL : "recv from");
	}
}

int main(int argc, char *argv[])
{
	struct addrinfo *own = address_of(begin(argc, argv, "+hq", usage));
	struct rlimit limit;
	const int on = 1;

	/* 1. A listener, and accept will not wait: SOCK_NONBLOCK. */
	listen_fd = socket(own->ai_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (listen_fd == -1 ||
	    setsockopt(listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) ||
	    bind(listen_fd, own->ai_addr, own->ai_addrlen) == -1 ||
	    listen(listen_fd, 4096) == -1)
		die("socket, setsockopt, bind or listen");
	watch(listen_fd, POLLIN);

	/* 2. Not more descriptors than we have room for. */
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_cur < MAX_FDS ? limit.rlim_cur : MAX_FDS;
	setrlimit(RLIMIT_NOFILE, &limit);
	announce(listen_fd, own);
	memcpy(&clients[listen_fd].peer, own->ai_addr, own->ai_addrlen);

	/* 3. The loop: sleep until somebody is ready, serve all who are. */
	for (;;) {
		int n = poll(fds, (nfds_t)fds_used, resting ? 1000 : -1);
		if (n == -1 && errno != EINTR)
			die("poll");
		for (int fd = 0; n > 0 && fd < fds_used; fd++)
			if (fds[fd].fd == fd && fds[fd].revents)
				serve(fd);
		if (resting && resting != time(NULL)) {
			watch(listen_fd, POLLIN);
			resting = 0;
		}
	}
}
