/* unix_fdpass - an open file travels from one process to another.
 *
 *    keeper                                    guest
 *    file 4 ------ sendmsg, SCM_RIGHTS ------> recvmsg, and it is 5 there
 *                  "here" + the open file
 *
 * Run:    unix_fdpass
 * Watch:  the guest reads a file that it may not open; and what becomes of a
 *         descriptor on its way that nobody takes
 * Next:   sock_address, names of the other families
 */
#define _GNU_SOURCE /* struct ucred, accept4, pipe2 */

#include <fcntl.h>	 /* open */
#include <sys/mman.h>	 /* memfd_create */
#include <sys/stat.h>	 /* fchmod */
#include <sys/syscall.h> /* SYS_capset */
#include <sys/un.h>	 /* sockaddr_un */
#include <sys/wait.h>	 /* waitpid */

#include "../story.h"

static const char usage[] =
	"usage: unix_fdpass\n"
	"Hand an open file to a process that could not have opened it.\n"
	"example: unix_fdpass\n";

/* Nothing here has to wait: what is looked for has been sent before. So all
 * sockets are non-blocking, and a surprise is an EAGAIN instead of a hang. */
enum { STREAM = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC };

/* Room for a control message with two descriptors, aligned as its header. */
union control {
	struct cmsghdr head;
	char bytes[CMSG_SPACE(2 * sizeof(int))];
};

/* Send "here" and, beside the bytes, a control message with N descriptors:
 * unix(7), cmsg(3). */
static void hand_over(int fd, const int *given, size_t n)
{
	union control control = {.bytes = {0}};
	struct iovec bytes = {.iov_base = (char[]){"here"}, .iov_len = 4};
	struct msghdr message = {
		.msg_iov = &bytes,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = (socklen_t)CMSG_SPACE(n * sizeof(int)),
	};
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = (socklen_t)CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(head), given, n * sizeof(int));
	MUST("keeper", sendmsg(fd, &message, MSG_NOSIGNAL));
}

/* Receive a message, with ROOM bytes for its control message, and put the
 * descriptors that came into TAKEN. Returns how many; *FLAGS: what the kernel
 * remarks. */
static int take(int fd, size_t room, int taken[2], int *flags)
{
	union control control;
	char text[16];
	struct iovec bytes = {.iov_base = text, .iov_len = sizeof text};
	struct msghdr message = {
		.msg_iov = &bytes,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = (socklen_t)room,
	};
	size_t size;

	MUST("guest", recvmsg(fd, &message, MSG_CMSG_CLOEXEC));
	*flags = message.msg_flags;
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);
	if (!head || head->cmsg_level != SOL_SOCKET ||
	    head->cmsg_type != SCM_RIGHTS)
		return 0;
	/* The length says how many came: never take "one" for granted. */
	size = (size_t)head->cmsg_len - CMSG_LEN(0);
	memcpy(taken, CMSG_DATA(head), size);
	return (int)(size / sizeof(int));
}

static void two_ends(void)
{
	struct sockaddr_un name;
	socklen_t length = sizeof name;
	char buf[16];
	int pair[2];

	scene("socketpair: a line that is connected from its first moment.");
	MUST("we", socketpair(AF_UNIX, STREAM, 0, pair));
	MUST("we", send(pair[0], "ping", 4, MSG_NOSIGNAL));
	ssize_t heard = CALL("we", recv(pair[1], buf, sizeof buf, 0));
	MUST("we", send(pair[1], "pong!", 5, MSG_NOSIGNAL));
	ssize_t answer = CALL("we", recv(pair[0], buf, sizeof buf, 0));
	expect(heard == 4 && answer == 5, "bytes go both ways, as over TCP");

	if (getsockname(pair[0], (struct sockaddr *)&name, &length) == -1)
		die("getsockname");
	expect(length == sizeof(sa_family_t),
	       "neither end has a name: only who inherits it can use it");
	close(pair[0]);
	close(pair[1]);
}

/* A listening socket that processes find by *NAME, of *LENGTH bytes. */
static int name_without_file(struct sockaddr_un *name, socklen_t *length)
{
	struct sockaddr_un padded = {.sun_family = AF_UNIX};
	const struct sockaddr *any = (struct sockaddr *)name;
	const struct sockaddr *longer = (struct sockaddr *)&padded;
	int listen_fd = socket(AF_UNIX, STREAM, 0);
	int other_fd = socket(AF_UNIX, STREAM, 0);

	if (listen_fd == -1 || other_fd == -1)
		die("socket");
	scene("An abstract name: it begins with a NUL byte and is no file.");
	/* A family and nothing else: "kernel, choose", as port 0 is. */
	MUST("guest", bind(listen_fd, any, sizeof(sa_family_t)));
	MUST("guest", listen(listen_fd, 1));
	*length = sizeof *name;
	if (getsockname(listen_fd, (struct sockaddr *)name, length) == -1)
		die("getsockname");
	size_t n = *length - sizeof(sa_family_t);
	note("the kernel chose %s, %zu bytes", quoted(name->sun_path, n).s, n);
	expect(n > 1 && name->sun_path[0] == '\0', "the first byte is NUL");

	/* The same characters, but with NULs behind them up to the end. */
	memcpy(padded.sun_path, name->sun_path, n);
	long failed = CALL("other", connect(other_fd, longer, sizeof padded));
	expect(failed && errno == ECONNREFUSED,
	       "a longer name is another name, were it only for NULs");
	close(other_fd);
	return listen_fd;
}

/* The other process: opens, sends, and is gone. */
static void keeper(const struct sockaddr_un *name, socklen_t length,
		   int listen_fd)
{
	static const char secret[] = "the cake is in the oven\n";
	const struct sockaddr *to = (const struct sockaddr *)name;
	int fd, file_fd;

	close(listen_fd); /* the guest's: fork has made a second one, ours */
	fd = socket(AF_UNIX, STREAM, 0);
	if (fd == -1)
		die("socket");
	MUST("keeper", connect(fd, to, length));
	/* A file in memory: no name, and nothing that could be left behind. */
	file_fd = (int)CALL("keeper", memfd_create("secret", MFD_CLOEXEC));
	if (file_fd == -1)
		die("memfd_create");
	MUST("keeper", write(file_fd, secret, sizeof secret - 1));
	/* Mode 0: from here on nobody may open it. What is open stays open. */
	MUST("keeper", fchmod(file_fd, 0));
	hand_over(fd, &file_fd, 1);
	note("the keeper ends: the kernel closes all its descriptors");
}

/* Returns the process id that the keeper had. */
static pid_t keeper_comes_and_goes(const struct sockaddr_un *name,
				   socklen_t length, int listen_fd)
{
	pid_t pid;
	int status;

	scene("The keeper, another process, makes a file, sends it, is gone.");
	fflush(stdout); /* else the child would print it again */
	pid = fork();
	if (pid == -1)
		die("fork");
	if (pid == 0) {
		keeper(name, length, listen_fd);
		exit(EXIT_SUCCESS);
	}
	while (waitpid(pid, &status, 0) == -1)
		if (errno != EINTR)
			die("waitpid");
	if (status != 0) {
		fputs("unix_fdpass: the keeper failed\n", stderr);
		exit(EXIT_FAILURE);
	}
	return pid;
}

/* Root opens every file, whatever its mode, by a capability(7). Give up all of
 * them, so that the story is the same for root; others have none to lose. */
static void become_ordinary(void)
{
	/* struct __user_cap_header_struct and two of __user_cap_data_struct
	 * of <linux/capability.h>, which not every libc brings along. */
	struct {
		unsigned version; /* _LINUX_CAPABILITY_VERSION_3 */
		int pid;	  /* 0: this process */
	} head = {.version = 0x20080522};
	unsigned none[2][3] = {{0}}; /* effective, permitted, inheritable */

	if (syscall(SYS_capset, &head, none) == -1)
		die("capset");
}

static void guest_receives(int listen_fd, pid_t keeper_pid)
{
	struct ucred who;
	socklen_t length = sizeof who;
	char buf[64] = "", path[32];
	int taken[2], flags, conn_fd;

	scene("The guest asks who called, and takes what it may not open.");
	conn_fd = (int)CALL("guest", accept4(listen_fd, NULL, NULL,
					     SOCK_NONBLOCK | SOCK_CLOEXEC));
	if (conn_fd == -1)
		die("accept4");
	MUST("guest",
	     getsockopt(conn_fd, SOL_SOCKET, SO_PEERCRED, &who, &length));
	note("pid %ld, uid %ld, gid %ld", (long)who.pid, (long)who.uid,
	     (long)who.gid);
	expect(who.pid == keeper_pid && who.uid == geteuid(),
	       "the kernel's word, not the caller's: it was the keeper");

	int count = take(conn_fd, CMSG_SPACE(sizeof(int)), taken, &flags);
	expect(count == 1, "with the bytes came an open file");
	note("its number here is %d", taken[0]);
	off_t offset = CALL("guest", lseek(taken[0], 0, SEEK_CUR));
	MUST("guest", lseek(taken[0], 0, SEEK_SET));
	ssize_t n = CALL("guest", read(taken[0], buf, sizeof buf));
	if (n == -1)
		die("read");
	note("it reads %s", quoted(buf, (size_t)n).s);
	expect(offset == n && n > 0,
	       "the keeper's own open file: even its position came along");

	/* proc(5) gives each open file a path, by which to open it again. */
	become_ordinary();
	snprintf(path, sizeof path, "/proc/self/fd/%d", taken[0]);
	long again_fd = CALL("guest", open(path, O_RDONLY | O_CLOEXEC));
	expect(again_fd == -1 && errno == EACCES,
	       "opening it is forbidden to the guest, having it is not");
	close(taken[0]);
	close(conn_fd);
	close(listen_fd);
}

/* For what follows, one process plays both ends. A connected pair, and a pipe
 * whose write end is *GIVEN. Its read end is the witness: reading it gives 0
 * (end of file) once no descriptor for the write end exists anywhere, EAGAIN as
 * long as there is one, be it in a process or on its way. */
static void new_pair(int pair[2], int *given, int *witness_fd)
{
	int ends[2];

	if (socketpair(AF_UNIX, STREAM, 0, pair) == -1)
		die("socketpair");
	if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) == -1)
		die("pipe2");
	*witness_fd = ends[0];
	*given = ends[1];
}

static bool open_somewhere(int witness_fd)
{
	char byte;
	ssize_t n = CALL("pipe", read(witness_fd, &byte, 1));

	if (n == -1 && errno != EAGAIN)
		die("read");
	return n == -1;
}

static void no_room(void)
{
	int pair[2], taken[2], witness_fd, flags, given;

	scene("No room for the control message: the descriptor is lost.");
	note("(from here on, one process plays the keeper and the guest)");
	new_pair(pair, &given, &witness_fd);
	hand_over(pair[0], &given, 1);
	MUST("keeper", close(given));
	expect(open_somewhere(witness_fd),
	       "on its way it is open, though nobody has it");

	int count = take(pair[1], 0, taken, &flags);
	expect(count == 0 && (flags & MSG_CTRUNC),
	       "the bytes came; MSG_CTRUNC says: the control message did not");
	expect(!open_somewhere(witness_fd),
	       "the kernel closed it: no leak, but no second chance either");
	close(witness_fd);
	close(pair[0]);
	close(pair[1]);
}

static void one_too_many(void)
{
	int pair[2], taken[2], witness_fd, flags, given[2];

	scene("A guest with room for one is given two: one leaks.");
	new_pair(pair, &given[0], &witness_fd);
	given[1] = given[0];
	hand_over(pair[0], given, 2);
	MUST("keeper", close(given[0]));
	int count = take(pair[1], CMSG_SPACE(sizeof(int)), taken, &flags);
	expect(count == 2 && !(flags & MSG_CTRUNC),
	       "CMSG_SPACE rounds up: both fit into the room for one");
	MUST("guest", close(taken[0]));
	expect(open_somewhere(witness_fd),
	       "who looks at the first one only, leaks one");
	MUST("guest", close(taken[1]));
	expect(!open_somewhere(witness_fd),
	       "the cure: see how many came (cmsg_len), close every one");
	close(witness_fd);
	close(pair[0]);
	close(pair[1]);
}

static void nobody_takes_it(void)
{
	int pair[2], witness_fd, given;

	scene("Nobody takes it: it lives until the socket dies.");
	new_pair(pair, &given, &witness_fd);
	hand_over(pair[0], &given, 1);
	MUST("keeper", close(given));
	MUST("keeper", close(pair[0]));
	expect(open_somewhere(witness_fd),
	       "an unread message keeps its descriptors open");
	MUST("guest", close(pair[1]));
	expect(!open_somewhere(witness_fd),
	       "with the last end of the socket they are closed as well");
	close(witness_fd);
}

int main(int argc, char *argv[])
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	socklen_t length;

	begin_story(argc, argv, usage);
	two_ends();
	int listen_fd = name_without_file(&name, &length);
	pid_t keeper_pid = keeper_comes_and_goes(&name, length, listen_fd);
	guest_receives(listen_fd, keeper_pid);
	no_room();
	one_too_many();
	nobody_takes_it();
	puts("\nRemember: what travels is not a number but the open file "
	     "itself. Whoever\n"
	     "receives descriptors has to count them, and to close every "
	     "one.");
	return EXIT_SUCCESS;
}
