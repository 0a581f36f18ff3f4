/* tcp_reuseport - how do several processes share one port?
 *
 *   client ---+                  +--> [queue] process 1: accept, recv, send ...
 *   client ---+--> port 8080 ----+--> [queue] process 2: accept, recv, send ...
 *   client ---+  (the kernel)    +--> [queue] process 3: accept, recv, send ...
 *
 * Watch:  the addresses decide who gets a call, not who has time for it
 * Next:   tcp_framing, where a message ends
 */
#include "../common.h"
#include <sys/prctl.h> /* prctl */
#include <sys/wait.h>  /* wait */

static const char usage[] =
	"usage: tcp_reuseport [-q] [HOST [PORT]]\n"
	"Answer in upper case: three processes, one port.\n"
	"  -q  quiet: print the ready line and errors only\n"
	"example: tcp_reuseport ::1 9000\n";

enum { PROCESSES = 3 };
/* Print a line, unless that would keep our clients waiting: see tcp_poll. */
static void tell(int out_fd, const char *peer, const char *what)
{
	struct pollfd out = {.fd = out_fd, .events = POLLOUT};
	const int error = errno;

	if ((quiet && out_fd == 1) || poll(&out, 1, 0) != 1)
		return;
	errno = error;
	if (out_fd == 2)
		complain(what, peer);
	else
		printf("process %d: %s %s\n", (int)getpid(), peer, what);
	check_output();
}

/* The two loops of tcp_server: one client after another. */
static _Noreturn void serve(int listen_fd)
{
	struct sockaddr_storage address;
	static char buf[64 * 1024];

	for (;;) {
		socklen_t length = sizeof address;
		int conn_fd =
			accept(listen_fd, (struct sockaddr *)&address, &length);
		if (conn_fd == -1) {
			complain("accept", "a client");
			sleep(1); /* do not burn the CPU */
			continue;
		}
		const char *peer = address_text(&address, length);
		tell(1, peer, "connected");
		const char *failed = NULL;
		ssize_t n;
		while (!failed && (n = recv(conn_fd, buf, sizeof buf, 0))) {
			if (n == -1 && errno != EINTR)
				failed = "recv from";
			if (n == -1)
				continue;
			upper_case(buf, (size_t)n);
			if (send_all(conn_fd, buf, (size_t)n) == -1)
				failed = "send to";
		}
		tell(failed ? 2 : 1, peer, failed ? failed : "hung up");
		close(conn_fd);
	}
}

int main(int argc, char *argv[])
{
	struct addrinfo *own = address_of(begin(argc, argv, "+hq", usage));
	const int on = 1, parent = getpid();

	for (int i = 0; i < PROCESSES; i++) {
		/* 1. A listener of its own for each process. They may all have
		 *    one address, because all set SO_REUSEPORT. */
		int listen_fd = socket(own->ai_family, SOCK_STREAM, 0);
		if (listen_fd == -1)
			die("socket");
		if (setsockopt(listen_fd, SOL_SOCKET, SO_REUSEADDR, &on,
			       sizeof on) ||
		    setsockopt(listen_fd, SOL_SOCKET, SO_REUSEPORT, &on,
			       sizeof on))
			die("setsockopt");
		if (bind(listen_fd, own->ai_addr, own->ai_addrlen) == -1)
			die("bind");

		/* 2. From here it has a queue, and gets its share of calls. */
		if (listen(listen_fd, 4096) == -1)
			die("listen");

		/* 3. For port 0 the kernel has chosen: the others follow. */
		if (getsockname(listen_fd, own->ai_addr, &own->ai_addrlen))
			die("getsockname");
		if (i == PROCESSES - 1)
			announce(listen_fd, own);

		/* 4. The process that serves it, and ends with its parent. */
		pid_t pid = fork();
		if (pid == -1)
			die("fork");
		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGTERM);
			if (getppid() != parent)
				_exit(1); /* it has ended already */
			serve(listen_fd);
		}

		/* 5. Our copy: with it the queue would outlive its process. */
		close(listen_fd);
	}

	/* 6. Calls for a process that has ended go to the others. */
	while (wait(NULL) != -1)
		warnx("a process has ended, and with it the calls it had");
	return 1;
}
