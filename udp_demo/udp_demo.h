/* udp_demo.h - the two roles of udp_demo: the server stands in udp_demo.c, the
 * client in client.c.
 */
#ifndef DIALTONE_UDP_DEMO_H
#define DIALTONE_UDP_DEMO_H

#include <stdbool.h> /* bool */

/* The client of the server at HOST and PORT. True if all questions have been
 * answered, or if somebody at a terminal has seen which were not. */
bool be_client(const char *host, const char *port);

#endif
