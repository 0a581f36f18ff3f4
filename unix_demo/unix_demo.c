/* unix_demo - how do two programs on one machine talk?
 *
 *   server: socket - bind - listen - accept - recv, send ... - close
 *   client: socket - connect - send, recv ... - close
 *
 * Watch:  the address is a file: its type is s, and its size remains 0
 * Next:   unix_stale, the file when its server is gone
 */
#include "../common.h"
#include <sys/stat.h>
#include <sys/un.h>

static const char usage[] =
	"usage: unix_demo [-q] server|client [PATH]\n"
	"The client sends lines, the server answers in upper case; q quits.\n"
	"PATH: where, or else in a directory that is yours alone; -q: quiet\n"
	"example: unix_demo server ./my.sock\n";

static struct sockaddr_un address = {.sun_family = AF_UNIX};
static struct sockaddr *const to = (struct sockaddr *)&address;
static char *const path = address.sun_path, own_dir[sizeof address.sun_path];
static char buf[65536];
static int fd = -1, conn_fd; /* fd: the server's to listen, or the client's */
static struct stat file;

/* Close; delete the file if it is a dead socket of ours: see unix_stale. */
static void clean_up(void)
{
	const int error = errno; /* NOLINT: check_output tells it, at exit */
	close(fd);
	fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	if (lstat(path, &file) == 0 && S_ISSOCK(file.st_mode) &&
	    file.st_uid == geteuid() && connect(fd, to, sizeof address) == -1 &&
	    errno == ECONNREFUSED) /* NOLINT: errno is safe here */
		unlink(path);
	close(fd);
	errno = error; /* NOLINT */
}

static void leave(int signal_number) /* calls what signal-safety(7) allows */
{
	clean_up();
	rmdir(own_dir); /* fails unless it is empty */
	_exit(128 + signal_number);
}

/* Say why a call has failed; tell a server a path at which bind works. */
static void fail(const char *call)
{
	warnx("%s %s: %s (%s)\nhint: %s", call, path, strerror(errno),
	      errno_name(errno),
	      errno == EADDRINUSE     ? "it is alive, or no socket of yours"
	      : errno == ECONNREFUSED ? "nobody listens: start a server there"
	      : errno == ENOENT	      ? "no such directory, or no server yet"
	      : errno == ENAMETOOLONG ? "a path has room for 107 bytes"
	      : errno == EACCES	      ? "you may not write there: ls -ld"
				      : "that place takes no stream sockets");
	snprintf(path, sizeof own_dir, "%s/%d.sock",
		 strncmp(path, "/tmp/", 5) ? "/tmp" : "/dev/shm", getpid());
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (*call != 'c' && bind(fd, to, sizeof address) == 0)
		fprintf(stderr, "hint: this path works: %s\n", path);
	exit(1);
}

/* Without a PATH: one in a directory that is ours alone, also in /tmp. */
static void choose_path(const char *given, bool serve)
{
	const char *base = getenv("XDG_RUNTIME_DIR");
	if (!given)
		snprintf(own_dir, sizeof own_dir, "%s/dialtone-%d",
			 base && *base ? base : "/tmp", (int)geteuid());
	if (serve)
		atexit(clean_up);
	errno = ENAMETOOLONG;
	if (snprintf(path, sizeof own_dir, "%s%s", given ? given : own_dir,
		     given ? "" : "/echo.sock") >= (int)sizeof own_dir)
		fail(serve ? "use" : "call");
	if (serve) {
		clean_up(); /* what a killed server has left */
		for (int i = 0; i < 3; i++)
			signal((int[]){SIGHUP, SIGINT, SIGTERM}[i], leave);
	}
	umask(077); /* only we may connect */
	if (serve && !given && mkdir(own_dir, 0700) == -1 && errno != EEXIST)
		fail("make a directory for");
	if (!given && lstat(own_dir, &file) == 0 &&
	    (file.st_uid != geteuid() || file.st_mode != (S_IFDIR | 0700)))
		errx(1, "%s is not yours alone: ls -ld", own_dir);
}

static int call(void)
{
	if (connect(fd, to, sizeof address) == -1)
		fail("connect to");
	fprintf(stderr, "connected to %s\n", path);
	while (!ferror(stdout)) {
		fputs(isatty(STDIN_FILENO) ? "> " : "", stderr);
		if (!fgets(buf, sizeof buf, stdin) || strcmp(buf, "q\n") == 0)
			break;
		size_t n = strcspn(buf, "\n");
		if (n == 0)
			continue; /* nothing to say, nothing to hear */
		if (send_all(fd, buf, n) == -1)
			die("send");
		ssize_t got = recv(fd, buf, n, MSG_WAITALL); /* all of it */
		if (got == -1)
			die("recv");
		if (got < (ssize_t)n)
			errx(1, "the server hung up");
		print_safe(buf, n);
		putchar('\n');
	}
	return 0;
}

int main(int argc, char *argv[])
{
	char **operands = begin(argc, argv, "+hq", usage);
	const char *role = *operands ? *operands++ : "";
	if ((strcmp(role, "server") != 0 && strcmp(role, "client") != 0) ||
	    (*operands && (operands[1] || !**operands)))
		wrong_use(role, "is no role, or what follows is not one path");
	choose_path(*operands, *role == 's');
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd == -1)
		die("socket");
	if (*role == 'c')
		return call();
	if (bind(fd, to, sizeof address) == -1) /* it makes the file */
		fail("bind to");
	if (listen(fd, 5) == -1)
		die("listen");
	printf("listening on %s\n", path);
	for (ssize_t n; !ferror(stdout); close(conn_fd)) {
		while ((conn_fd = accept(fd, NULL, NULL)) == -1) {
			complain("accept", "a client");
			sleep(1);
		}
		while ((n = recv(conn_fd, buf, sizeof buf, 0)) > 0) {
			if (!quiet)
				printf("client says %zd bytes\n", n);
			upper_case(buf, (size_t)n);
			if (send_all(conn_fd, buf, (size_t)n) == -1)
				break;
		}
		if (n != 0)
			complain("recv or send:", "client");
	}
}
