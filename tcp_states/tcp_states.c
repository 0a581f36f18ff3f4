/* tcp_states - the life of a connection, as seen in the kernel.
 *
 *   client        calls, segments and states, as they happen        server
 *   SYN_SENT  ----- SYN seq=x ------------------------------->    SYN_RECV
 *
 * Run:    tcp_states, for the whole life; tcp_states close_wait, to hold one
 *         state; tcp_states -w close_wait, to look at it from a second terminal
 * Watch:  x+1, y+1: a SYN uses up one number, a FIN another
 * Next:   in this folder scenarios.c, then as tcp_states.h lists them; udp_demo
 */
#define _GNU_SOURCE /* for common.h: program_invocation_short_name */

#include <sys/wait.h> /* waitpid */

#include "../private_net.h"
#include "tcp_states.h"

static const char usage[] =
	"usage: tcp_states [-m | -w] [all | NAME...]\n"
	"Draw what a TCP connection does: its calls, captured segments, and\n"
	"the states of both ends. NAME is a scenario:\n"
	"  life          from the first call to the last segment (default)\n"
	"  open          the handshake\n"
	"  close         the end, in four segments and in three\n"
	"  simultaneous  both ends hang up at once\n"
	"  reset         a call to a port where nobody listens\n"
	"or a state, which is reached, held and released:\n"
	"  closed listen syn_sent syn_recv established fin_wait_1 fin_wait_2\n"
	"  close_wait closing last_ack time_wait\n"
	"all: all eleven states, and the state diagram\n"
	"  -m  write Mermaid diagrams instead of text\n"
	"  -w  wait for Enter at each state held, in scenarios at each step;\n"
	"      on the ordinary loopback, where ss -tan sees it, no segments\n"
	"example: tcp_states -w close_wait\n";

/* A private network with a packet socket in it. Whether a system allows that
 * shows in the attempt only, and the attempt may get half the way; so a child
 * tries first. Without, segments cannot be captured, the rest goes on. */
static void enter_network(void)
{
	int status;
	pid_t child = fork();

	if (child == -1)
		die("fork");
	if (child == 0) {
		bool works = enter_private_network() == 0 && wire_open() == 0;
		_exit(works ? 0 : errno);
	}
	while (waitpid(child, &status, 0) == -1)
		if (errno != EINTR)
			die("waitpid");
	if (status == 0) {
		if (enter_private_network() == -1 || wire_open() == -1)
			die("enter a private network");
		return;
	}
	errno = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
	complain("no private network: no segments, only calls and states");
	fputs("hint: scripts/sandbox true tells who forbids it and how to "
	      "allow it\n",
	      stderr);
}

static const struct scenario *scenario_named(const char *name)
{
	for (const struct scenario *s = scenarios; s->name; s++)
		if (strcmp(s->name, name) == 0)
			return s;
	return NULL;
}

static void play(const char *name)
{
	const struct scenario *scenario = scenario_named(name);

	stepwise = waiting && scenario;
	if (scenario)
		scenario->play();
	else if (strcmp(name, "all") == 0)
		hold_all();
	else
		hold(state_named(name));
	drop_ends();
}

int main(int argc, char *argv[])
{
	int option;

	begin(usage);
	while ((option = getopt(argc, argv, "+:hmw")) != -1) {
		if (option == 'm')
			mermaid = true;
		else if (option == 'w')
			waiting = true;
		else
			common_option(option);
	}
	if (mermaid && waiting)
		wrong_use("-m and -w do not go together");
	for (int i = optind; i < argc; i++) {
		const char *name = argv[i];
		if (name[0] == '-')
			wrong_use("options such as '%s' come first", name);
		if (!scenario_named(name) && !state_named(name) &&
		    strcmp(name, "all") != 0)
			wrong_use("'%s' is no state and no scenario", name);
	}

	if (waiting) /* for ss in a second terminal: nothing private */
		puts("On the ordinary loopback, where ss sees it: no segments "
		     "are captured.");
	else
		enter_network();
	if (optind == argc)
		play("life");
	for (int i = optind; i < argc; i++)
		play(argv[i]);
}
