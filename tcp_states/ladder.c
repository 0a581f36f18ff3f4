/* ladder.c - what is drawn, and when: each call, the segments it caused, and,
 * once the kernel has come to rest, the states of both ends.
 */
#define _GNU_SOURCE /* for common.h: program_invocation_short_name */

#include <sys/ioctl.h> /* ioctl, TIOCOUTQ: tcp(7) calls it SIOCOUTQ */
#include <time.h>      /* clock_gettime */

#include "tcp_states.h"

bool stepwise;

static int shown[2];	  /* the states drawn last */
static int segments;	  /* how many the ladder has */
static enum fate fate[2]; /* of what this side sends */
static uint32_t base[2];  /* the number from which this side is counted */
static uint32_t end[2];	  /* of what this side has sent so far */
static char letter[2];	  /* what that number is called; 0: unknown */

/* What can be delivered later: of each side the first FIN and the last segment
 * that is an ACK and nothing else; with no flags: none yet. */
static struct segment fins[2], acks[2];

/* ---- Segments ---- */

/* NUMBER of SIDE's sequence, counted from where the ladder began: "x+1". */
static struct text number_text(enum side side, uint32_t number)
{
	struct text text;

	if (letter[side] == 0)
		snprintf(text.s, sizeof text.s, "%u", number);
	else if (number == base[side])
		snprintf(text.s, sizeof text.s, "%c", letter[side]);
	else
		snprintf(text.s, sizeof text.s, "%c%+d", letter[side],
			 (int32_t)(number - base[side]));
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

int draw_segments(void)
{
	struct segment segment;

	while (wire_next(&segment)) {
		const enum side from = segment.from;
		const uint32_t ends = number_after(&segment);
		const bool again = letter[from] && ends != segment.seq &&
				   fate[from] != ARRIVES &&
				   (int32_t)(ends - end[from]) <= 0;
		if (segment.flags & TH_FIN && fins[from].flags == 0)
			fins[from] = segment;
		if (segment.flags == TH_ACK && segment.data == 0)
			acks[from] = segment;
		if (segment.flags & TH_SYN) {
			base[from] = segment.seq;
			letter[from] = from == CLIENT ? 'x' : 'y';
		}
		draw_arrow(from, fate[from], segment_text(&segment, again).s,
			   segment.flags & TH_RST ? "\033[31m" : "\033[32m");
		if (!again)
			end[from] = ends;
		segments++;
	}
	return segments;
}

void segments_are(enum fate client_fate, enum fate server_fate)
{
	fate[CLIENT] = client_fate;
	fate[SERVER] = server_fate;
}

/* ---- Calls and states ---- */

static void note_states(const int state[2])
{
	const bool changed[2] = {state[CLIENT] != shown[CLIENT],
				 state[SERVER] != shown[SERVER]};

	draw_states(state, changed);
	shown[CLIENT] = state[CLIENT];
	shown[SERVER] = state[SERVER];
}

void ladder_begin(void)
{
	struct segment unseen;
	int state[2];

	letter[CLIENT] = letter[SERVER] = 0;
	segments = 0;
	shown[CLIENT] = shown[SERVER] = 0;
	for (int i = CLIENT; i <= SERVER; i++)
		fins[i].flags = acks[i].flags = 0;
	segments_are(WHOLE, WHOLE);
	while (wire_next(&unseen)) {
		const enum side from = unseen.from;
		base[from] = end[from] = number_after(&unseen);
		letter[from] = from == CLIENT ? 'u' : 'w';
	}

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
	const char *what = letter[CLIENT] == 'x' ? "first" : "next";

	if (letter[CLIENT] && letter[SERVER])
		remark("%s numbers: %c = %u, %c = %u", what, letter[CLIENT],
		       base[CLIENT], letter[SERVER], base[SERVER]);
	else if (letter[CLIENT])
		remark("%s number: %c = %u", what, letter[CLIENT],
		       base[CLIENT]);
}

/* ---- Waiting ---- */

double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

__attribute__((noreturn)) static void in_vain(const char *client,
					      const char *server)
{
	fflush(stdout); /* best effort: keeps the lines in order */
	fprintf(stderr,
		"%s: not on this kernel: in 10 s, never: client %s, "
		"server %s\n",
		program_invocation_short_name, client, server);
	exit(EXIT_FAILURE);
}

void settle(int client_state, int server_state)
{
	const double deadline = seconds_now() + 10;
	int state[2];
	bool there;

	for (;;) {
		read_states(state);
		there = state[CLIENT] == client_state &&
			state[SERVER] == server_state;
		draw_segments(); /* those that led to the states, and no more */
		if (there || seconds_now() > deadline) {
			note_states(state);
			if (there)
				break;
			in_vain(state_names[client_state],
				state_names[server_state]);
		}
		wire_wait();
	}
	if (stepwise)
		let_the_user_look();
}

void acknowledged(enum side side)
{
	const double deadline = seconds_now() + 10;
	int left;

	do {
		if (ioctl(side == CLIENT ? client_fd : conn_fd, TIOCOUTQ,
			  &left) == -1)
			die("ioctl TIOCOUTQ");
		draw_segments();
		if (left > 0)
			wire_wait();
		if (left > 0 && seconds_now() > deadline)
			in_vain("or", "acknowledged");
	} while (left > 0);
}

struct segment captured(enum side from, bool fin)
{
	const double deadline = seconds_now() + 10;
	const struct segment *segment = fin ? &fins[from] : &acks[from];

	for (draw_segments(); segment->flags == 0; draw_segments()) {
		if (seconds_now() > deadline)
			in_vain("or", "captured sending");
		wire_wait();
	}
	return *segment;
}

void let_the_user_look(void)
{
	int c;

	printf("look: ss -tan 'sport = :%u or dport = :%u'; Enter goes on\n",
	       ports[SERVER], ports[SERVER]);
	if (isatty(STDIN_FILENO))
		fputs("> ", stderr);
	do
		c = getchar();
	while (c != '\n' && c != EOF);
}
