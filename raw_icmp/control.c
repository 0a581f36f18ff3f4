/* control.c - what the kernel says beside a packet. recvmsg(2) brings it as a
 * list of control messages, each with its own level, type and length: cmsg(3).
 */
#define _GNU_SOURCE /* for common.h: program_invocation_short_name */

#include <time.h> /* clock_gettime */

#include "raw_icmp.h"

/* How long ago STAMP was. The kernel's stamp is of the clock on the wall, which
 * may be set at any time; so no more than this difference is taken from it. */
static int64_t age_of(const struct timespec *stamp)
{
	struct timespec wall;
	int64_t age;

	if (clock_gettime(CLOCK_REALTIME, &wall) == -1)
		fatal("clock_gettime");
	age = (wall.tv_sec - stamp->tv_sec) * SECOND + wall.tv_nsec -
	      stamp->tv_nsec;
	return age > 0 ? age : 0;
}

/* The N bytes of DATA may lie at any address, hence memcpy. */
static void read_one(struct incoming *in, int level, int type,
		     const uint8_t *data, size_t n)
{
	struct timespec stamp;

	if (level == SOL_SOCKET && type == SO_TIMESTAMPNS &&
	    n >= sizeof stamp) {
		memcpy(&stamp, data, sizeof stamp);
		in->age = age_of(&stamp);
	} else if (((level == IPPROTO_IP && type == IP_TTL) ||
		    (level == IPPROTO_IPV6 && type == IPV6_HOPLIMIT)) &&
		   n >= sizeof in->ttl) {
		memcpy(&in->ttl, data, sizeof in->ttl);
	} else if (((level == IPPROTO_IP && type == IP_RECVERR) ||
		    (level == IPPROTO_IPV6 && type == IPV6_RECVERR)) &&
		   n >= sizeof in->error) {
		/* Behind the error stands the address of who reports it. */
		size_t rest = n - sizeof in->error;

		in->has_error = true;
		memcpy(&in->error, data, sizeof in->error);
		memcpy(&in->offender, data + sizeof in->error,
		       rest < sizeof in->offender ? rest : sizeof in->offender);
	}
}

void read_control(struct incoming *in, struct msghdr *message)
{
	in->age = 0;
	in->ttl = 0;
	in->has_error = false;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c;
	     c = CMSG_NXTHDR(message, c))
		read_one(in, c->cmsg_level, c->cmsg_type, CMSG_DATA(c),
			 c->cmsg_len - CMSG_LEN(0));
}
