/* dgram.c - what is different with SOCK_DGRAM, the door for pings without
 * privilege: icmp(7).
 */
#define _GNU_SOURCE /* for common.h: program_invocation_short_name */

#include "raw_icmp.h"

unsigned prepare_dgram(int fd)
{
	union address own = {.any.sa_family = host.address.any.sa_family};
	socklen_t length = sizeof own;
	const int on = 1;

	/* ICMP errors do not come as packets, but in a queue of their own. */
	if (setsockopt(fd, host.v6 ? IPPROTO_IPV6 : IPPROTO_IP,
		       host.v6 ? IPV6_RECVERR : IP_RECVERR, &on,
		       sizeof on) == -1)
		fatal("setsockopt %s", host.v6 ? "IPV6_RECVERR" : "IP_RECVERR");

	/* The id stands where other sockets have their port: bind picks it. */
	if (bind(fd, &own.any, host.length) == -1)
		fatal("bind");
	if (getsockname(fd, &own.any, &length) == -1)
		fatal("getsockname");
	return ntohs(host.v6 ? own.v6.sin6_port : own.v4.sin_port);
}

bool is_from_icmp(int error)
{
	return error == ENETUNREACH || error == EHOSTUNREACH ||
	       error == ENOPROTOOPT || error == ECONNREFUSED ||
	       error == EMSGSIZE || error == EOPNOTSUPP || error == EPROTO ||
	       error == EHOSTDOWN || error == ENONET || error == EACCES;
}

/* The queue has the beginning of our request, and beside it what was reported:
 * put together, that is the error as a raw socket would get it. */
bool parse_queued_error(struct packet *error, const struct incoming *in)
{
	struct packet request;

	if (!in->has_error || in->error.type == 0) /* 0: our own kernel's */
		return false;
	if (!parse_packet(&request, in->bytes, in->n,
			  host.v6 ? FIRST_ICMPV6 : FIRST_ICMP) ||
	    request.kind != ECHO_REQUEST)
		return false;
	*error = (struct packet){.kind = ICMP_ERROR,
				 .v6 = host.v6,
				 .checksum_right = true,
				 .type = in->error.type,
				 .code = in->error.code,
				 .info = in->error.info,
				 .quotes_request = true,
				 .quoted_sequence = request.sequence};
	return true;
}
