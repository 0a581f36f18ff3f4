/* tcp_states.h - how the parts of tcp_states fit together. Read them in this
 * order; the first four are about TCP, the others about looking and drawing.
 *
 *   tcp_states.c   the command line, the private network
 *   scenarios.c    the ladders: life, open, close, simultaneous, reset
 *   holds.c        the eleven states, each held and released
 *   ends.c         the two ends of the one connection: calls and states
 *   wire.c         the segments between them, captured
 *   ladder.c       when a call, a segment or a state is drawn
 *   drawing.c      how: as text or as Mermaid
 *   diagram.c      the state diagram
 */
#ifndef DIALTONE_TCP_STATES_H
#define DIALTONE_TCP_STATES_H

#include <netinet/tcp.h> /* TCP_ESTABLISHED ... TCP_CLOSING, TH_SYN ... */
#include <stdint.h>	 /* uint32_t */

#include "../story.h"

enum side { CLIENT, SERVER };
enum { STATES = TCP_CLOSING + 1 }; /* the kernel counts them from 1 */

/* ---- ends.c ---- */

/* The descriptors of the connection that the ladder looks at; -1: none. */
extern int listen_fd, client_fd, conn_fd;
extern in_port_t ports[2]; /* of the client and of the server */

/* The server's address, for connect. */
extern const struct sockaddr *const addr;
extern const socklen_t addrlen;

/* A listening socket to be and a client's socket, bound to ports that the
 * kernel chose. SMALL: with the smallest receive buffers there are, so that
 * little data fills a window. */
void new_ends(bool small);

/* Close all sockets, with a reset where there is a connection. What is in
 * TIME_WAIT stays there: it has no socket any more. */
void drop_ends(void);

/* The calls that most ladders share, each as a step of the ladder; a call that
 * fails ends the program with status 1. */
void start_listening(void);	  /* listen */
void dial(int expected_error);	  /* connect; 0: is expected to succeed */
void pick_up(void);		  /* accept */
void say_hello(void);		  /* send, by the client, and its ACK */
void hang_up(enum side side);	  /* close */
void say_no_more(enum side side); /* shutdown(SHUT_WR) */
void hear(enum side side);	  /* recv, until the end of the stream */

/* A connection, of which nothing is drawn. */
void connect_unseen(void);

/* The states of both ends as the kernel tells them: from TCP_INFO and, where
 * that has nothing to say, from /proc/net/tcp. */
void read_states(int state[2]);
int state_in_tcp_info(int fd);

/* What /proc/net/tcp has of both ends; st is 0 where it has nothing. */
struct entry {
	int st;
	double timer; /* seconds until the kernel acts by itself */
};
void read_table(struct entry entry[2]);

extern const char *const state_names[STATES];
extern bool visited[STATES]; /* those that read_states has seen */

/* ---- wire.c ---- */

struct segment {
	enum side from;
	unsigned flags; /* TH_SYN, TH_ACK ... */
	uint32_t seq, ack;
	size_t data;		   /* how many bytes of it */
	bool delivered;		   /* by deliver(), not by the kernel */
	size_t length;		   /* of the packet, with its IP header */
	unsigned char bytes[4096]; /* the packet */
};

/* Begin to capture. 0, or -1 with errno: it takes CAP_NET_RAW. */
int wire_open(void);
bool wire_is_open(void);

/* The next segment between our two ends; false: none is there now. */
bool wire_next(struct segment *segment);

/* Until a segment may have come, 5 ms at most. */
void wire_wait(void);

/* From here on this socket receives nothing but what deliver() brings: a
 * captured segment, as often and as late as we like. */
void cut_line(int fd);
void deliver(const struct segment *segment);

/* ---- ladder.c ---- */

extern bool stepwise; /* wait for Enter after each step */

/* Draw a new ladder, from here on. It counts from x and y, the first numbers
 * of a connection, or, if the connection is there, from u and w, the next. */
void ladder_begin(void);

/* The ladder is whole: say what its numbers count from. */
void ladder_end(void);

/* Draw one system call as it stands in the source, with its result, and the
 * segments that it caused so far. The value is the call's; errno stays. */
#define STEP(side, call) ladder_call(side, #call, (long)(call))
long ladder_call(enum side side, const char *call, long result);

/* Each of these waits for something and draws the segments that come meanwhile.
 * If it does not come within 10 s, the program ends with status 1.
 * settle: until both ends are in these states, which are then drawn.
 * fin_arrived: until this end is in CLOSE_WAIT. acknowledged: until all that it
 * has sent is. captured: until there is a segment from it; the last one that
 * has a FIN, or none. */
void settle(int client_state, int server_state);
void fin_arrived(enum side side);
void acknowledged(enum side side);
struct segment captured(enum side side, bool fin);

/* Draw the segments that came by now. Returns how many the ladder has had. */
int draw_segments(void);

/* How segments are drawn from here on: as going from end to end, as lost, or as
 * leaving only. Those that deliver() sends arrive, in any case. */
enum fate { WHOLE, LOST, LEAVES, ARRIVES };
void segments_are(enum fate fate);

/* Say how the connection can be seen from a second terminal, and wait until the
 * user has pressed Enter, or input has ended. */
void let_the_user_look(void);

/* Of a clock that only runs forward. */
double seconds_now(void);

/* ---- drawing.c ---- */

extern bool mermaid; /* not text */

/* Draw into memory, until its end: then show that, or forget it. */
void draw_in_memory(void);
void end_memory(bool show);

/* What comes next, on a line of its own. */
void title(const char *text);

/* A remark in the middle of the ladder (a printf format with values). */
#define remark(...)                                                            \
	(snprintf(remark_text, sizeof remark_text, __VA_ARGS__), draw_remark())
extern char remark_text[128];
void draw_remark(void);

/* The head of a ladder; a call at its side; both states, if one has changed; a
 * segment's arrow. */
void draw_ends(void);
void draw_call(enum side side, const char *text, bool failed);
void draw_states(const int state[2], const bool changed[2]);
void draw_arrow(enum side from, enum fate fate, const char *text, bool reset);

/* Print lines and arrows; in plain ASCII where the locale knows no better. */
void draw(const char *text);

/* ---- scenarios.c ---- */

struct scenario {
	const char *name;
	void (*play)(void);
};
extern const struct scenario scenarios[]; /* a NULL name ends them */

/* ---- holds.c ---- */

extern bool waiting; /* for Enter, at each state that is held */

/* The state that NAME means ("close_wait", "CLOSE-WAIT"), or 0. */
int state_named(const char *name);

/* Reach STATE, hold it, release it. */
void hold(int state);

/* The same for all eleven, and the state diagram. */
void hold_all(void);

/* ---- diagram.c ---- */

void state_diagram(void);

#endif
