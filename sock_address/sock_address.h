/* sock_address.h - what the story (sock_address.c) and the tool (lookup.c) have
 * in common: the bytes of an address (bytes.c).
 */
#ifndef DIALTONE_SOCK_ADDRESS_H
#define DIALTONE_SOCK_ADDRESS_H

#include <sys/socket.h> /* struct sockaddr, socklen_t */

/* Print the bytes of an IPv4 or IPv6 socket address as they lie in memory, a
 * line for each of its members: ip(7), ipv6(7). */
void show_bytes(const struct sockaddr *address, socklen_t length);

/* Print what getaddrinfo(3) makes of NAME and SERVICE: every result, and the
 * bytes of each address. Ends the program with status 1 if there is none. */
void look_up(const char *name, const char *service);

/* The error that getaddrinfo(3) gave, with a hint; status 1. */
__attribute__((noreturn)) void no_result(const char *name, const char *service,
					 int error);

#endif
