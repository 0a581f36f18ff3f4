/* ladder.c - what is drawn, and when: each call, the segments it caused, and,
 * once the kernel has come to rest, the states of both ends.
 */
#define _GNU_SOURCE /* for common.h: program_invocation_short_name */

#include <sys/ioctl.h> /* ioctl, TIOCOUTQ: tcp(7) calls it SIOCOUTQ */
#include <time.h>      /* clock_gettime */

#include "tcp_states.h"

bool stepwise;

static struct {
	bool begun;   /* before, segments are only counted */
	int segments; /* drawn so far */
	int shown[2]; /* the states drawn last */
	enum fate fate;

	/* For each side: */
	char letter[2];	  /* what its numbers count from; 0: not known yet */
	uint32_t base[2]; /* the number which that letter stands for */
	uint32_t end[2];  /* the number after all that it has sent */
	struct segment last[2][2]; /* without FIN, with FIN; no flags: none */
} ladder;

/* ---- Segments ---- */

/* NUMBER of SIDE's sequence, counted from where the ladder began: "x+1". */
static struct text number_text(enum side side, uint32_t number)
{
	const char letter = ladder.letter[side];
	const int32_t distance = (int32_t)(number - ladder.base[side]);
	struct text text;

	if (letter == 0)
		snprintf(text.s, sizeof text.s, "%u", number);
	else if (distance == 0)
		snprintf(text.s, sizeof text.s, "%c", letter);
	else
		snprintf(text.s, sizeof text.s, "%c%+d", letter, distance);
	return text;
}

/* "SYN ACK  seq=y ack=x+1". */
static struct text segment_text(const struct segment *s, bool again)
{
	const bool has_ack = s->flags & TH_ACK;
	char data[32] = "";
	struct text text;

	if (s->data > 0)
		snprintf(data, sizeof data, "  %zu bytes", s->data);
	snprintf(text.s, sizeof text.s, "%s%s%s%s%s seq=%.20s%s%.20s%s%s",
		 s->flags & TH_SYN ? "SYN " : "",
		 s->flags & TH_FIN ? "FIN " : "",
		 s->flags & TH_RST ? "RST " : "",
		 s->flags & TH_PUSH ? "PSH " : "", has_ack ? "ACK " : "",
		 number_text(s->from, s->seq).s, has_ack ? " ack=" : "",
		 has_ack ? number_text(!s->from, s->ack).s : "", data,
		 again ? " again" : "");
	return text;
}

/* The number after its last: data bytes, SYN and FIN use up one each. */
static uint32_t number_after(const struct segment *s)
{
	return s->seq + (uint32_t)s->data + !!(s->flags & TH_SYN) +
	       !!(s->flags & TH_FIN);
}

static void count_from(enum side side, char letter, uint32_t number)
{
	ladder.letter[side] = letter;
	ladder.base[side] = ladder.end[side] = number;
}

static void draw_segment(const struct segment *s)
{
	const uint32_t after = number_after(s);
	/* It uses up numbers, and none of them is new: sent once more. */
	const bool again = after != s->seq && ladder.letter[s->from] &&
			   !s->delivered &&
			   (int32_t)(after - ladder.end[s->from]) <= 0;

	if (s->flags & TH_SYN)
		count_from(s->from, s->from == CLIENT ? 'x' : 'y', s->seq);
	draw_arrow(s->from, s->delivered ? ARRIVES : ladder.fate,
		   segment_text(s, again).s, s->flags & TH_RST);
	if (!again)
		ladder.end[s->from] = after;
	ladder.last[s->from][!!(s->flags & TH_FIN)] = *s;
	ladder.segments++;
}

int draw_segments(void)
{
	struct segment segment;

	while (wire_next(&segment)) {
		if (ladder.begun)
			draw_segment(&segment);
		else
			count_from(segment.from,
				   segment.from == CLIENT ? 'u' : 'w',
				   number_after(&segment));
	}
	return ladder.segments;
}

void segments_are(enum fate fate)
{
	ladder.fate = fate;
}

/* ---- Calls and states ---- */

static void note_states(const int state[2])
{
	const bool changed[2] = {state[CLIENT] != ladder.shown[CLIENT],
				 state[SERVER] != ladder.shown[SERVER]};

	draw_states(state, changed);
	memcpy(ladder.shown, state, sizeof ladder.shown);
}

void ladder_begin(void)
{
	int state[2];

	draw_segments(); /* which are only counted, as it has not begun */
	ladder.begun = true;
	draw_ends();
	read_states(state);
	note_states(state);
}

long ladder_call(enum side side, const char *call, long result)
{
	const int error = errno;
	char text[128];

	if (result == -1)
		snprintf(text, sizeof text, "%s = -1 %s", call,
			 errno_name(error));
	else
		snprintf(text, sizeof text, "%s = %ld", call, result);
	draw_call(side, text, result == -1);
	draw_segments();
	errno = error;
	return result;
}

void ladder_end(void)
{
	const char *letter = ladder.letter;
	const char *what = letter[CLIENT] == 'x' ? "first" : "next";

	if (letter[CLIENT] && letter[SERVER])
		remark("%s numbers: %c = %u, %c = %u", what, letter[CLIENT],
		       ladder.base[CLIENT], letter[SERVER],
		       ladder.base[SERVER]);
	else if (letter[CLIENT])
		remark("%s number: %c = %u", what, letter[CLIENT],
		       ladder.base[CLIENT]);
	memset(&ladder, 0, sizeof ladder);
}

/* ---- Waiting ---- */

double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Draw the segments that came, and wait a little for more, unless the time for
 * WHAT is up. */
static void wait_for(const char *what, double deadline)
{
	int state[2];

	draw_segments();
	wire_wait();
	if (seconds_now() <= deadline)
		return;
	read_states(state);
	end_memory(true);
	fflush(stdout); /* best effort: keeps the lines in order */
	fprintf(stderr,
		"%s: not on this kernel: waited 10 s for %s\n"
		"saw: client %s, server %s\n",
		program_invocation_short_name, what, state_names[state[CLIENT]],
		state_names[state[SERVER]]);
	exit(EXIT_FAILURE);
}

void settle(int client_state, int server_state)
{
	const double deadline = seconds_now() + 10;
	struct text what;
	int state[2];

	snprintf(what.s, sizeof what.s, "client %s, server %s",
		 state_names[client_state], state_names[server_state]);
	for (;;) {
		read_states(state);
		if (state[CLIENT] == client_state &&
		    state[SERVER] == server_state)
			break;
		wait_for(what.s, deadline);
	}
	draw_segments(); /* those that led to the states */
	note_states(state);
	if (stepwise)
		let_the_user_look();
}

void fin_arrived(enum side side)
{
	const double deadline = seconds_now() + 10;

	while (state_in_tcp_info(side == CLIENT ? client_fd : conn_fd) !=
	       TCP_CLOSE_WAIT)
		wait_for("a FIN to arrive", deadline);
	draw_segments();
}

void acknowledged(enum side side)
{
	const double deadline = seconds_now() + 10;
	int left;

	for (;;) {
		if (ioctl(side == CLIENT ? client_fd : conn_fd, TIOCOUTQ,
			  &left) == -1)
			die("ioctl TIOCOUTQ");
		if (left == 0)
			break;
		wait_for("an acknowledgement", deadline);
	}
	draw_segments();
}

struct segment captured(enum side side, bool fin)
{
	const double deadline = seconds_now() + 10;
	const struct segment *segment = &ladder.last[side][fin];

	draw_segments();
	while (segment->flags == 0)
		wait_for(fin ? "a FIN" : "an ACK", deadline);
	return *segment;
}

void let_the_user_look(void)
{
	struct entry entry[2] = {{.st = 0}, {.st = 0}};
	int c;

	printf("look: ss -tan 'sport = :%u or dport = :%u'; Enter goes on\n",
	       ports[SERVER], ports[SERVER]);
	read_table(entry);
	if (entry[CLIENT].st == TCP_FIN_WAIT2 && entry[CLIENT].timer > 0)
		printf("within %.0f s: then FIN_WAIT_2 is over by itself\n",
		       entry[CLIENT].timer);
	if (isatty(STDIN_FILENO))
		fputs("> ", stderr);
	do
		c = getchar();
	while (c != '\n' && c != EOF);
}
