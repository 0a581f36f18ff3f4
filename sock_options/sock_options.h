/* sock_options.h - what the tool (sock_options.c) and the story (scenes.c) have
 * in common.
 */
#ifndef DIALTONE_SOCK_OPTIONS_H
#define DIALTONE_SOCK_OPTIONS_H

#include <stdbool.h> /* bool */

/* A line for each option: its type, its value on new TCP and UDP sockets, and
 * what it means. */
void show_table(void);

/* A new socket. Ends the program with status 1 if there is none to be had. */
int new_socket(int family, int type);

/* Can this machine make IPv6 sockets? Some containers have none. */
bool ipv6_is_there(void);

/* What the kernel makes of options, in scenes: scenes.c. */
void story(void);

#endif
