/* unix_stale - why is the path in use, though its server is gone?
 *
 *   bind makes the file          lstat: a socket?  ours?
 *   close, kill -9: it stays     connect as another type: is it alive?
 *                                    yes, yes, and no: then unlink
 *
 * Watch:  which of the files may go, and which must stay
 * Next:   unix_pair, two ends from birth
 */
#include "../common.h"
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

static char dir[] = "/tmp/unix_stale.XXXXXX", path[sizeof dir + 2];

static void clean_up(void)
{
	unlink(path);
	rmdir(dir);
}

static void leave(int signal_number)
{
	clean_up();
	_exit(128 + signal_number);
}

/* Leave the socket to a child, and kill the child. */
static void kill_its_server(int fd)
{
	pid_t child = fork();

	if (child == -1)
		die("fork");
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* if we end first */
		pause();
	}
	close(fd); /* now the child has the only copy */
	CALL("we", kill(child, SIGKILL));
	waitpid(child, NULL, 0);
}

/* A socket, and ours? lstat, for stat would follow a symbolic link. */
static bool is_our_socket(void)
{
	struct stat file;

	return lstat(path, &file) == 0 && S_ISSOCK(file.st_mode) &&
	       file.st_uid == geteuid();
}

int main(int argc, char *argv[])
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const struct sockaddr *to = (struct sockaddr *)&address;
	socklen_t size = sizeof address;
	int fd, caller_fd, other_fd, n;

	begin_story(argc, argv,
		    "usage: unix_stale\n"
		    "Find out which files in the way of a server may go.\n"
		    "example: unix_stale\n");
	atexit(clean_up);
	signal(SIGINT, leave);
	signal(SIGTERM, leave);
	if (!mkdtemp(dir))
		die("mkdtemp");
	snprintf(path, sizeof path, "%s/s", dir);
	memcpy(address.sun_path, path, sizeof path);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	caller_fd = socket(AF_UNIX, SOCK_STREAM, 0);
	other_fd = socket(AF_UNIX, SOCK_DGRAM, 0); /* to ask, not to talk */
	if (fd == -1 || caller_fd == -1 || other_fd == -1)
		die("socket");

	scene("kill -9 leaves the file. Look, ask, then unlink.");
	CALL("old", bind(fd, to, size));
	kill_its_server(fd);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd == -1)
		die("socket");
	n = CALL("new", bind(fd, to, size));
	expect("the path is in use ...", n == -1 && errno == EADDRINUSE);
	n = CALL("new", connect(other_fd, to, size));
	expect("... by nobody: a socket, ours, and dead",
	       n == -1 && errno == ECONNREFUSED && is_our_socket());
	CALL("new", unlink(path));
	CALL("new", bind(fd, to, size));

	scene("What must stay: who lives, and what is no socket.");
	n = CALL("caller", connect(caller_fd, to, size));
	expect("bound, not yet listening: refused, as if it were dead ...",
	       n == -1 && errno == ECONNREFUSED);
	n = CALL("caller", connect(other_fd, to, size));
	expect("... but a caller of another type hears that it lives",
	       n == -1 && errno == EPROTOTYPE);
	close(fd);
	CALL("new", unlink(path));
	close(open(path, O_WRONLY | O_CREAT | O_EXCL, 0600));
	n = CALL("caller", connect(other_fd, to, size));
	expect("a regular file answers as a dead socket does: only lstat knows",
	       n == -1 && errno == ECONNREFUSED && !is_our_socket());

	scene("Without a file: an abstract name, its first byte is 0.");
	address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd == -1)
		die("socket");
	CALL("old", bind(fd, to, size));
	CALL("old", listen(fd, 5));
	n = CALL("caller", connect(caller_fd, to, size - 1));
	expect("a byte shorter is another name: nobody has it",
	       n == -1 && errno == ECONNREFUSED);
	kill_its_server(fd);
	n = CALL("new", bind(caller_fd, to, size));
	expect("killed, and the name is free: nothing was left", n == 0);
}
