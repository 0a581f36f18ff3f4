/* holds.c - the eleven states, each held for as long as one likes, and released
 * by a call. It takes no privilege and no clock: a state lasts until the one
 * thing happens that it waits for, and here that does not happen. The table is
 * at the end.
 */
#define _GNU_SOURCE /* for common.h: program_invocation_short_name */

#include <fcntl.h> /* fcntl, O_NONBLOCK */
#include <poll.h>  /* poll */

#include "tcp_states.h"

bool waiting;

static int other_fd = -1; /* a second client, where one is needed */

/* More than fits into the smallest receive buffer: the rest stays in the send
 * queue, and so does a FIN, which goes last. */
static void fill_window(enum side from)
{
	static const char much[1800];
	ssize_t n;

	do
		n = from == CLIENT
			    ? STEP(CLIENT,
				   send(client_fd, much, sizeof much, 0))
			    : STEP(SERVER, send(conn_fd, much, sizeof much, 0));
	while (n == -1 && errno == EINTR);
	if (n == -1)
		die("send");
}

/* ---- Before there is a connection ---- */

static void reach_listen(void)
{
	new_ends(false);
	ladder_begin();
	start_listening();
	settle(TCP_CLOSE, TCP_LISTEN);
}

static void release_closed(void)
{
	dial(0);
	settle(TCP_ESTABLISHED, TCP_ESTABLISHED);
}

static void release_listen(void)
{
	if (STEP(SERVER, close(listen_fd)) == -1)
		die("close");
	listen_fd = -1;
	settle(TCP_CLOSE, TCP_CLOSE);
}

/* Another client's connection, waiting for accept in the listener's queue. */
static void fill_queue(void)
{
	struct pollfd queue = {.fd = listen_fd, .events = POLLIN};
	int queued;

	other_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (other_fd == -1)
		die("socket");
	while (connect(other_fd, addr, addrlen) == -1)
		if (errno != EINTR)
			die("connect");
	/* connect returns before the handshake's last ACK has arrived. */
	do
		queued = poll(&queue, 1, 10 * 1000);
	while (queued == -1 && errno == EINTR);
	if (queued != 1)
		die("poll");
}

/* Nobody answers a SYN for which the queue has no room: see tcp_backlog. */
static void reach_syn_sent(void)
{
	new_ends(false);
	ladder_begin();
	if (STEP(SERVER, listen(listen_fd, 0)) == -1)
		die("listen");
	settle(TCP_CLOSE, TCP_LISTEN);
	remark("another client takes the one place in the queue");
	fill_queue();

	if (fcntl(client_fd, F_SETFL, O_NONBLOCK) == -1)
		die("fcntl O_NONBLOCK");
	segments_are(LOST);
	dial(EINPROGRESS);
	settle(TCP_SYN_SENT, TCP_LISTEN);
}

static void release_syn_sent(void)
{
	hang_up(CLIENT);
	settle(TCP_CLOSE, TCP_LISTEN);
}

/* With TCP_DEFER_ACCEPT (tcp(7)) the server takes no notice of the handshake's
 * last ACK, and waits for data. */
static void reach_syn_recv(void)
{
	const int seconds = 600;

	reach_listen();
	if (setsockopt(listen_fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds,
		       sizeof seconds) == -1)
		die("setsockopt TCP_DEFER_ACCEPT");
	remark("TCP_DEFER_ACCEPT: no connection without data");
	dial(0);
	settle(TCP_ESTABLISHED, TCP_SYN_RECV);
}

static void release_syn_recv(void)
{
	say_hello();
	settle(TCP_ESTABLISHED, TCP_ESTABLISHED);
}

static void reach_established(void)
{
	reach_listen();
	dial(0);
	settle(TCP_ESTABLISHED, TCP_ESTABLISHED);
	pick_up();
}

/* ---- One end has hung up ---- */

static void begin_connected(bool small)
{
	new_ends(small);
	connect_unseen();
	ladder_begin();
}

/* What releases ESTABLISHED leads to FIN_WAIT_2 and CLOSE_WAIT. */
static void client_stops(void)
{
	say_no_more(CLIENT);
	settle(TCP_FIN_WAIT2, TCP_CLOSE_WAIT);
}

static void reach_half_closed(void)
{
	begin_connected(false);
	client_stops();
}

static void release_half_closed(void)
{
	hang_up(SERVER);
	settle(TCP_TIME_WAIT, TCP_CLOSE);
}

static void reach_time_wait(void)
{
	reach_half_closed();
	release_half_closed();
}

/* ---- A FIN that cannot leave ---- */

static void reach_fin_wait_1(void)
{
	begin_connected(true);
	fill_window(CLIENT);
	say_no_more(CLIENT);
	settle(TCP_FIN_WAIT1, TCP_ESTABLISHED);
	remark("the FIN waits behind data that has no room");
}

static void release_fin_wait_1(void)
{
	hear(SERVER);
	settle(TCP_FIN_WAIT2, TCP_CLOSE_WAIT);
}

static void reach_closing(void)
{
	begin_connected(true);
	fill_window(CLIENT);
	fill_window(SERVER);
	say_no_more(CLIENT);
	say_no_more(SERVER);
	settle(TCP_FIN_WAIT1, TCP_FIN_WAIT1);
	remark("both FINs wait behind data that has no room");
	hear(CLIENT);
	settle(TCP_CLOSING, TCP_FIN_WAIT2);
}

static void release_closing(void)
{
	hear(SERVER);
	settle(TCP_TIME_WAIT, TCP_TIME_WAIT);
}

static void reach_last_ack(void)
{
	begin_connected(true);
	client_stops();
	fill_window(SERVER);
	say_no_more(SERVER);
	settle(TCP_FIN_WAIT2, TCP_LAST_ACK);
	remark("the FIN waits behind data that has no room");
}

static void release_last_ack(void)
{
	hear(CLIENT);
	settle(TCP_TIME_WAIT, TCP_CLOSE);
}

/* ---- Holding ---- */

static const struct hold {
	int state;
	enum side side; /* that is in it */
	const char *title, *released_by;
	void (*reach)(void), (*release)(void);
} holds[] = {
	{TCP_CLOSE, CLIENT, "CLOSED: a socket, but no connection",
	 "connect(client_fd, addr, addrlen)", reach_listen, release_closed},
	{TCP_LISTEN, SERVER, "LISTEN: ready to be called", "close(listen_fd)",
	 reach_listen, release_listen},
	{TCP_SYN_SENT, CLIENT, "SYN_SENT: called, and nobody has answered",
	 "close(client_fd)", reach_syn_sent, release_syn_sent},
	{TCP_SYN_RECV, SERVER, "SYN_RECV: has answered, and waits to hear back",
	 "send(client_fd, ...)", reach_syn_recv, release_syn_recv},
	{TCP_ESTABLISHED, CLIENT, "ESTABLISHED: both ends may talk",
	 "shutdown(client_fd, SHUT_WR)", reach_established, client_stops},
	{TCP_FIN_WAIT1, CLIENT, "FIN_WAIT_1: hung up, not acknowledged yet",
	 "recv(conn_fd, ...)", reach_fin_wait_1, release_fin_wait_1},
	{TCP_FIN_WAIT2, CLIENT, "FIN_WAIT_2: hung up, and the other end knows",
	 "close(conn_fd)", reach_half_closed, release_half_closed},
	{TCP_CLOSE_WAIT, SERVER,
	 "CLOSE_WAIT: the other end hung up, we did not", "close(conn_fd)",
	 reach_half_closed, release_half_closed},
	{TCP_CLOSING, CLIENT,
	 "CLOSING: both hung up, neither knew of the other",
	 "recv(conn_fd, ...)", reach_closing, release_closing},
	{TCP_LAST_ACK, SERVER, "LAST_ACK: hung up last, not acknowledged yet",
	 "recv(client_fd, ...)", reach_last_ack, release_last_ack},
	{TCP_TIME_WAIT, CLIENT,
	 "TIME_WAIT: all over, but late segments may come", NULL,
	 reach_time_wait, NULL},
};

/* What both windows show of the end that is held. */
static void show_evidence(const struct hold *h)
{
	const int fd = h->side == CLIENT	? client_fd
		       : h->state == TCP_LISTEN ? listen_fd
						: conn_fd;
	struct entry entry[2] = {{.st = 0}, {.st = 0}};
	char in_info[32] = "none, no descriptor", in_table[32] = "none";

	read_table(entry);
	if (fd != -1)
		snprintf(in_info, sizeof in_info, "state %d",
			 state_in_tcp_info(fd));
	if (entry[h->side].st != 0)
		snprintf(in_table, sizeof in_table, "st %02X",
			 entry[h->side].st);
	remark("TCP_INFO: %s, /proc/net/tcp: %s", in_info, in_table);
	if (h->released_by)
		remark("released by %s", h->released_by);
	else
		remark("released by the clock alone, in %.0f s",
		       entry[h->side].timer);
}

void hold(int state)
{
	const struct hold *h = holds;

	while (h->state != state)
		h++;
	title(h->title);
	h->reach();
	remark("HELD: the %s is in %s", h->side == CLIENT ? "client" : "server",
	       state_names[state]);
	show_evidence(h);
	if (waiting)
		let_the_user_look();
	if (h->release)
		h->release();
	ladder_end();

	if (other_fd != -1)
		close(other_fd);
	other_fd = -1;
}

int state_named(const char *name)
{
	char spelt[16]; /* more than the longest name has */

	snprintf(spelt, sizeof spelt, "%s", name);
	for (char *c = spelt; *c; c++)
		if (*c == '-')
			*c = '_';
	for (int state = 1; state < STATES; state++)
		if (strcasecmp(spelt, state_names[state]) == 0)
			return state;
	return 0;
}

void hold_all(void)
{
	for (size_t i = 0; i < sizeof holds / sizeof *holds; i++) {
		hold(holds[i].state);
		drop_ends();
	}
	title("All eleven, seen here: *");
	state_diagram();
}
