/* drawing.c - the pen: a ladder's calls, states, arrows and remarks, as text of
 * 80 columns, or as the lines of a Mermaid sequence diagram (mermaid.js.org).
 */
#define _GNU_SOURCE /* for common.h: program_invocation_short_name */

#include "tcp_states.h"

enum { WIDTH = 53 }; /* columns between the life lines */

bool mermaid;
char remark_text[128];

/* ---- Paper ---- */

static FILE *memory; /* NULL: on standard output */
static char *drawing;
static size_t drawing_size;

static FILE *paper(void)
{
	return memory ? memory : stdout;
}

void draw_in_memory(void)
{
	memory = open_memstream(&drawing, &drawing_size);
	if (!memory)
		die("open_memstream");
}

void end_memory(bool show)
{
	if (!memory)
		return;
	if (fclose(memory) == EOF)
		die("fclose");
	memory = NULL;
	if (show)
		fputs(drawing, stdout);
	free(drawing);
}

/* ---- Lines ---- */

/* Can the terminal show "─"? The first of these that is set says so. (Not
 * setlocale(3): what the user has chosen need not be installed here.) */
static bool ascii_only(void)
{
	static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};

	for (int i = 0; i < 3; i++) {
		const char *locale = getenv(names[i]);
		if (locale && *locale)
			return !strcasestr(locale, "UTF-8") &&
			       !strcasestr(locale, "UTF8");
	}
	return true;
}

void draw(const char *text)
{
	static const char *const plain[] = {"─-", "│|", "▼v", "▲^", "►>", "◄<"};
	static int ascii = -1;

	if (ascii == -1)
		ascii = ascii_only();
	if (!ascii) {
		fputs(text, paper());
		return;
	}
	for (; *text; text++) {
		char c = '+'; /* a corner or a crossing */
		if (!(*text & 0x80)) {
			putc(*text, paper());
			continue;
		}
		for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
			if (strncmp(text, plain[i], 3) == 0)
				c = plain[i][3];
		putc(c, paper());
		text += 2; /* they are 3 bytes each in UTF-8 */
	}
}

/* CODE or nothing, see colour; asked once, as it takes a system call. */
static const char *tone(const char *code)
{
	static int wanted = -1;

	if (wanted == -1)
		wanted = *colour("on") != '\0';
	return wanted ? code : "";
}

static void repeat(const char *what, int times)
{
	while (times-- > 0)
		draw(what);
}

/* One row of the ladder, with TEXT between the life lines. */
enum place { LEFT, MIDDLE, RIGHT };
static void row(const char *client, enum place place, const char *code,
		const char *text, const char *server)
{
	const int room = WIDTH - 2 - (int)strlen(text);
	const int before = place == LEFT ? 0 : place == RIGHT ? room : room / 2;

	fprintf(paper(), "%s%12s%s ", tone("\033[1m"), client, tone("\033[m"));
	draw("│");
	fprintf(paper(), " %*s%s%s%s%*s ", before, "", tone(code), text,
		tone("\033[m"), room - before, "");
	draw("│");
	fprintf(paper(), "%s%s%s%s\n", *server ? " " : "", tone("\033[1m"),
		server, tone("\033[m"));
}

void title(const char *text)
{
	static bool first = true;

	if (!first)
		putc('\n', paper());
	first = false;
	if (mermaid)
		fprintf(paper(), "%%%% %s\n", text);
	else
		fprintf(paper(), "%s%s%s\n", tone("\033[1m"), text,
			tone("\033[m"));
}

void draw_ends(void)
{
	struct text client, server;

	snprintf(client.s, sizeof client.s, "client 127.0.0.1:%u",
		 ports[CLIENT]);
	snprintf(server.s, sizeof server.s, "server 127.0.0.1:%u",
		 ports[SERVER]);
	if (mermaid)
		fprintf(paper(),
			"sequenceDiagram\n    participant C as %s\n"
			"    participant S as %s\n",
			client.s, server.s);
	else
		fprintf(paper(), " %-39s%40s\n", client.s, server.s);
}

void draw_call(enum side side, const char *text, bool failed)
{
	if (mermaid)
		fprintf(paper(), "    %s: %s\n",
			side == CLIENT ? "C->>C" : "S->>S", text);
	else
		row("", side == CLIENT ? LEFT : RIGHT, failed ? "\033[31m" : "",
		    text, "");
}

void draw_states(const int state[2], const bool changed[2])
{
	const char *client = state_names[state[CLIENT]];
	const char *server = state_names[state[SERVER]];

	if (!mermaid && (changed[CLIENT] || changed[SERVER]))
		row(client, LEFT, "", "", server);
	if (mermaid && changed[CLIENT])
		fprintf(paper(), "    Note left of C: %s\n", client);
	if (mermaid && changed[SERVER])
		fprintf(paper(), "    Note right of S: %s\n", server);
}

void draw_remark(void)
{
	if (mermaid)
		fprintf(paper(), "    Note over C,S: %s\n", remark_text);
	else
		row("", MIDDLE, "\033[35m", remark_text, "");
}

/* The kinds of arrow: https://mermaid.js.org/syntax/sequenceDiagram.html */
static void draw_arrow_in_mermaid(enum side from, enum fate fate,
				  const char *text)
{
	static const char *const arrow[] = {"->>", "-x", "-)", "->>"};
	static const char *const when[] = {"", " (lost)", " (leaves)",
					   " (arrives)"};

	fprintf(paper(), "    %c%s%c: %s%s\n", from == CLIENT ? 'C' : 'S',
		arrow[fate], from == CLIENT ? 'S' : 'C', text, when[fate]);
}

void draw_arrow(enum side from, enum fate fate, const char *text, bool reset)
{
	const bool whole = fate == WHOLE || fate == LOST;
	const bool at_left = (from == CLIENT) == (fate == LEAVES);
	const int room = WIDTH - 3 - (int)strlen(text);
	const int gap = whole ? 0 : room / 2; /* half of its way */
	const int shaft = (room - gap) / 2;

	if (mermaid) {
		draw_arrow_in_mermaid(from, fate, text);
		return;
	}
	fprintf(paper(), "%13s", "");
	draw("│");
	fprintf(paper(), "%*s%s", at_left ? 0 : gap, "",
		tone(reset ? "\033[31m" : "\033[32m"));
	if (from == SERVER)
		draw(fate == LOST ? "x" : "◄");
	repeat("─", shaft);
	fprintf(paper(), " %s ", text);
	repeat("─", room - gap - shaft);
	if (from == CLIENT)
		draw(fate == LOST ? "x" : "►");
	fprintf(paper(), "%s%*s", tone("\033[m"), at_left ? gap : 0, "");
	draw("│");
	putc('\n', paper());
}
