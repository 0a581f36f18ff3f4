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

static char dir[] = "/tmp/unix_stale.XXXXXX";
static struct sockaddr_un address = {.sun_family = AF_UNIX};
static char *const path = address.sun_path;

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

int main(int argc, char *argv[])
{
	const struct sockaddr *to = (struct sockaddr *)&address;
	const socklen_t size = sizeof address;
	struct stat file;

	begin_story(argc, argv,
		    "usage: unix_stale\n"
		    "Find out which files in the way of a server may go.\n"
		    "example: unix_stale\n");
	atexit(clean_up);
	signal(SIGHUP, leave); /* the terminal is closed */
	signal(SIGINT, leave);
	signal(SIGTERM, leave);
	if (!mkdtemp(dir))
		die("mkdtemp");
	snprintf(path, sizeof address.sun_path, "%s/s", dir);
	int n, old_fd = socket(AF_UNIX, SOCK_STREAM, 0);
	int new_fd = socket(AF_UNIX, SOCK_STREAM, 0);
	int caller_fd = socket(AF_UNIX, SOCK_STREAM, 0);
	int other_fd = socket(AF_UNIX, SOCK_DGRAM, 0); /* only to ask */
	if (old_fd == -1 || new_fd == -1 || caller_fd == -1 || other_fd == -1)
		die("socket");

	scene("kill -9 leaves the file. Look, ask, then unlink.");
	CALL("old", bind(old_fd, to, size));
	pid_t we = getpid(), old = fork(); /* the old server is our child ... */
	if (old == -1)
		die("fork");
	if (old == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* when we end */
		_exit(getppid() == we ? pause() : 1);
	}
	close(old_fd); /* ... and has the only copy */
	CALL("we", kill(old, SIGKILL));
	waitpid(old, NULL, 0);
	n = CALL("new", bind(new_fd, to, size));
	expect("the path is in use ...", n == -1 && errno == EADDRINUSE);
	/* lstat, for stat would follow a symbolic link. */
	n = CALL("new", lstat(path, &file));
	expect("... by a socket, one of ours ...",
	       n == 0 && S_ISSOCK(file.st_mode) && file.st_uid == geteuid());
	n = CALL("new", connect(other_fd, to, size));
	expect("... that nobody has: it is dead",
	       n == -1 && errno == ECONNREFUSED);
	CALL("new", unlink(path));
	CALL("new", bind(new_fd, to, size));

	scene("What must stay: who lives, and what is no socket.");
	n = CALL("caller", connect(caller_fd, to, size));
	expect("bound, not yet listening: refused, as if it were dead ...",
	       n == -1 && errno == ECONNREFUSED);
	n = CALL("caller", connect(other_fd, to, size));
	expect("... but a caller of another type hears that it lives",
	       n == -1 && errno == EPROTOTYPE);
	CALL("new", unlink(path));
	close(open(path, O_WRONLY | O_CREAT | O_EXCL, 0600));
	n = CALL("caller", connect(other_fd, to, size));
	expect("a regular file answers as a dead socket does ...",
	       n == -1 && errno == ECONNREFUSED);
	n = CALL("caller", lstat(path, &file));
	expect("... only lstat knows", n == 0 && !S_ISSOCK(file.st_mode));
}
