/* unix_demo.h - how the parts of unix_demo fit together:
 *
 *   unix_demo.c   the command line, and the server
 *   name.c        the server's name in the file system: free, ours, taken away
 *   client.c      the client
 */
#ifndef DIALTONE_UNIX_DEMO_H
#define DIALTONE_UNIX_DEMO_H

#include <sys/un.h> /* struct sockaddr_un */

#include "../old_common.h"

/* ---- name.c ---- */

extern const char *path; /* the server's address */

/* Set it: to GIVEN or, if that is NULL, to the default, which lies in a
 * directory that only this user can enter. */
void choose_path(const char *given);

/* The path as a socket address: unix(7). If it is too long: status 1. */
struct sockaddr_un address_of_path(void);

/* Is the path the default one, in our own directory? */
bool in_own_dir(void);

/* If that directory is there, but not ours alone: status 1. */
void check_own_dir(void);

/* Make the path free for bind(2), if it is ours to free, and lock its directory
 * against other servers that start at this moment. Returns the descriptor of
 * the lock, to be closed once the server listens; -1 if there can be none. */
int clear_name(const struct sockaddr_un *address);

/* bind has made the file at the path: from here on it is ours. */
void own_name(void);

/* Take it away, if it is still ours. Best effort, and only calls that a signal
 * handler may make: signal-safety(7). */
void remove_name(void);

/* What lies at the path, in words: "a directory"; "nothing". */
const char *kind_of_file(void);

/* Its type and mode, as ls(1) shows them, and its size. */
struct text file_text(void);

/* ---- unix_demo.c ---- */

/* Who is on the other end of a connection, in words. */
struct text peer_text(int fd);

/* ---- client.c ---- */

/* The client; true if all that was said has been answered. */
bool be_client(void);

#endif
