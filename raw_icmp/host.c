/* host.c - whom raw_icmp asks: from a name to an address, and back to text. */
#define _GNU_SOURCE /* for common.h: program_invocation_short_name */

#include <netdb.h> /* getaddrinfo, getnameinfo */

#include "raw_icmp.h"

struct host host;

/* Replies are told from forgeries by their sender: it must be one host. */
static bool is_one_host(const union address *address)
{
	if (address->any.sa_family == AF_INET6)
		return !IN6_IS_ADDR_UNSPECIFIED(&address->v6.sin6_addr) &&
		       !IN6_IS_ADDR_MULTICAST(&address->v6.sin6_addr);
	return address->v4.sin_addr.s_addr != htonl(INADDR_ANY) &&
	       !IN_MULTICAST(ntohl(address->v4.sin_addr.s_addr));
}

void find_host(const char *name)
{
	const struct addrinfo wanted = {.ai_family = options.family,
					.ai_socktype = SOCK_DGRAM};
	struct addrinfo *list;
	int error = getaddrinfo(name, NULL, &wanted, &list);

	if (error == EAI_SYSTEM)
		fatal("look up %s", name);
	if (error) {
		fprintf(stderr, "%s: look up %s: %s (%s)\n",
			program_invocation_short_name, name,
			gai_strerror(error), errno_name(error));
		exit(2);
	}
	host.name = name;
	memcpy(&host.address, list->ai_addr, list->ai_addrlen);
	host.length = list->ai_addrlen;
	host.v6 = list->ai_family == AF_INET6;
	freeaddrinfo(list);

	if (!is_one_host(&host.address)) {
		errno = EDESTADDRREQ;
		fatal("%s is not the address of one host", name);
	}
}

bool is_hosts_address(const void *bytes)
{
	if (host.v6)
		return memcmp(bytes, &host.address.v6.sin6_addr, 16) == 0;
	return memcmp(bytes, &host.address.v4.sin_addr, 4) == 0;
}

bool is_host(const union address *address)
{
	return host.v6 ? is_hosts_address(&address->v6.sin6_addr)
		       : is_hosts_address(&address->v4.sin_addr);
}

struct text ip_text(const union address *address)
{
	struct text text = {"(no address)"};

	getnameinfo(&address->any, sizeof *address, text.s, sizeof text.s, NULL,
		    0, NI_NUMERICHOST);
	return text;
}

struct text sender_text(const union address *address)
{
	struct text number = ip_text(address), text = number;

	if (strcmp(number.s, ip_text(&host.address).s) == 0 &&
	    strcmp(number.s, host.name) != 0)
		snprintf(text.s, sizeof text.s, "%.100s (%.100s)", host.name,
			 number.s);
	return text;
}
