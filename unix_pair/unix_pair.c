/* unix_pair - how do a parent and its child talk?
 *
 *   socketpair:  [0] <=====> [1]     connected from birth, no address
 *   fork:      parent       child    each closes the end of the other
 *
 * Watch:  when the end of stream comes, and whom SO_PEERCRED names
 * Next:   unix_fdpass, can an open file travel?
 */
#include "../common.h"
#include <sys/un.h>
#include <sys/wait.h>

static int pair[2], n;
static char buf[64]; /* upper_case wants a multiple of 64 */

static void across_fork(void)
{
	scene("fork: the parent keeps one end, the child the other.");
	CALL("parent", socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	pid_t child = fork();
	if (child == -1)
		die("fork");
	if (child == 0) {
		close(pair[0]); /* or we would not hear that the parent ended */
		n = (int)recv(pair[1], buf, sizeof buf, 0);
		if (n == -1)
			die("recv");
		upper_case(buf, (size_t)n);
		_exit(send(pair[1], buf, (size_t)n, MSG_NOSIGNAL) != n);
	}
	n = CALL("parent", send(pair[0], "hello", 5, MSG_NOSIGNAL));
	expect("nobody had to connect: it was from birth", n == 5);
	n = CALL("parent", recv(pair[0], buf, sizeof buf, 0));
	expect("the child has answered ...",
	       n == 5 && memcmp(buf, "HELLO", 5) == 0);
	waitpid(child, NULL, 0);
	n = CALL("parent", recv(pair[0], buf, sizeof buf, MSG_DONTWAIT));
	expect("... and has ended, but the line is open: we have a copy",
	       n == -1 && errno == EAGAIN);
	CALL("parent", close(pair[1]));
	n = CALL("parent", recv(pair[0], buf, sizeof buf, 0));
	expect("the last copy is closed: end of stream", n == 0);
}

/* Who is at the other end? The kernel knows; nobody has to be believed. */
static void who_calls(void)
{
	struct sockaddr_un own = {.sun_family = AF_UNIX};
	socklen_t length = sizeof(sa_family_t); /* no name: kernel, choose */
	struct ucred who;
	socklen_t size = sizeof who;
	int listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	scene("SO_PEERCRED: the kernel's word for who calls.");
	if (listen_fd == -1)
		die("socket");
	CALL("parent", bind(listen_fd, (struct sockaddr *)&own, length));
	CALL("parent", listen(listen_fd, 1));
	length = sizeof own;
	if (getsockname(listen_fd, (struct sockaddr *)&own, &length) == -1)
		die("getsockname");
	pid_t child = fork();
	if (child == -1)
		die("fork");
	if (child == 0) { /* calls, and is gone */
		n = socket(AF_UNIX, SOCK_STREAM, 0);
		if (connect(n, (struct sockaddr *)&own, length) == -1)
			die("connect");
		_exit(0);
	}
	waitpid(child, NULL, 0);
	int fd = CALL("parent", accept(listen_fd, NULL, NULL));
	n = CALL("parent",
		 getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size));
	note("process %d, user %d, group %d", (int)who.pid, (int)who.uid,
	     (int)who.gid);
	expect("it was our child, though the child is gone by now",
	       n == 0 && who.pid == child && who.uid == geteuid() &&
		       who.gid == getegid());
}

int main(int argc, char *argv[])
{
	begin_story(argc, argv,
		    "usage: unix_pair\n"
		    "Talk to a child process, and learn who calls.\n"
		    "example: unix_pair\n");
	across_fork();
	who_calls();
}
