/* drawing.c - the pen: a ladder's calls, states, arrows and remarks, as text of
 * 80 columns, or as the lines of a Mermaid sequence diagram (mermaid.js.org).
 */
#define _GNU_SOURCE /* for common.h: program_invocation_short_name */

#include "tcp_states.h"

enum { MIDDLE = 53 }; /* columns between the life lines */

bool mermaid;
char remark_text[128];

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

/* One row of the ladder; TEXT stands at the client's side, at the server's,
 * or, for a remark, in between. */
static void row(const char *left, const char *text, int align, const char *code,
		const char *right)
{
	int room = MIDDLE - 2 - (int)strlen(text);
	int before = align < 0 ? 0 : align > 0 ? room : room / 2;

	printf("%s%12s%s ", tone("\033[1m"), left, tone("\033[m"));
	draw("│");
	printf(" %*s%s%s%s%*s ", before, "", tone(code), text, tone("\033[m"),
	       room - before, "");
	draw("│");
	printf("%s%s%s%s\n", *right ? " " : "", tone("\033[1m"), right,
	       tone("\033[m"));
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
		printf("%s%s%s\n", tone("\033[1m"), text, tone("\033[m"));
}

void draw_ends(void)
{
	struct text left, right;

	snprintf(left.s, sizeof left.s, "client 127.0.0.1:%u", ports[CLIENT]);
	snprintf(right.s, sizeof right.s, "server 127.0.0.1:%u", ports[SERVER]);
	printf(mermaid ? "sequenceDiagram\n    participant C as %s\n"
			 "    participant S as %s\n"
		       : " %-39s%40s\n",
	       left.s, right.s);
}

void draw_call(enum side side, const char *text, bool failed)
{
	if (mermaid)
		printf(side == CLIENT ? "    C->>C: %s\n" : "    S->>S: %s\n",
		       text);
	else
		row("", text, side == CLIENT ? -1 : 1, failed ? "\033[31m" : "",
		    "");
}

void draw_states(const int state[2], const bool changed[2])
{
	const char *client = state_names[state[CLIENT]];
	const char *server = state_names[state[SERVER]];

	if (!mermaid && (changed[CLIENT] || changed[SERVER]))
		row(client, "", 0, "", server);
	if (mermaid && changed[CLIENT])
		printf("    Note left of C: %s\n", client);
	if (mermaid && changed[SERVER])
		printf("    Note right of S: %s\n", server);
}

void draw_remark(void)
{
	if (mermaid)
		printf("    Note over C,S: %s\n", remark_text);
	else
		row("", remark_text, 0, "\033[35m", "");
}

static void draw_arrow_in_mermaid(enum side from, enum fate fate,
				  const char *text)
{
	static const char *const arrow[] = {"->>", "-x", "-)", "->>"};
	static const char *const when[] = {"", " (lost)", " (leaves)",
					   " (arrives)"};

	printf(from == CLIENT ? "    C%sS: %s%s\n" : "    S%sC: %s%s\n",
	       arrow[fate], text, when[fate]);
}

void draw_arrow(enum side from, enum fate fate, const char *text,
		const char *code)
{
	const bool whole = fate == WHOLE || fate == LOST;
	const bool at_left = (from == CLIENT) == (fate == LEAVES);
	const int room = MIDDLE - 3 - (int)strlen(text);
	const int gap = whole ? 0 : room / 2; /* half of its way */
	const int shaft = (room - gap) / 2;

	if (mermaid) {
		draw_arrow_in_mermaid(from, fate, text);
		return;
	}
	printf("%13s", "");
	draw("│");
	printf("%*s%s", at_left ? 0 : gap, "", tone(code));
	if (from == SERVER)
		draw(fate == LOST ? "x" : "◄");
	repeat("─", shaft);
	printf(" %s ", text);
	repeat("─", room - gap - shaft);
	if (from == CLIENT)
		draw(fate == LOST ? "x" : "►");
	printf("%s%*s", tone("\033[m"), at_left ? gap : 0, "");
	draw("│");
	putchar('\n');
}
