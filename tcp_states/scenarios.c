/* scenarios.c - the ladders: from both ends CLOSED to both ends CLOSED, and the
 * steps on that way which a textbook draws.
 */
#define _GNU_SOURCE /* for common.h: program_invocation_short_name */

#include "tcp_states.h"

/* The handshake. Between two ends in one process nothing can go on in between:
 * when connect returns, it is over; and accept had no part in it. */
static void handshake(void)
{
	start_listening();
	settle(TCP_CLOSE, TCP_LISTEN);
	dial(0);
	settle(TCP_ESTABLISHED, TCP_ESTABLISHED);
	remark("accept had no part in that, it fetches");
	pick_up();
	settle(TCP_ESTABLISHED, TCP_ESTABLISHED);
}

/* A word from the client to the server. */
static void say_hello(void)
{
	char buf[16];
	ssize_t n;

	do
		n = STEP(CLIENT, send(client_fd, "hello", 5, MSG_NOSIGNAL));
	while (n == -1 && errno == EINTR);
	if (n == -1)
		die("send");
	do
		n = STEP(SERVER, recv(conn_fd, buf, sizeof buf, 0));
	while (n == -1 && errno == EINTR);
	if (n == -1)
		die("recv");
	acknowledged(CLIENT);
}

/* The client hangs up; the server takes its time, so that the kernel, which
 * would rather send the ACK along with something else, sends it alone. Returns
 * the seconds until then. */
static double orderly_close(void)
{
	const double start = seconds_now();
	struct entry entry[2] = {{.st = 0}, {.st = 0}};
	double until_ack;

	hang_up(CLIENT);
	settle(TCP_FIN_WAIT2, TCP_CLOSE_WAIT);
	until_ack = seconds_now() - start;
	hear(SERVER);
	hang_up(SERVER);
	settle(TCP_TIME_WAIT, TCP_CLOSE);
	read_table(entry);
	remark("TIME_WAIT: for %.0f s more", entry[CLIENT].timer);
	return until_ack;
}

static void life(void)
{
	title("The life of a connection");
	new_ends(false);
	ladder_begin();
	handshake();
	say_hello();
	orderly_close();
	ladder_end();
}

static void scenario_open(void)
{
	title("The three-way handshake");
	new_ends(false);
	ladder_begin();
	handshake();
	ladder_end();
}

static void scenario_close(void)
{
	double until_ack;
	int segments;

	title("The client hangs up, the server in its own time");
	new_ends(false);
	connect_unseen();
	ladder_begin();
	until_ack = orderly_close();
	segments = draw_segments();
	if (segments > 0)
		remark("%d segments: an ACK waits for company, here %.0f ms",
		       segments, until_ack * 1000);
	ladder_end();
	drop_ends();

	title("The server hangs up first, the client at once");
	new_ends(false);
	connect_unseen();
	ladder_begin();
	hang_up(SERVER);
	hang_up(CLIENT);
	settle(TCP_CLOSE, TCP_TIME_WAIT);
	segments = draw_segments();
	if (segments == 3)
		remark("3 segments: the ACK travelled with the FIN");
	else if (segments > 0) /* too much time between the two calls */
		remark("%d segments: busy here, the ACK went alone", segments);
	remark("TIME_WAIT: for the end that closed first");
	ladder_end();
}

/* Both hang up before either has heard of it. On a loopback interface a segment
 * arrives before the call that sent it returns; for two FINs to cross, the
 * network must be slow, and the slow network is us: both lines are cut, what
 * was captured is delivered when it suits us. */
static void crossing_fins(void)
{
	struct segment fin[2];

	cut_line(client_fd);
	cut_line(conn_fd);
	segments_are(LEAVES, LEAVES);
	say_no_more(CLIENT);
	say_no_more(SERVER);
	fin[CLIENT] = captured(CLIENT, true);
	fin[SERVER] = captured(SERVER, true);
	settle(TCP_FIN_WAIT1, TCP_FIN_WAIT1);
	remark("both FINs are on their way");

	/* Who receives a FIN while waiting for the ACK of his own: CLOSING. */
	segments_are(LEAVES, ARRIVES);
	mend_line(client_fd);
	deliver(&fin[SERVER]);
	settle(TCP_CLOSING, TCP_FIN_WAIT1);
	cut_line(client_fd);

	segments_are(ARRIVES, LEAVES);
	mend_line(conn_fd);
	deliver(&fin[CLIENT]);
	settle(TCP_CLOSING, TCP_CLOSING);
}

static void crossing_acks(void)
{
	const struct segment client_ack = captured(CLIENT, false);
	const struct segment server_ack = captured(SERVER, false);

	segments_are(ARRIVES, ARRIVES);
	deliver(&client_ack);
	settle(TCP_CLOSING, TCP_TIME_WAIT);
	mend_line(client_fd);
	deliver(&server_ack);
	settle(TCP_TIME_WAIT, TCP_TIME_WAIT);
}

static void scenario_simultaneous(void)
{
	if (!wire_is_open()) { /* no captured segments, none to deliver */
		hold(TCP_CLOSING);
		return;
	}
	title("Both hang up at once: the FINs cross");
	new_ends(false);
	connect_unseen();
	ladder_begin();
	crossing_fins();
	crossing_acks();
	ladder_end();
}

static void scenario_reset(void)
{
	title("A port where nobody listens");
	new_ends(false);
	ladder_begin();
	dial(ECONNREFUSED);
	settle(TCP_CLOSE, TCP_CLOSE);
	ladder_end();
}

const struct scenario scenarios[] = {
	{"life", life},
	{"open", scenario_open},
	{"close", scenario_close},
	{"simultaneous", scenario_simultaneous},
	{"reset", scenario_reset},
	{NULL, NULL},
};
