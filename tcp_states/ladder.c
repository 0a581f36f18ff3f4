/* ladder.c - draws what happened between two ends, as it happens: calls and
 * states beside the life lines, segments between them; as text of 80 columns,
 * or as a Mermaid sequence diagram (https://mermaid.js.org).
 */
#define _GNU_SOURCE /* for common.h: program_invocation_short_name */

#include <sys/ioctl.h> /* ioctl, TIOCOUTQ: tcp(7) calls it SIOCOUTQ */
#include <time.h>      /* clock_gettime */

#include "tcp_states.h"

enum { MIDDLE = 53 }; /* columns between the life lines */

bool mermaid, stepwise;
struct segment latest[2];

static int shown[2];	  /* the states drawn last */
static int segments;	  /* how many the ladder has */
static enum fate fate[2]; /* of what this side sends */
static uint32_t base[2];  /* the number from which this side is counted */
static uint32_t end[2];	  /* of what this side has sent so far */
static char letter[2];	  /* what that number is called; 0: unknown */

/* ---- Lines ---- */

void draw(const char *text)
{
	static int ascii = -1;

	if (ascii == -1) {
		const char *locale = getenv("LC_ALL");
		if (!locale || !*locale)
			locale = getenv("LC_CTYPE");
		if (!locale || !*locale)
			locale = getenv("LANG");
		ascii = !locale || (!strcasestr(locale, "UTF-8") &&
				    !strcasestr(locale, "UTF8"));
	}
	for (; *text; text++) {
		static const char *const pairs[] = {"─-", "│|", "▼v", "▲^",
						    "►>", "◄<", NULL};
		const char *plain = "+"; /* a corner or a crossing */
		if (!ascii || !(*text & 0x80)) {
			putchar(*text);
			continue;
		}
		for (int i = 0; pairs[i]; i++)
			if (strncmp(text, pairs[i], 3) == 0)
				plain = pairs[i] + 3;
		putchar(*plain);
		text += 2; /* they are 3 bytes each in UTF-8 */
	}
}

static void repeat(const char *what, int times)
{
	while (times-- > 0)
		draw(what);
}

/* One line of the ladder; TEXT stands at the client's side, at the server's,
 * or, for a remark, in between. */
static void line(const char *left, const char *text, int align,
		 const char *tone, const char *right)
{
	int room = MIDDLE - 2 - (int)strlen(text);
	int before = align < 0 ? 0 : align > 0 ? room : room / 2;

	printf("%s%12s%s ", colour("\033[1m"), left, colour("\033[m"));
	draw("│");
	printf(" %*s%s%s%s%*s ", before, "", colour(tone), text,
	       colour("\033[m"), room - before, "");
	draw("│");
	printf("%s%s%s%s\n", *right ? " " : "", colour("\033[1m"), right,
	       colour("\033[m"));
}

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
		snprintf(text.s, sizeof text.s, "%c+%u", letter[side],
			 number - base[side]);
	return text;
}

/* "SYN ACK  seq=y ack=x+1". */
static struct text segment_text(const struct segment *s, bool again)
{
	const bool acks = s->flags & TH_ACK;
	char data[32] = "";
	struct text text;

	if (s->data > 0)
		snprintf(data, sizeof data, "  %zu bytes", s->data);
	snprintf(text.s, sizeof text.s, "%s%s%s%s%s seq=%.20s%s%.20s%s%s",
		 s->flags & TH_SYN ? "SYN " : "",
		 s->flags & TH_FIN ? "FIN " : "",
		 s->flags & TH_RST ? "RST " : "",
		 s->flags & TH_PUSH ? "PSH " : "", acks ? "ACK " : "",
		 number_text(s->from, s->seq).s, acks ? " ack=" : "",
		 acks ? number_text(!s->from, s->ack).s : "", data,
		 again ? " again" : "");
	return text;
}

/* The number after its last: data bytes, SYN and FIN use up one each. */
static uint32_t number_after(const struct segment *s)
{
	return s->seq + (uint32_t)s->data + !!(s->flags & TH_SYN) +
	       !!(s->flags & TH_FIN);
}

static void draw_in_mermaid(const struct segment *s, const char *text)
{
	static const char *const arrow[] = {"->>", "-x", "-)", "->>"};
	static const char *const when[] = {"", " (lost)", " (leaves)",
					   " (arrives)"};

	printf(s->from == CLIENT ? "    C%sS: %s%s\n" : "    S%sC: %s%s\n",
	       arrow[fate[s->from]], text, when[fate[s->from]]);
}

static void draw_segment(const struct segment *s, bool again)
{
	const struct text text = segment_text(s, again);
	const bool whole = fate[s->from] == WHOLE || fate[s->from] == LOST;
	const bool at_left = (s->from == CLIENT) == (fate[s->from] == LEAVES);
	const int room = MIDDLE - 3 - (int)strlen(text.s);
	const int gap = whole ? 0 : room / 2; /* half of its way */
	const int shaft = (room - gap) / 2;

	if (mermaid) {
		draw_in_mermaid(s, text.s);
		return;
	}
	printf("%13s", "");
	draw("│");
	printf("%*s%s", at_left ? 0 : gap, "",
	       colour(s->flags & TH_RST ? "\033[31m" : "\033[36m"));
	if (s->from == SERVER)
		draw(fate[SERVER] == LOST ? "x" : "◄");
	repeat("─", shaft);
	printf(" %s ", text.s);
	repeat("─", room - gap - shaft);
	if (s->from == CLIENT)
		draw(fate[CLIENT] == LOST ? "x" : "►");
	printf("%s%*s", colour("\033[m"), at_left ? gap : 0, "");
	draw("│");
	putchar('\n');
}

int draw_segments(void)
{
	struct segment segment;

	while (wire_next(&segment)) {
		const enum side from = segment.from;
		const uint32_t ends = number_after(&segment);
		const bool again = ends != segment.seq &&
				   fate[from] != ARRIVES &&
				   (int32_t)(ends - end[from]) <= 0;
		latest[from] = segment;
		if (segment.flags & TH_SYN) {
			base[from] = segment.seq;
			letter[from] = from == CLIENT ? 'x' : 'y';
		}
		draw_segment(&segment, again && letter[from]);
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

/* ---- Calls, states, remarks ---- */

static void draw_states(int client_state, int server_state)
{
	const char *client = state_names[client_state];
	const char *server = state_names[server_state];

	if (mermaid) {
		if (client_state != shown[CLIENT])
			printf("    Note left of C: %s\n", client);
		if (server_state != shown[SERVER])
			printf("    Note right of S: %s\n", server);
	} else if (client_state != shown[CLIENT] ||
		   server_state != shown[SERVER]) {
		line(client, "", 0, "", server);
	}
	shown[CLIENT] = client_state;
	shown[SERVER] = server_state;
}

void title(const char *text)
{
	static bool first = true;

	if (!first)
		putchar('\n');
	first = false;
	if (mermaid)
		printf("%%%% %s\n", text);
	else
		printf("%s%s%s\n", colour("\033[1m"), text, colour("\033[m"));
}

void ladder_begin(void)
{
	struct segment unseen;
	struct text left, right;

	letter[CLIENT] = letter[SERVER] = 0;
	segments = 0;
	shown[CLIENT] = shown[SERVER] = 0;
	segments_are(WHOLE, WHOLE);
	while (wire_next(&unseen)) {
		const enum side from = unseen.from;
		base[from] = end[from] = number_after(&unseen);
		letter[from] = from == CLIENT ? 'u' : 'w';
	}

	snprintf(left.s, sizeof left.s, "client 127.0.0.1:%u", ports[CLIENT]);
	snprintf(right.s, sizeof right.s, "server 127.0.0.1:%u", ports[SERVER]);
	printf(mermaid ? "sequenceDiagram\n    participant C as %s\n"
			 "    participant S as %s\n"
		       : " %-39s%40s\n",
	       left.s, right.s);
	draw_states(state_of(CLIENT), state_of(SERVER));
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
	if (mermaid)
		printf(side == CLIENT ? "    C->>C: %s\n" : "    S->>S: %s\n",
		       text);
	else
		line("", text, side == CLIENT ? -1 : 1,
		     result == -1 ? "\033[31m" : "\033[1m", "");
	draw_segments();
	errno = error;
	return result;
}

void remark(const char *format, ...)
{
	char text[128];
	va_list values;

	va_start(values, format);
	vsnprintf(text, sizeof text, format, values);
	va_end(values);
	if (mermaid)
		printf("    Note over C,S: %s\n", text);
	else
		line("", text, 0, "\033[2m", "");
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

void settle(int client_state, int server_state)
{
	const double deadline = seconds_now() + 10;

	for (;;) {
		const int client = state_of(CLIENT), server = state_of(SERVER);
		const bool there =
			client == client_state && server == server_state;

		draw_segments(); /* those that led to the states, and no more */
		if (there || seconds_now() > deadline) {
			draw_states(client, server);
			if (there)
				break;
			fprintf(stderr,
				"%s: not on this kernel: waited 10 s for %s "
				"and %s\n",
				program_invocation_short_name,
				state_names[client_state],
				state_names[server_state]);
			exit(EXIT_FAILURE);
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
	} while (left > 0 && seconds_now() < deadline);
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
