/* unix_demo - the echo again, within one machine: the address is a path.
 *
 *   server: socket - bind - listen     client: socket - connect
 *      accept <-------+                   send <---+
 *         recv <--+   |                   recv ----+
 *         send ---+   |                   close
 *      close ---------+     at the end: unlink, or the name stays behind
 *
 * Run:    unix_demo server, and unix_demo client in a second terminal
 *         (or make demo-unix)
 * Watch:  the file: its type, its mode, and its size, which remains 0
 * Parts:  this file: the server; name.c: its file; client.c: the client
 * Next:   unix_fdpass, what only AF_UNIX can do
 */
#define _GNU_SOURCE /* struct ucred; program_invocation_short_name */

#include <poll.h>     /* poll */
#include <sys/stat.h> /* umask */

#include "../conversation.h"
#include "unix_demo.h"

static const char usage[] =
	"usage: unix_demo server|client [PATH]\n"
	"server: answer clients in upper case, one at a time, until Ctrl-C\n"
	"client: send each line of standard input and print the answers; q\n"
	"        or Ctrl-D quits, an empty line is not sent\n"
	"  PATH   the server's address (default: echo.sock in a directory\n"
	"         that only you can enter, $XDG_RUNTIME_DIR/dialtone-UID\n"
	"         or /tmp/dialtone-UID)\n"
	"example: printf 'hello\\nworld\\n' | unix_demo client ./my.sock\n";

/* The kernel knows who is on the other end: SO_PEERCRED, see unix_fdpass. */
struct text peer_text(int fd)
{
	struct ucred peer;
	socklen_t length = sizeof peer;
	struct text text;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == -1) {
		complain("getsockopt SO_PEERCRED");
		return (struct text){"somebody"};
	}
	snprintf(text.s, sizeof text.s, "process %ld, user %ld", (long)peer.pid,
		 (long)peer.uid);
	return text;
}

/* Hear and answer until the conversation is over, however it ends. */
static void communicate(int conn_fd, const char *peer)
{
	static char buf[64 * 1024];
	long long total = 0;

	for (;;) {
		ssize_t n = recv(conn_fd, buf, sizeof buf, 0);
		if (n == 0) { /* not "nothing yet": the peer closed its end */
			printf("%s hung up (end of stream)\n", peer);
			break;
		}
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1) { /* ECONNRESET: it left our answer unread */
			complain("recv from %s", peer);
			break;
		}
		printf("%s says %s (%zd byte%s)\n", peer,
		       quoted(buf, (size_t)n).s, n, n == 1 ? "" : "s");
		total += n;
		upper_case(buf, (size_t)n);
		if (send_all(conn_fd, buf, (size_t)n) == -1) {
			complain("send to %s", peer);
			break;
		}
	}
	printf("%lld bytes came, and went back; the file: %s\n", total,
	       file_text().s);
}

/* bind has failed: say it, and what helps. */
static void no_address(void)
{
	complain("bind to %s", path);
	if (errno == EADDRINUSE && strcmp(kind_of_file(), "a socket") == 0)
		fprintf(stderr,
			"hint: somebody else has that name: ss -lxp src %s\n"
			"hint: or take another one: unix_demo server %s2\n",
			path, path);
	else if (errno == EADDRINUSE)
		fprintf(stderr,
			"hint: that is %s, not a socket of ours, and is left "
			"alone\n"
			"hint: take another path: unix_demo server "
			"./echo2.sock\n",
			kind_of_file());
	else if (errno == EACCES || errno == EROFS)
		fputs("hint: a new name takes permission to write in its "
		      "directory: ls -ld\n",
		      stderr);
	else if (errno == ENOENT || errno == ENOTDIR)
		fputs("hint: is there such a directory? bind makes none\n",
		      stderr);
	exit(EXIT_FAILURE);
}

/* Give the socket its name. Returns the lock on the name's directory. */
static int bind_to_path(int listen_fd)
{
	const struct sockaddr_un address = address_of_path();

	for (int tries = 0;; tries++) {
		/* 2. The name is free, if we may free it: see name.c. */
		int lock_fd = clear_name(&address);

		/* 3. The socket has its name: a file of type "socket", which
		 *    only this user may use (srw-------). */
		umask(0177);
		if (bind(listen_fd, (const struct sockaddr *)&address,
			 sizeof address) == 0) {
			own_name();
			return lock_fd;
		}
		/*    A server that ended just now has taken our directory with
		 *    it (ENOENT): then again. */
		if (errno != ENOENT || !in_own_dir() || tries == 9)
			no_address();
		close(lock_fd);
	}
}

/* From nothing to a listening socket with a name. */
static int start_listening(void)
{
	/* 1. A socket of the family AF_UNIX, which has no name yet. */
	int listen_fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (listen_fd == -1)
		die("socket");
	int lock_fd = bind_to_path(listen_fd);

	/* 4. From here the kernel queues connections for accept. */
	if (listen(listen_fd, 5) == -1)
		die("listen on %s", path);
	close(lock_fd);
	return listen_fd;
}

/* Ctrl-C, kill, or the terminal is gone. */
static void remove_name_and_leave(int signal_number)
{
	remove_name();
	leave(signal_number);
}

static void serve(void)
{
	const struct sigaction action = {.sa_handler = remove_name_and_leave};
	int listen_fd;

	atexit(remove_name);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	listen_fd = start_listening();
	printf("listening on %s\nthe file: %s\n", path, file_text().s);

	for (;;) {
		/* 5. Take the first connection out of the queue. Its address
		 *    would be empty: a client of AF_UNIX needs no name. */
		int conn_fd = accept(listen_fd, NULL, NULL);
		if (conn_fd == -1 && errno == EINTR)
			continue;
		if (conn_fd == -1 && (errno == EBADF || errno == EINVAL))
			die("accept"); /* our own mistake: it would not end */
		if (conn_fd == -1) {   /* EMFILE ...: see tcp_server */
			complain("accept");
			poll(NULL, 0, 100);
			continue;
		}
		struct text peer = peer_text(conn_fd);
		printf("%s connected\n", peer.s);

		/* 6. Talk, then hang up. */
		communicate(conn_fd, peer.s);
		close(conn_fd);
	}
}

int main(int argc, char *argv[])
{
	const char *role;
	int option;

	begin(usage);
	if ((option = getopt(argc, argv, "+:h")) != -1)
		common_option(option);
	role = argv[optind];
	if (!role)
		wrong_use("which role, server or client?");
	if (strcmp(role, "server") != 0 && strcmp(role, "client") != 0)
		wrong_use("role '%s' is neither server nor client", role);
	optind++;
	if ((option = getopt(argc, argv, "+:h")) != -1)
		common_option(option);
	if (argc - optind > 1)
		wrong_use("'%s' is too much", argv[optind + 1]);
	if (optind < argc && *argv[optind] == '\0')
		wrong_use("PATH is empty");

	choose_path(argv[optind]);
	if (*role == 's')
		serve();
	return be_client() ? EXIT_SUCCESS : EXIT_FAILURE;
}
