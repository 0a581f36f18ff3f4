/* diagram.c - the state diagram of RFC 9293, section 3.3.2, with its main ways
 * only; the states seen in this run are marked.
 */
#define _GNU_SOURCE /* for common.h: program_invocation_short_name */

#include "tcp_states.h"

/* "[ ] NAME" becomes "[*] NAME" where the kernel showed that state. */
static const char *const picture[] = {
	/* clang-format off */
"                            ┌──────────────────┐",
"             ┌──────────────┤ [ ] CLOSED       ├──────────────┐",
"      listen │              └──────────────────┘              │ connect: SYN",
"             ▼                                                ▼",
"    ┌──────────────────┐                             ┌──────────────────┐",
"    │ [ ] LISTEN       │                             │ [ ] SYN_SENT     │",
"    └────────┬─────────┘                             └────────┬─────────┘",
"    got SYN: │                                                │ got SYN ACK:",
"     SYN ACK ▼            got ACK                             │ ACK",
"    ┌──────────────────┐    ┌──────────────────┐              │",
"    │ [ ] SYN_RECV     ├───►│ [ ] ESTABLISHED  │◄─────────────┘",
"    └──────────────────┘    └──┬────────────┬──┘",
"                    close: FIN │            │ got FIN: ACK",
"             ┌─────────────────┘            └─────────────────┐",
"             ▼       got FIN: ACK                             ▼",
"    ┌──────────────────┐    ┌──────────────────┐     ┌──────────────────┐",
"    │ [ ] FIN_WAIT_1   ├───►│ [ ] CLOSING      │     │ [ ] CLOSE_WAIT   │",
"    └────────┬─────────┘    └────────┬─────────┘     └────────┬─────────┘",
"     got ACK │               got ACK │             close: FIN │",
"             ▼       got FIN: ACK    ▼                        ▼",
"    ┌──────────────────┐    ┌──────────────────┐     ┌──────────────────┐",
"    │ [ ] FIN_WAIT_2   ├───►│ [ ] TIME_WAIT    │     │ [ ] LAST_ACK     │",
"    └──────────────────┘    └────────┬─────────┘     └────────┬─────────┘",
"                                60 s ▼ CLOSED         got ACK ▼ CLOSED",
	/* clang-format on */
};

static const char in_mermaid[] =
	"stateDiagram-v2\n"
	"    CLOSED --> LISTEN: listen\n"
	"    CLOSED --> SYN_SENT: connect, SYN\n"
	"    LISTEN --> SYN_RECV: got SYN, SYN ACK\n"
	"    SYN_SENT --> ESTABLISHED: got SYN ACK, ACK\n"
	"    SYN_RECV --> ESTABLISHED: got ACK\n"
	"    ESTABLISHED --> FIN_WAIT_1: close, FIN\n"
	"    ESTABLISHED --> CLOSE_WAIT: got FIN, ACK\n"
	"    FIN_WAIT_1 --> FIN_WAIT_2: got ACK\n"
	"    FIN_WAIT_1 --> CLOSING: got FIN, ACK\n"
	"    FIN_WAIT_2 --> TIME_WAIT: got FIN, ACK\n"
	"    CLOSING --> TIME_WAIT: got ACK\n"
	"    CLOSE_WAIT --> LAST_ACK: close, FIN\n"
	"    LAST_ACK --> CLOSED: got ACK\n"
	"    TIME_WAIT --> CLOSED: 60 s\n"
	"    classDef seen fill:#cfc,color:#000\n";

/* The state whose name TEXT begins with. */
static int state_at(const char *text)
{
	for (int state = 1;; state++) {
		const char *name = state_names[state];
		if (strncmp(text, name, strlen(name)) == 0)
			return state;
	}
}

static void draw_row(const char *row)
{
	const char *box;

	while ((box = strstr(row, "[ ]"))) {
		const int state = state_at(box + 4);
		const bool seen = visited[state];
		char before[128];

		snprintf(before, sizeof before, "%.*s", (int)(box - row), row);
		draw(before);
		printf("%s[%c] %s%s", colour(seen ? "\033[1;32m" : ""),
		       seen ? '*' : ' ', state_names[state], colour("\033[m"));
		row = box + 4 + strlen(state_names[state]);
	}
	draw(row);
	putchar('\n');
}

void state_diagram(void)
{
	if (mermaid) {
		fputs(in_mermaid, stdout);
		for (int state = 1; state < STATES; state++)
			if (visited[state])
				printf("    class %s seen\n",
				       state_names[state]);
		return;
	}
	for (size_t i = 0; i < sizeof picture / sizeof *picture; i++)
		draw_row(picture[i]);
}
