/* bytes.c - an address as it lies in memory, member by member.
 */
#define _GNU_SOURCE /* for common.h: program_invocation_short_name */

#include "../old_common.h"
#include "sock_address.h"

/* A line for the member NAME of ADDRESS, which is FIELD, of SIZE bytes. */
static void show_field(const char *name, const void *address, const void *field,
		       size_t size, const char *meaning)
{
	const unsigned char *bytes = field;

	printf("   %6td  %-14s", bytes - (const unsigned char *)address, name);
	for (size_t i = 0; i < size; i++)
		printf(" %02x", bytes[i]);
	if (*meaning)
		printf("%*s%s", 26 - 3 * (int)size, "", meaning);
	putchar('\n');
}

#define FIELD(address, member, meaning)                                        \
	show_field(#member, address, &(address)->member,                       \
		   sizeof((address)->member), meaning)

static void show_v4(const struct sockaddr_in *in)
{
	FIELD(in, sin_family, "AF_INET, in host order");
	FIELD(in, sin_port, "the port, high byte first");
	FIELD(in, sin_addr, "the address");
	FIELD(in, sin_zero, "not used");
}

static void show_v6(const struct sockaddr_in6 *in6)
{
	FIELD(in6, sin6_family, "AF_INET6, in host order");
	FIELD(in6, sin6_port, "the port, high byte first");
	FIELD(in6, sin6_flowinfo, "");
	FIELD(in6, sin6_addr, "");
	FIELD(in6, sin6_scope_id, "");
}

void show_bytes(const struct sockaddr *address, socklen_t length)
{
	const bool v6 = address->sa_family == AF_INET6;

	printf("   %s is a struct %s of %u bytes:\n",
	       address_text(address, length).s,
	       v6 ? "sockaddr_in6" : "sockaddr_in", (unsigned)length);
	puts("   offset  member         bytes");
	/* The family, which all have at the same place, tells what the rest
	 * is. The detour over void * says: yes, we know what we cast to. */
	if (v6)
		show_v6((const void *)address);
	else
		show_v4((const void *)address);
}
