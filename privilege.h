/* privilege.h - giving up what root and setcap(8) give, for demos that need it
 * for one socket(2) and then read what strangers send.
 */
#ifndef DIALTONE_PRIVILEGE_H
#define DIALTONE_PRIVILEGE_H

#include <stdint.h>	 /* uint32_t */
#include <sys/syscall.h> /* SYS_capset */
#include <unistd.h>	 /* syscall */

/* Give up all capabilities of this process, for good: capabilities(7). Sockets
 * that are open stay open. 0, or -1 with errno. */
static inline int drop_capabilities(void)
{
	/* capset(2) has no function in the C library. Its structures are in
	 * linux/capability.h, which is not everywhere where a C library is;
	 * they have not changed since Linux 2.6.26. */
	const struct {
		uint32_t version;
		int pid; /* 0: this process */
	} header = {.version = 0x20080522};
	const struct {
		uint32_t effective, permitted, inheritable;
	} none[2] = {{0}};

	return (int)syscall(SYS_capset, &header, none);
}

#endif
