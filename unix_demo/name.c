/* name.c - the name of an AF_UNIX server is a file, which outlives the server.
 * So a server takes its name away at its end, and at its start recognises one
 * that a killed server has left behind. No other file is ever deleted, whoever
 * does what at the same moment.
 */
#define _GNU_SOURCE /* for common.h: program_invocation_short_name */

#include <fcntl.h>    /* open */
#include <poll.h>     /* poll */
#include <sys/file.h> /* flock */
#include <sys/stat.h> /* lstat, mkdir, umask */

#include "unix_demo.h"

const char *path;

enum { ROOM = 512 };
static char own_dir[ROOM]; /* of the default path */
static bool own_dir_used;  /* it is there, and ours alone */
static struct stat ours;   /* the file that our bind has made, if any */

/* A directory beside the path, which we make for a moment, and a name in it. */
static char aside_dir[ROOM], aside[ROOM + 2];

void choose_path(const char *given)
{
	static char default_path[ROOM + 16];
	const char *base = getenv("XDG_RUNTIME_DIR");

	snprintf(own_dir, sizeof own_dir, "%s/dialtone-%ld",
		 base && *base ? base : "/tmp", (long)geteuid());
	snprintf(default_path, sizeof default_path, "%s/echo.sock", own_dir);
	path = given ? given : default_path;
	snprintf(aside_dir, sizeof aside_dir, "%s.%ld", path, (long)getpid());
	snprintf(aside, sizeof aside, "%s/s", aside_dir);
}

struct sockaddr_un address_of_path(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t n = strlen(path);

	if (n >= sizeof address.sun_path) { /* room for 107 bytes and a NUL */
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

/* ---- What is there? ---- */

/* lstat(2), as always here: stat(2) would follow a symbolic link. */
const char *kind_of_file(void)
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

struct text file_text(void)
{
	char mode[] = "?rwxrwxrwx";
	struct stat file;
	struct text text;

	if (lstat(path, &file) == -1)
		return (struct text){"gone"};
	mode[0] = S_ISSOCK(file.st_mode) ? 's' : '?';
	for (int i = 0; i < 9; i++)
		if ((file.st_mode >> (8 - i) & 1) == 0)
			mode[i + 1] = '-';
	snprintf(text.s, sizeof text.s, "%s, %lld bytes", mode,
		 (long long)file.st_size);
	return text;
}

/* ---- Our own directory ---- */

bool in_own_dir(void)
{
	size_t n = strlen(own_dir);

	return strncmp(path, own_dir, n) == 0 && path[n] == '/';
}

/* /tmp is everybody's: somebody else may have made a directory of that name. */
void check_own_dir(void)
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
		"hint: see ls -ld %s; or take another path, ./echo.sock\n",
		own_dir, own_dir);
	exit(EXIT_FAILURE);
}

static void make_own_dir(void)
{
	umask(077);
	if (mkdir(own_dir, 0700) == -1 && errno != EEXIST) {
		complain("mkdir %s", own_dir);
		fputs("hint: take another path: unix_demo server ./echo.sock\n",
		      stderr);
		exit(EXIT_FAILURE);
	}
	check_own_dir();
	own_dir_used = true;
}

/* ---- Taking a name away ---- */

/* Is the file called NAME the socket KNOWN? */
static bool is_socket(const char *name, const struct stat *known)
{
	struct stat file;

	return lstat(name, &file) == 0 && S_ISSOCK(file.st_mode) &&
	       file.st_dev == known->st_dev && file.st_ino == known->st_ino;
}

/* What is aside is somebody's: back to its place. link(2) never replaces a
 * file, as rename(2) would. A directory takes rename, which never puts one in
 * the place of a file. What cannot go back stays aside, and is not lost. */
static void put_back(void)
{
	struct stat file;

	if (lstat(aside, &file) == 0 && S_ISDIR(file.st_mode))
		rename(aside, path);
	else if (link(aside, path) == 0)
		unlink(aside);
}

/* Take the file at the path away, if it is the socket KNOWN. True: it is gone.
 *
 * A look at it and then unlink(path) would not do: in between, somebody can
 * give that name to a file of their own. So move it into a new directory, which
 * only we can enter, and look again, now that nobody else can change it. */
static bool take_away(const struct stat *known)
{
	sigset_t all, before;
	bool gone = false;

	sigfillset(&all); /* no signal shall end us halfway */
	sigprocmask(SIG_BLOCK, &all, &before);
	umask(077);
	if (is_socket(path, known) && mkdir(aside_dir, 0700) == 0) {
		if (rename(path, aside) == 0) {
			gone = is_socket(aside, known) && unlink(aside) == 0;
			if (!gone)
				put_back();
		}
		rmdir(aside_dir);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	return gone;
}

void remove_name(void)
{
	if (ours.st_ino)
		take_away(&ours);
	if (own_dir_used)
		rmdir(own_dir); /* fails if another name is in it: good */
}

/* ---- Taking a name ---- */

void own_name(void)
{
	if (lstat(path, &ours) == -1)
		die("look at %s", path);
}

/* A name that a killed server has left behind is a socket, is ours, and nobody
 * listens there; bind would find it in use. A name of which not all that is
 * true is left alone: bind will find out, and so will its user. */
static void clear_stale_name(const struct sockaddr_un *address)
{
	struct stat file;
	int fd, error = 0;

	if (lstat(path, &file) == -1 || !S_ISSOCK(file.st_mode) ||
	    file.st_uid != geteuid())
		return;

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (fd == -1)
		die("socket");
	if (connect(fd, (const struct sockaddr *)address, sizeof *address))
		error = errno;
	close(fd);
	/* No error: a server. EAGAIN: a busy one. EPROTOTYPE: of datagrams. */
	if (error != ECONNREFUSED)
		return;
	if (!take_away(&file)) {
		fprintf(stderr, "unix_demo: %s cannot be taken away\n", path);
		return;
	}
	printf("(%s: nobody listens there, a killed server\n"
	       " left it behind; replaced)\n",
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

int clear_name(const struct sockaddr_un *address)
{
	int lock_fd;

	if (in_own_dir())
		make_own_dir();
	lock_fd = lock_directory();
	clear_stale_name(address);
	return lock_fd;
}
