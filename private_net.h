/* private_net.h - a network of one's own, for demos that need raw or packet
 * sockets: a student has no root, but may have this.
 */
#ifndef DIALTONE_PRIVATE_NET_H
#define DIALTONE_PRIVATE_NET_H

#include <fcntl.h>     /* open */
#include <net/if.h>    /* struct ifreq, IFF_UP */
#include <sched.h>     /* unshare, CLONE_NEWUSER */
#include <sys/ioctl.h> /* ioctl, SIOCSIFFLAGS */

#include "old_common.h"

/* Write TEXT into the file at PATH, in one write(2). 0, or -1 with errno. */
static inline int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t written = fd == -1 ? -1 : write(fd, text, strlen(text));
	int error = errno;

	if (fd != -1)
		close(fd);
	errno = error;
	return written == -1 ? -1 : 0;
}

/* Move this process, which must have one thread, into a new user namespace,
 * where it has every capability, and a new network namespace with a loopback
 * interface and nothing else, and set that up: user_namespaces(7),
 * network_namespaces(7), netdevice(7). Sockets it had stay where they were.
 * 0, or -1 with errno where the system forbids it: EPERM or ENOSPC (user
 * namespaces switched off or used up), EACCES or EPERM (a security module took
 * the capabilities away). The process may have changed namespaces even so; a
 * demo that wants to go on without does this in a child first. */
static inline int enter_private_network(void)
{
	struct ifreq loopback = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	long uid = getuid(), gid = getgid();
	char map[64];
	int fd, result;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) == -1)
		return -1;
	/* We stay who we are; the kernel wants setgroups denied first. */
	snprintf(map, sizeof map, "%ld %ld 1", uid, uid);
	if (write_file("/proc/self/uid_map", map) == -1 ||
	    write_file("/proc/self/setgroups", "deny") == -1)
		return -1;
	snprintf(map, sizeof map, "%ld %ld 1", gid, gid);
	if (write_file("/proc/self/gid_map", map) == -1)
		return -1;

	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -1;
	result = ioctl(fd, SIOCSIFFLAGS, &loopback);
	close(fd);
	return result;
}

#endif
