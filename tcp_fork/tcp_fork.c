/* tcp_fork - how does a process for each client serve many at once?
 *
 *   parent:  accept -- fork -- close(conn_fd) -- accept the next ...
 *                       |
 *   child:              +-- close(listen_fd) -- recv, send, ... -- exit
 *                                                                    |
 *   parent:        waitpid: nobody stays as a zombie  <--- SIGCHLD --+
 *
 * Watch:  a second client is served at once, by a process of its own
 * Next:   tcp_thread, a thread for each client
 */
#include "../common.h"

#include <sys/wait.h> /* waitpid */

static const char usage[] =
	"usage: tcp_fork [-q] [HOST [PORT]]\n"
	"Answer in upper case, each client by a process of its own.\n"
	"  -q  quiet: print the ready line and errors only\n"
	"example: tcp_fork ::1 9000\n";

/* Children have ended. Each stays in the table of processes, as a zombie, until
 * we ask how it ended. Signals do not add up: one may stand for many. */
static void reap(int signal_number)
{
	const int error = errno; /* NOLINT: a handler may save it ... */

	(void)signal_number;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	errno = error; /* NOLINT: ... for the call that it interrupts */
}

/* The child's whole life: one conversation. */
static void serve(int conn_fd, const char *peer)
{
	static char buf[64 * 1024]; /* a process shares no memory */
	const char *failed = NULL;
	ssize_t n;

	while ((n = recv(conn_fd, buf, sizeof buf, 0)) != 0) {
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1) {
			failed = "recv from";
			break;
		}
		upper_case(buf, (size_t)n);
		if (send_all(conn_fd, buf, (size_t)n) == -1) {
			failed = "send to";
			break;
		}
	}

	/* Print only now, when no client waits: whoever reads our output may be
	 * slow. If it takes longer than a second, SIGALRM ends this process. */
	alarm(1);
	if (failed)
		complain(failed, peer);
	close(conn_fd);
	if (!quiet)
		printf("process %d has served %s\n", (int)getpid(), peer);
	exit(0);
}

int main(int argc, char *argv[])
{
	struct addrinfo *own = address_of(begin(argc, argv, "+hq", usage));
	struct sockaddr_storage address;
	const int on = 1;

	/* 1. Listen, as tcp_server does. The kernel cuts 4096 down to
	 *    net.core.somaxconn: so many may call at the same moment. */
	int listen_fd = socket(own->ai_family, SOCK_STREAM, 0);
	if (listen_fd == -1)
		die("socket");
	if (setsockopt(listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on))
		die("setsockopt SO_REUSEADDR");
	if (bind(listen_fd, own->ai_addr, own->ai_addrlen) == -1)
		die("bind");
	if (listen(listen_fd, 4096) == -1)
		die("listen");

	/* 2. The kernel will call reap whenever a child has ended. */
	signal(SIGCHLD, reap);
	announce(listen_fd, own);

	for (;;) {
		/* 3. Pick up. */
		socklen_t length = sizeof address;
		int conn_fd =
			accept(listen_fd, (struct sockaddr *)&address, &length);
		if (conn_fd == -1) {
			if (errno != EINTR && errno != ECONNABORTED) {
				complain("accept", "a client");
				sleep(1); /* do not burn the CPU */
			}
			continue;
		}
		const char *peer = address_text(&address, length);

		/* 4. From here there are two of us, each with both sockets. */
		pid_t pid = fork();
		if (pid == 0) {
			/* 5. The child listens to nobody else. */
			close(listen_fd);
			serve(conn_fd, peer);
		}
		if (pid == -1) /* EAGAIN: too many processes */
			complain("fork for", peer);

		/* 6. The parent's copy: the client sees the end only when every
		 *    copy is closed. (After a failed fork this hangs up.) */
		close(conn_fd);
	}
}
