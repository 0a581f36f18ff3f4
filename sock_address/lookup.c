/* lookup.c - the tool: what getaddrinfo makes of a name.
 */
#define _GNU_SOURCE /* for common.h: program_invocation_short_name */

#include "../old_common.h"
#include "sock_address.h"

static const char *family_name(int family)
{
	return family == AF_INET6 ? "AF_INET6" : "AF_INET";
}

static const char *type_name(int type)
{
	return type == SOCK_STREAM  ? "SOCK_STREAM"
	       : type == SOCK_DGRAM ? "SOCK_DGRAM"
				    : "SOCK_RAW";
}

static const char *protocol_name(int protocol)
{
	return protocol == IPPROTO_TCP	 ? "TCP"
	       : protocol == IPPROTO_UDP ? "UDP"
					 : "any";
}

/* Is the address of THIS one that stands before it in LIST, too? */
static bool seen_before(const struct addrinfo *list,
			const struct addrinfo *this)
{
	for (; list != this; list = list->ai_next)
		if (list->ai_addrlen == this->ai_addrlen &&
		    !memcmp(list->ai_addr, this->ai_addr, this->ai_addrlen))
			return true;
	return false;
}

void no_result(const char *name, const char *service, int error)
{
	if (error == EAI_SYSTEM)
		die("look up %s, service %s", name, service);
	fprintf(stderr, "%s: look up %s, service %s: %s (%s)\n",
		program_invocation_short_name, name, service,
		gai_strerror(error), errno_name(error));
	if (error == EAI_SERVICE)
		fputs("hint: service names are those of /etc/services; "
		      "a port number always works\n",
		      stderr);
	else
		fputs("hint: is it spelt right? A port is a second word: "
		      "sock_address localhost 80\n",
		      stderr);
	exit(EXIT_FAILURE);
}

void look_up(const char *name, const char *service)
{
	struct addrinfo *list;
	int n = 0;

	/* No hints (NULL): all families and types. Each result holds what
	 * socket() and then connect() or bind() take; try them in turn. */
	int error = getaddrinfo(name, service, NULL, &list);
	if (error)
		no_result(name, service, error);

	puts("What getaddrinfo gives, in the order in which to try it:");
	for (struct addrinfo *it = list; it; it = it->ai_next)
		printf("%4d. %-8s  %-11s  %-3s  %s\n", ++n,
		       family_name(it->ai_family), type_name(it->ai_socktype),
		       protocol_name(it->ai_protocol),
		       address_text(it->ai_addr, it->ai_addrlen).s);
	puts("The same addresses as the kernel wants them:");
	for (struct addrinfo *it = list; it; it = it->ai_next)
		if (!seen_before(list, it))
			show_bytes(it->ai_addr, it->ai_addrlen);
	freeaddrinfo(list);
}
