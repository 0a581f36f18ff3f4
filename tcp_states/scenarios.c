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
	remark("accept takes no part, it only picks up");
	pick_up();
	settle(TCP_ESTABLISHED, TCP_ESTABLISHED);
}

/* Nobody has to read it for the kernel to acknowledge it. */
static void first_word(void)
{
	char buf[16];
	ssize_t n;

	say_hello();
	do
		n = STEP(SERVER, recv(conn_fd, buf, sizeof buf, 0));
	while (n == -1 && errno == EINTR);
	if (n == -1)
		die("recv");
}

/* Both have talked, as they do in real life; nothing of it is drawn. Only with
 * the first data does a kernel begin to hold ACKs back for 40 ms and not for
 * some time or other below that. */
static void talk_unseen(void)
{
	const int fd[2] = {client_fd, conn_fd};
	char byte = '.';

	for (enum side from = CLIENT; from <= SERVER; from++) {
		if (send_all(fd[from], &byte, 1) == -1)
			die("send");
		while (recv(fd[!from], &byte, 1, 0) == -1)
			if (errno != EINTR)
				die("recv");
		acknowledged(from);
	}
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
	first_word();
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

/* Play what has to be quick: within 40 ms an ACK has gone alone, within
 * 200 ms a segment is sent again. On a busy machine that is less than may pass
 * between two calls, hence several tries; the first to take no more than so
 * many SEGMENTS is shown. */
static void play_quickly(void (*play)(void), int segments)
{
	int taken, tries = 0;

	do {
		end_memory(false);
		drop_ends();
		if (wire_is_open())
			draw_in_memory();
		new_ends(false);
		connect_unseen();
		talk_unseen();
		ladder_begin();
		play();
		taken = draw_segments();
		ladder_end();
	} while (taken > segments && ++tries < 100);
	end_memory(true);
}

static void closing_at_once(void)
{
	int segments;

	hang_up(SERVER);
	fin_arrived(CLIENT);
	hang_up(CLIENT);
	settle(TCP_CLOSE, TCP_TIME_WAIT);
	segments = draw_segments();
	if (segments == 3)
		remark("3 segments: the ACK travelled with the FIN");
	remark("TIME_WAIT: for the end that closed first");
}

static void scenario_close(void)
{
	double until_ack;
	int segments;

	title("The client hangs up, the server in its own time");
	new_ends(false);
	connect_unseen();
	talk_unseen();
	ladder_begin();
	until_ack = orderly_close();
	segments = draw_segments();
	if (segments > 0)
		remark("%d segments: the ACK waited %.0f ms, then went alone",
		       segments, until_ack * 1000);
	ladder_end();

	title("The server hangs up first, the client at once");
	play_quickly(closing_at_once, 3);
}

/* Both hang up before either has heard of it. On a loopback interface a segment
 * arrives before the call that sent it returns. For two FINs to cross, the
 * network must be slow, and that is what we play: neither end hears of anything
 * but what was captured and is delivered here. */
static void crossing_fins(void)
{
	struct segment fin[2], ack[2];

	cut_line(client_fd);
	cut_line(conn_fd);
	segments_are(LEAVES);
	say_no_more(CLIENT);
	say_no_more(SERVER);
	fin[CLIENT] = captured(CLIENT, true);
	fin[SERVER] = captured(SERVER, true);
	settle(TCP_FIN_WAIT1, TCP_FIN_WAIT1);
	remark("both FINs are on their way");

	/* Who receives a FIN while waiting for the ACK of his own: CLOSING. */
	deliver(&fin[SERVER]);
	ack[CLIENT] = captured(CLIENT, false);
	settle(TCP_CLOSING, TCP_FIN_WAIT1);
	deliver(&fin[CLIENT]);
	ack[SERVER] = captured(SERVER, false);
	settle(TCP_CLOSING, TCP_CLOSING);

	deliver(&ack[CLIENT]);
	settle(TCP_CLOSING, TCP_TIME_WAIT);
	deliver(&ack[SERVER]);
	settle(TCP_TIME_WAIT, TCP_TIME_WAIT);
}

static void scenario_simultaneous(void)
{
	if (!wire_is_open()) { /* no segment was captured, to be delivered */
		hold(TCP_CLOSING);
		return;
	}
	title("Both hang up at once: the FINs cross");
	play_quickly(crossing_fins, 8); /* two FINs, two ACKs, each twice */
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
