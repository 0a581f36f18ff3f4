/* unkind.c - a kernel that is unkind, within its rules: code that is right is
 * right under it too. Loaded before the C library (ld.so(8), LD_PRELOAD):
 *
 * - recv, read and their kin on a stream socket give fewer bytes than there
 *   are; send, write take fewer than they are given. TCP promises bytes in
 *   order, never how many at a time: recv(2), send(2), "RETURN VALUE".
 * - calls that may sleep are interrupted first (EINTR), as if a signal with a
 *   handler of one's own had come: signal(7). Not connect, which goes on by
 *   itself then and must not be called again: that is a lesson of its own, see
 *   tcp_connect, and Linux interrupts none in a program without a handler.
 *
 * In turn, so that a run can be repeated, and each call that is repeated gets
 * on. Datagrams stay whole, non-blocking calls are not interrupted: the kernel
 * does neither. Run: make unkind-FOLDER, which sets UNKIND_TELLS=1.
 */
#define _GNU_SOURCE /* RTLD_NEXT, accept4, ppoll */

#include <dlfcn.h>	/* dlsym */
#include <errno.h>	/* EINTR, program_invocation_short_name */
#include <fcntl.h>	/* fcntl, O_NONBLOCK */
#include <poll.h>	/* poll, ppoll */
#include <stdatomic.h>	/* atomic_uint */
#include <stdbool.h>	/* bool */
#include <stdio.h>	/* snprintf */
#include <stdlib.h>	/* getenv */
#include <string.h>	/* strcmp, strlen */
#include <sys/epoll.h>	/* epoll_wait */
#include <sys/select.h> /* select */
#include <sys/socket.h> /* recv, send, ... */
#include <unistd.h>	/* read, write */

/* ISO C knows no functions behind void *, as dlsym gives them, POSIX does; and
 * glibc declares the addresses of accept and others as transparent unions. */
#pragma GCC diagnostic ignored "-Wpedantic"

/* What this name means in the C library, which is loaded after us. */
#define REAL(name) ((__typeof__(&(name)))real(#name))

static void *real(const char *name)
{
	void *function = dlsym(RTLD_NEXT, name);

	if (!function)
		abort(); /* every C library has recv */
	return function;
}

/* If you want to watch, UNKIND_TELLS=1: one line on standard error. */
static void tell(const char *call, const char *what, size_t n)
{
	const char *wanted = getenv("UNKIND_TELLS");
	int error = errno;
	char line[80];

	if (!wanted || strcmp(wanted, "1") != 0)
		return;
	if (n > 0)
		snprintf(line, sizeof line, "unkind: %s: %s %zu\n", call, what,
			 n);
	else
		snprintf(line, sizeof line, "unkind: %s: %s\n", call, what);
	/* Best effort, by the C library's write: ours is unkind. */
	(void)!REAL(write)(STDERR_FILENO, line, strlen(line));
	errno = error;
}

/* The type of socket that FD is: SOCK_STREAM, ...; -1 if it is none. */
static int type_of(int fd)
{
	int type = -1, error = errno;
	socklen_t length = sizeof type;

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == -1)
		type = -1;
	errno = error;
	return type;
}

/* ip(8) sets up the network of a demo, and is not what is tried. */
static bool spared(void)
{
	return strcmp(program_invocation_short_name, "ip") == 0;
}

static bool may_sleep(int fd, int flags)
{
	int mode = fcntl(fd, F_GETFL);

	return mode != -1 && !(mode & O_NONBLOCK) && !(flags & MSG_DONTWAIT);
}

/* Whether this call is one to interrupt: every third one of its kind. */
static bool interrupts(const char *call, atomic_uint *turn)
{
	if (spared() || (*turn)++ % 3 != 0)
		return false;
	tell(call, "interrupted (EINTR)", 0);
	errno = EINTR;
	return true;
}

/* How many of N bytes this call is to move, or -1: it is interrupted. */
static ssize_t allow(const char *call, atomic_uint *turn, int fd, size_t n,
		     int flags)
{
	unsigned int now = (*turn)++ % 4;
	size_t fewer[] = {n, 1, (n + 1) / 2, n};
	int type = type_of(fd);

	if (type == -1 || n == 0 || spared())
		return (ssize_t)n;
	if (now == 0 && may_sleep(fd, flags)) {
		tell(call, "interrupted (EINTR)", 0);
		errno = EINTR;
		return -1;
	}
	if (type != SOCK_STREAM || flags & (MSG_PEEK | MSG_OOB | MSG_WAITALL) ||
	    fewer[now] == n)
		return (ssize_t)n;
	tell(call, "at most this many bytes:", fewer[now]);
	return (ssize_t)fewer[now];
}

static atomic_uint receiving, sending, waiting, accepting;

ssize_t recvfrom(int fd, void *buf, size_t n, int flags,
		 struct sockaddr *restrict from, socklen_t *restrict length)
{
	ssize_t most = allow("recv", &receiving, fd, n, flags);

	if (most == -1)
		return -1;
	return REAL(recvfrom)(fd, buf, (size_t)most, flags, from, length);
}

ssize_t recv(int fd, void *buf, size_t n, int flags)
{
	return recvfrom(fd, buf, n, flags, NULL, NULL);
}

ssize_t read(int fd, void *buf, size_t n)
{
	ssize_t most = allow("read", &receiving, fd, n, 0);

	return most == -1 ? -1 : REAL(read)(fd, buf, (size_t)most);
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
	if (may_sleep(fd, flags) && interrupts("recvmsg", &receiving))
		return -1;
	return REAL(recvmsg)(fd, message, flags);
}

ssize_t sendto(int fd, const void *buf, size_t n, int flags,
	       const struct sockaddr *to, socklen_t length)
{
	ssize_t most = allow("send", &sending, fd, n, flags);

	if (most == -1)
		return -1;
	return REAL(sendto)(fd, buf, (size_t)most, flags, to, length);
}

ssize_t send(int fd, const void *buf, size_t n, int flags)
{
	return sendto(fd, buf, n, flags, NULL, 0);
}

ssize_t write(int fd, const void *buf, size_t n)
{
	ssize_t most = allow("write", &sending, fd, n, 0);

	return most == -1 ? -1 : REAL(write)(fd, buf, (size_t)most);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	if (may_sleep(fd, flags) && interrupts("sendmsg", &sending))
		return -1;
	return REAL(sendmsg)(fd, message, flags);
}

int accept4(int fd, struct sockaddr *restrict address,
	    socklen_t *restrict length, int flags)
{
	if (may_sleep(fd, 0) && interrupts("accept", &accepting))
		return -1;
	return REAL(accept4)(fd, address, length, flags);
}

int accept(int fd, struct sockaddr *restrict address,
	   socklen_t *restrict length)
{
	return accept4(fd, address, length, 0);
}

int poll(struct pollfd *fds, nfds_t count, int timeout)
{
	if (timeout != 0 && interrupts("poll", &waiting))
		return -1;
	return REAL(poll)(fds, count, timeout);
}

int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
	  const sigset_t *mask)
{
	if (interrupts("ppoll", &waiting))
		return -1;
	return REAL(ppoll)(fds, count, timeout, mask);
}

int select(int count, fd_set *restrict reading, fd_set *restrict writing,
	   fd_set *restrict others, struct timeval *restrict timeout)
{
	if (interrupts("select", &waiting))
		return -1;
	return REAL(select)(count, reading, writing, others, timeout);
}

int epoll_wait(int fd, struct epoll_event *events, int count, int timeout)
{
	if (timeout != 0 && interrupts("epoll_wait", &waiting))
		return -1;
	return REAL(epoll_wait)(fd, events, count, timeout);
}

/* What glibc's headers make of the same calls under _FORTIFY_SOURCE. */
ssize_t __recv_chk(int fd, void *buf, size_t n, size_t room, int flags);
ssize_t __recvfrom_chk(int fd, void *buf, size_t n, size_t room, int flags,
		       struct sockaddr *from, socklen_t *length);
ssize_t __read_chk(int fd, void *buf, size_t n, size_t room);
int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t room);

ssize_t __recv_chk(int fd, void *buf, size_t n, size_t room, int flags)
{
	return n > room ? (abort(), -1) : recv(fd, buf, n, flags);
}

ssize_t __recvfrom_chk(int fd, void *buf, size_t n, size_t room, int flags,
		       struct sockaddr *from, socklen_t *length)
{
	return n > room ? (abort(), -1)
			: recvfrom(fd, buf, n, flags, from, length);
}

ssize_t __read_chk(int fd, void *buf, size_t n, size_t room)
{
	return n > room ? (abort(), -1) : read(fd, buf, n);
}

int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t room)
{
	return count > room / sizeof *fds ? (abort(), -1)
					  : poll(fds, count, timeout);
}
