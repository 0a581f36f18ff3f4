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
 * Next:   unix_fdpass, what only AF_UNIX can do
 */
#define _GNU_SOURCE /* struct ucred; program_invocation_short_name */

#include <fcntl.h>    /* open */
#include <poll.h>     /* poll */
#include <sys/file.h> /* flock */
#include <sys/stat.h> /* lstat, mkdir, umask */
#include <sys/time.h> /* struct timeval */
#include <sys/un.h>   /* struct sockaddr_un */

#include "../conversation.h"

static const char usage[] =
	"usage: unix_demo server|client [PATH]\n"
	"server: answer each client in upper case, one at a time, until "
	"Ctrl-C.\n"
	"client: send standard input line by line, print the answers. An empty "
	"line\n"
	"        is not sent. q or end of input (Ctrl-D) quits.\n"
	"  PATH   the server's address (default $XDG_RUNTIME_DIR/"
	"dialtone-UID/echo.sock,\n"
	"         or /tmp/...: a directory that only you can enter)\n"
	"example: printf 'hello\\nworld\\n' | unix_demo client ./my.sock\n";

static const char *path;  /* the server's address */
static char own_dir[256]; /* of the default path */
static struct stat ours;  /* the file that our bind has made, if any */

static bool in_own_dir(void)
{
	size_t n = strlen(own_dir);

	return strncmp(path, own_dir, n) == 0 && path[n] == '/';
}

/* What lies at PATH: "a directory"; "nothing". */
static const char *kind_of_file(void)
{
	struct stat file;

	if (lstat(path, &file) == -1)
		return "nothing";
	return S_ISSOCK(file.st_mode)  ? "a socket"
	       : S_ISREG(file.st_mode) ? "a regular file"
	       : S_ISDIR(file.st_mode) ? "a directory"
	       : S_ISLNK(file.st_mode) ? "a symbolic link"
				       : "a device or a pipe";
}

/* /tmp is everybody's: somebody else may have made a directory of that name. */
static void check_own_dir(void)
{
	struct stat dir;

	if (lstat(own_dir, &dir) == -1) {
		if (errno == ENOENT)
			return;
		die("look at %s", own_dir);
	}
	if (S_ISDIR(dir.st_mode) && dir.st_uid == geteuid() &&
	    (dir.st_mode & 077) == 0)
		return;
	fprintf(stderr,
		"unix_demo: %s is not a directory that is ours alone\n"
		"hint: see ls -ld %s; or take another path: unix_demo server "
		"./echo.sock\n",
		own_dir, own_dir);
	exit(EXIT_FAILURE);
}

/* PATH as a socket address. It has room for 107 bytes: unix(7). */
static struct sockaddr_un address_of_path(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t n = strlen(path);

	if (n >= sizeof address.sun_path) {
		errno = ENAMETOOLONG;
		complain("a path of %zu bytes", n);
		fprintf(stderr,
			"hint: %zu is the most; cd there and use a short name, "
			"./echo.sock\n",
			sizeof address.sun_path - 1);
		exit(EXIT_FAILURE);
	}
	memcpy(address.sun_path, path, n + 1);
	return address;
}

/* Who is on the other end, in words. The kernel knows it: see unix_fdpass. */
static struct text peer_text(int fd)
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

/* ---- The server ---- */

/* At the end, however it comes: take our name away, unless it is no longer
 * ours. Only calls that a signal handler may make: signal-safety(7). */
static void remove_name(void)
{
	struct stat file;

	if (ours.st_ino && lstat(path, &file) == 0 &&
	    file.st_dev == ours.st_dev && file.st_ino == ours.st_ino) {
		unlink(path); /* best effort, and so is the next */
		if (in_own_dir())
			rmdir(own_dir);
	}
}

static void remove_and_leave(int signal_number)
{
	remove_name();
	leave(signal_number);
}

/* Type and mode as ls(1) shows them, and the size. */
static struct text file_text(void)
{
	char mode[] = "?rwxrwxrwx";
	struct stat file;
	struct text text;

	if (lstat(path, &file) == -1) {
		snprintf(text.s, sizeof text.s, "gone");
		return text;
	}
	mode[0] = S_ISSOCK(file.st_mode) ? 's' : '?';
	for (int i = 0; i < 9; i++)
		if ((file.st_mode >> (8 - i) & 1) == 0)
			mode[i + 1] = '-';
	snprintf(text.s, sizeof text.s, "%s, %lld bytes", mode,
		 (long long)file.st_size);
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

/* A server that was killed has left its name behind, and bind would fail. Such
 * a name is a socket, is ours, and nobody listens there. A name of which all
 * that is not true is left alone. */
static void clear_stale_name(const struct sockaddr_un *address)
{
	struct stat file;
	int fd, error;

	/* lstat does not follow a symbolic link. */
	if (lstat(path, &file) == -1 || !S_ISSOCK(file.st_mode) ||
	    file.st_uid != geteuid())
		return; /* bind will find out, and so will its user */

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (fd == -1)
		die("socket");
	error = connect(fd, (const struct sockaddr *)address, sizeof *address)
			? errno
			: 0;
	close(fd);
	if (error != ECONNREFUSED)
		return; /* 0: a server; EAGAIN: a busy one; EPROTOTYPE: others
			 */
	if (unlink(path) == -1)
		die("unlink %s", path);
	printf("(%s: nobody listens there, a killed server\n left it behind; "
	       "replaced)\n",
	       path);
}

/* Two servers that start at once: between bind and listen, the first one's name
 * looks like one left behind. So the directory is locked meanwhile, by a lock
 * that ends with its process. Its descriptor; -1 if there is no such lock. */
static int lock_directory(void)
{
	char dir[sizeof((struct sockaddr_un *)0)->sun_path + 2];
	const char *slash = strrchr(path, '/');
	int fd;

	snprintf(dir, sizeof dir, "%.*s", slash ? (int)(slash - path) + 1 : 1,
		 slash ? path : ".");
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		return -1; /* not readable: then bind decides, unlocked */
	for (int tries = 0; flock(fd, LOCK_EX | LOCK_NB) == -1; tries++) {
		if (tries == 200 || (errno != EWOULDBLOCK && errno != EINTR))
			die("lock the directory %s", dir);
		poll(NULL, 0, 10); /* somebody else is about to start */
	}
	return fd;
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
			"alone\nhint: take another path: unix_demo server "
			"./echo2.sock\n",
			kind_of_file());
	else if (errno == EACCES || errno == EROFS)
		fputs("hint: a new name takes permission to write in its "
		      "directory: ls -ld\n",
		      stderr);
	else if (errno == ENOENT || errno == ENOTDIR)
		fputs("hint: is there such a directory? bind makes none\n",
		      stderr);
	if (in_own_dir())
		rmdir(own_dir); /* best effort: if nobody else uses it */
	exit(EXIT_FAILURE);
}

/* From nothing to a listening socket with a name. */
static int start_listening(void)
{
	const struct sockaddr_un address = address_of_path();
	int lock_fd, failed;

	/* 1. A socket of the family AF_UNIX, which has no name yet. */
	int listen_fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (listen_fd == -1)
		die("socket");

	/* 2. The name is free, if we may free it. A server that ends just now
	 *    may take our directory with it: then again. */
	for (int tries = 0;; tries++) {
		umask(077);
		if (in_own_dir() && mkdir(own_dir, 0700) == -1 &&
		    errno != EEXIST)
			die("mkdir %s", own_dir);
		if (in_own_dir())
			check_own_dir();
		lock_fd = lock_directory();
		clear_stale_name(&address);

		/* 3. The socket has its name: a file of type "socket", for this
		 *    user only (srw-------). */
		umask(0177);
		failed = bind(listen_fd, (const struct sockaddr *)&address,
			      sizeof address);
		if (!failed || errno != ENOENT || !in_own_dir() || tries == 9)
			break;
		close(lock_fd); /* best effort */
	}
	if (failed)
		no_address();
	if (lstat(path, &ours) == -1)
		die("look at %s", path);
	atexit(remove_name);

	/* 4. From here the kernel queues connections for accept. */
	if (listen(listen_fd, 5) == -1)
		die("listen on %s", path);
	close(lock_fd);
	return listen_fd;
}

static void serve(void)
{
	const struct sigaction action = {.sa_handler = remove_and_leave};
	int listen_fd = start_listening();

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL); /* the terminal is gone */
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

/* ---- The client: as tcp_client, but for dial ---- */

/* connect has failed: what helps. */
static void no_connection(void)
{
	complain("connect to %s", path);
	if (errno == ENOENT)
		fputs("hint: nothing has that name; start unix_demo server "
		      "first\n",
		      stderr);
	else if (errno == ECONNREFUSED)
		fprintf(stderr,
			"hint: that is %s, and nobody listens there; start "
			"unix_demo server\n",
			kind_of_file());
	else if (errno == EACCES)
		fprintf(stderr,
			"hint: connecting takes permission to write to the "
			"file, and to enter\n      its directory: ls -l %s\n",
			path);
	else if (errno == EPROTOTYPE)
		fputs("hint: that is a socket of another type: ss -xp\n",
		      stderr);
	else if (errno == EAGAIN)
		fputs("hint: the queue is full: the server does not accept\n",
		      stderr);
	exit(EXIT_FAILURE);
}

static int dial(void)
{
	const struct sockaddr_un address = address_of_path();
	const struct timeval patience = {.tv_sec = 2};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), failed;

	if (fd == -1)
		die("socket");
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience,
		       sizeof patience) == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
		       sizeof patience) == -1)
		die("setsockopt SO_SNDTIMEO, SO_RCVTIMEO");
	if (in_own_dir())
		check_own_dir();
	do
		failed = connect(fd, (const struct sockaddr *)&address,
				 sizeof address);
	while (failed && errno == EINTR);
	if (failed)
		no_connection();
	fprintf(stderr, "connected to %s: %s\n", path, peer_text(fd).s);
	return fd;
}

/* One recv, printed. The bytes that came; -1 if none came in time; 0 if the
 * conversation is over (why, has been said). */
static ssize_t hear(int fd)
{
	static char buf[PIECE];
	ssize_t n;

	do
		n = recv(fd, buf, sizeof buf, 0);
	while (n == -1 && errno == EINTR);

	if (n == 0) { /* not "nothing yet": the server closed its end */
		fputs("the server hung up (end of stream)\n", stderr);
		return 0;
	}
	if (n == -1 && errno == EAGAIN) { /* our patience is at its end */
		complain("recv");
		fputs("hint: no answer in time; connected is not served yet: "
		      "another client\n"
		      "      may be talking to the server\n",
		      stderr);
		return -1;
	}
	if (n == -1) { /* ECONNRESET: it left something of ours unread */
		complain("recv");
		return 0;
	}
	print_answer(buf, (size_t)n);
	return n;
}

/* Say N bytes, hear as many. Its result is that of the last hear. */
static ssize_t exchange(int fd, const char *said, size_t n)
{
	ssize_t got;
	size_t heard = 0;

	if (send_all(fd, said, n) == -1) {
		complain("send");
		return 0;
	}
	do {
		got = hear(fd);
		heard += got > 0 ? (size_t)got : 0;
	} while (got > 0 && heard < n);
	return got;
}

/* Ask for a line. Until there is one, show what the server says unasked: a late
 * answer, or that it is gone (then false). */
static bool prompt(int fd)
{
	struct pollfd ends[] = {{.fd = STDIN_FILENO, .events = POLLIN},
				{.fd = fd, .events = POLLIN}};

	for (;;) {
		fputs("> ", stderr);
		while (poll(ends, 2, -1) == -1)
			if (errno != EINTR)
				die("poll");
		if (ends[1].revents == 0)
			return true;
		fputc('\n', stderr);
		if (hear(fd) == 0)
			return false;
		end_answer();
	}
}

/* The client's loop: true if all that was said has been answered. */
static bool talk(int fd, bool typing)
{
	static char piece[PIECE];
	bool line_begins = true, line_ends;
	size_t n;

	for (; !ferror(stdout); line_begins = line_ends) {
		if (typing && !prompt(fd))
			return true;
		if (!read_piece(piece, &n, &line_ends))
			return true;
		if (line_begins && line_ends && n == 1 && piece[0] == 'q')
			return true;
		if (n > 0) { /* 0 bytes would be nothing: see tcp_client */
			ssize_t got = exchange(fd, piece, n);
			if (got == 0 || (got == -1 && !typing))
				return false;
		}
		if (line_ends)
			end_answer();
	}
	return false; /* nobody reads our output any more */
}

int main(int argc, char *argv[])
{
	static char default_path[sizeof own_dir + 16];
	const char *role, *base = getenv("XDG_RUNTIME_DIR");
	int option, fd;
	bool answered;

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

	snprintf(own_dir, sizeof own_dir, "%s/dialtone-%ld",
		 base && *base ? base : "/tmp", (long)geteuid());
	snprintf(default_path, sizeof default_path, "%s/echo.sock", own_dir);
	path = argv[optind] ? argv[optind++] : default_path;
	if (argv[optind])
		wrong_use("'%s' is too much", argv[optind]);
	if (*path == '\0')
		wrong_use("PATH is empty");

	if (*role == 's')
		serve();
	fd = dial();
	answered = talk(fd, isatty(STDIN_FILENO));
	close(fd);
	return answered ? EXIT_SUCCESS : EXIT_FAILURE;
}
