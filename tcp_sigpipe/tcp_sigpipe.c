/* tcp_sigpipe - why did my program vanish?
 *
 *   client            server
 *   close    --FIN--> recv = 0
 *            <------- send = 3      our kernel takes it; nobody will read it
 *            --RST-->
 *                     send = -1     EPIPE, and before it the signal SIGPIPE,
 *                                   which by default kills the process
 *
 * Watch:  the line that is missing where the process was killed
 * Next:   tcp_reuseaddr, why is the address in use
 */
#include "../common.h"
#include <sys/wait.h>

static int client_fd, conn_fd, n;
static char buf[100];

/* Let a child send; SIGPIPE does to it what it would do to us. Return how it
 * ended: 0 if send gave it an error, or else as waitpid(2) tells it. */
static int child_sends(bool with_flag)
{
	int status = -1;
	pid_t child = fork(); /* a copy of this process: see tcp_fork */

	if (child == -1)
		die("fork");
	if (child == 0) {
		if (with_flag)
			n = CALL("child",
				 send(conn_fd, "two", 3, MSG_NOSIGNAL));
		else
			n = CALL("child", send(conn_fd, "two", 3, 0));
		_exit(n == -1 && errno == EPIPE ? 0 : 1);
	}
	if (waitpid(child, &status, 0) == -1)
		die("waitpid");
	return status;
}

int main(int argc, char *argv[])
{
	int status;

	begin_story(
		argc, argv,
		"usage: tcp_sigpipe\n"
		"Send to a peer that is gone: an error, or a dead process.\n"
		"example: tcp_sigpipe\n");

	scene("The client has hung up, and the server goes on talking.");
	connected_pair(&client_fd, &conn_fd);
	CALL("client", close(client_fd));
	n = CALL("server", recv(conn_fd, buf, sizeof buf, 0));
	expect("an orderly end", n == 0);
	n = CALL("server", send(conn_fd, "one", 3, MSG_NOSIGNAL));
	expect("the first send succeeds: it only fills our buffer", n == 3);
	wait_for(conn_fd, POLLERR); /* the client's kernel answers: reset */
	n = CALL("server", send(conn_fd, "two", 3, MSG_NOSIGNAL));
	expect("the second is told: broken pipe", n == -1 && errno == EPIPE);

	scene("SIGPIPE has its default action, as in any new program.");
	signal(SIGPIPE, SIG_DFL); /* begin() had it ignored */
	status = child_sends(true);
	expect("with MSG_NOSIGNAL: an error, and it lives", status == 0);
	status = child_sends(false);
	expect("without: killed by SIGPIPE inside of send, without a word",
	       WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE);

	scene("SIGPIPE is ignored.");
	signal(SIGPIPE, SIG_IGN);
	status = child_sends(false);
	expect("no flag, and yet an error: ignoring saves it, too",
	       status == 0);
}
