/* unix_fdpass - can an open file travel to another process?
 *
 *    keeper                                    guest
 *    file 4 ------ sendmsg, SCM_RIGHTS ------> recvmsg, and it is 5 there
 *
 * Watch:  the guest reads what it may not open; one file leaks, two are lost
 * Next:   sock_resolve, from a name to addresses
 */
#include "../common.h"
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static int pair[2], ends[2], taken[2], n;
static char buf[64] = "here";
static struct iovec bytes = {.iov_base = buf, .iov_len = 4};
static _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof taken)];
static struct msghdr message = {
	.msg_iov = &bytes, .msg_iovlen = 1, .msg_control = control};

/* Send 4 bytes and, in a control message beside them, COUNT open files. */
static void hand_over(const int *files, size_t count)
{
	message.msg_controllen = (socklen_t)CMSG_SPACE(count * sizeof(int));
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = (socklen_t)CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(head), files, count * sizeof(int)); /* any address */
	if (CALL("keeper", sendmsg(pair[0], &message, MSG_NOSIGNAL)) != 4)
		die("sendmsg");
}

/* Receive it, with ROOM for control: how many files came; -1: all are lost. */
static int take(size_t room)
{
	message.msg_controllen = (socklen_t)room;
	if (CALL("guest", recvmsg(pair[1], &message, MSG_DONTWAIT)) != 4)
		die("recvmsg");
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);
	if (!head)
		return message.msg_flags & MSG_CTRUNC ? -1 : 0;
	const size_t size = head->cmsg_len - CMSG_LEN(0);
	memcpy(taken, CMSG_DATA(head), size);
	return (int)(size / sizeof(int));
}

static void keeper(void)
{
	close(pair[1]); /* the guest's */
	int fd = memfd_create("secret", MFD_CLOEXEC);
	CALL("keeper", write(fd, "the cake is in the oven\n", 24));
	CALL("keeper", fchmod(fd, 0)); /* from here on nobody may open it */
	hand_over(&fd, 1);
	_exit(0);
}

/* Hand over a pipe's end COUNT times, and keep none. Reading the other end
 * tells: EAGAIN as long as it is open anywhere, 0 once it is not. */
static void hand_over_pipe(size_t count)
{
	if (pipe2(ends, O_NONBLOCK) == -1)
		die("pipe2");
	hand_over((int[]){ends[1], ends[1]}, count);
	close(ends[1]);
}

int main(int argc, char *argv[])
{
	const unsigned none[8] = {0x20080522}; /* rights, for capset(2) */

	begin_story(argc, argv,
		    "usage: unix_fdpass\n"
		    "Hand an open file to a process that may not open it.\n"
		    "example: unix_fdpass\n");
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == -1)
		die("socketpair");

	scene("The keeper makes a file, sends it, and is gone.");
	n = fork();
	if (n == -1)
		die("fork");
	if (n == 0)
		keeper();
	wait(NULL);
	expect("an open file has come", take(CMSG_SPACE(sizeof(int))) == 1);
	n = CALL("guest", lseek(taken[0], 0, SEEK_CUR));
	expect("the keeper's own: even its position has come along", n == 24);
	n = CALL("guest", pread(taken[0], buf, sizeof buf, 0));
	expect("the guest reads it ...", n == 24 && memcmp(buf, "the", 3) == 0);
	syscall(SYS_capset, none, none + 2);
	snprintf(buf, sizeof buf, "/proc/self/fd/%d", taken[0]);
	n = CALL("guest", open(buf, O_RDONLY));
	expect("... and may not open it", n == -1 && errno == EACCES);

	scene("Two are sent to a guest who looks for one.");
	hand_over_pipe(2);
	expect("both have come", take(CMSG_SPACE(2 * sizeof(int))) == 2);
	CALL("guest", close(taken[0]));
	n = CALL("pipe", read(ends[0], buf, sizeof buf));
	expect("one is open still: it leaks", n == -1 && errno == EAGAIN);
	CALL("guest", close(taken[1]));
	n = CALL("pipe", read(ends[0], buf, sizeof buf));
	expect("the cure: count what came, close every one", n == 0);

	scene("No room, or no free number: the file is lost.");
	hand_over_pipe(1);
	expect("no room: MSG_CTRUNC, 4 bytes and no file", take(0) == -1);
	n = CALL("pipe", read(ends[0], buf, sizeof buf));
	expect("the kernel has closed it", n == 0);
	hand_over_pipe(1);
	if (setrlimit(RLIMIT_NOFILE, &(struct rlimit){0, 0}) == -1)
		die("setrlimit");
	expect("no free number: the same", take(CMSG_SPACE(sizeof(int))) == -1);
	n = CALL("pipe", read(ends[0], buf, sizeof buf));
	expect("closed as well", n == 0);
}
