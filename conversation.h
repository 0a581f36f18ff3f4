/* conversation.h - the chores of the conversations: programs that talk to
 * another process until Ctrl-C or the end of input. No lesson lives here: the
 * calls that a conversation is about stand in its own source.
 */
#ifndef DIALTONE_CONVERSATION_H
#define DIALTONE_CONVERSATION_H

#include "old_common.h"

/* ---- Getting ready ---- */

/* The operands [HOST [PORT]], over the defaults in *HOST and *PORT. What is no
 * port from MIN_PORT to 65535, or one operand too many, is wrong use. */
static inline void host_and_port(char *operands[], const char **host,
				 const char **port, long min_port)
{
	if (operands[0]) {
		*host = *operands++;
		if (operands[0])
			*port = *operands++;
		if (operands[0])
			wrong_use("'%s' is too much", operands[0]);
	}
	parse_number("PORT", *port, min_port, 65535);
}

/* The addresses of HOST (a name or an address) and PORT (decimal digits) as a
 * list to be tried in turn, for a SOCK_... TYPE; free with freeaddrinfo(3).
 * A name that cannot be resolved ends the program with status 1. For the whole
 * of getaddrinfo(3): see sock_address. */
static inline struct addrinfo *resolve(const char *host, const char *port,
				       int type)
{
	const struct addrinfo wanted = {.ai_socktype = type,
					.ai_flags = AI_NUMERICSERV};
	struct addrinfo *list;
	int error = getaddrinfo(host, port, &wanted, &list);

	if (error == 0)
		return list;
	if (error == EAI_SYSTEM)
		die("look up %s", host);
	fprintf(stderr,
		"%s: look up %s: %s (%s)\n"
		"hint: is it spelt right? An address such as 127.0.0.1 needs "
		"no name server\n",
		program_invocation_short_name, host, gai_strerror(error),
		errno_name(error));
	exit(EXIT_FAILURE);
}

/* Ctrl-C (SIGINT) and kill (SIGTERM) end the program at once, status 0, with a
 * closing line; the kernel closes all sockets. Only calls of signal-safety(7),
 * and no flag to test: so there is no moment in which the signal is missed. */
static inline void leave(int signal_number)
{
	static const char line[] =
		"\nstopped by a signal, all sockets closed\n";
	size_t skip = isatty(STDOUT_FILENO) ? 0 : 1; /* a terminal shows ^C */

	(void)signal_number;
	_exit(write(STDOUT_FILENO, line + skip, sizeof line - 1 - skip) == -1);
}

static inline void leave_on_signals(void)
{
	const struct sigaction action = {.sa_handler = leave};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

/* ---- What the servers answer ---- */

/* a to z in upper case, any other byte as it is: toupper(3) asks the locale. */
static inline char upper(char c)
{
	return (char)(c >= 'a' && c <= 'z' ? c - ('a' - 'A') : c);
}

/* The same for N BYTES, in place. */
static inline void upper_case(char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		bytes[i] = upper(bytes[i]);
}

/* ---- What the clients read and print ---- */

enum { PIECE = 16 * 1024 }; /* the most that is sent before it is answered */

/* A line of standard input without its newline, or as much of it as fits;
 * *WHOLE: that is where the line ends. False at the end of input. */
static inline bool read_piece(char piece[PIECE], size_t *length, bool *whole)
{
	int c = 0;

	*length = 0;
	while (*length < PIECE && (c = getchar()) != EOF && c != '\n')
		piece[(*length)++] = (char)c;
	*whole = c == '\n' || c == EOF;
	return c != EOF || *length > 0;
}

static bool answer_open; /* the last thing printed needs a newline */

/* N bytes that the peer sent. A terminal gets them escaped, each character that
 * is not visible; a pipe unchanged. */
static inline void print_answer(const char *bytes, size_t n)
{
	char safe[8];

	answer_open = true;
	if (isatty(STDOUT_FILENO)) {
		for (size_t i = 0; i < n; fputs(safe, stdout))
			i += escape_one(bytes + i, n - i, safe);
	} else if (n > 0) {
		fwrite(bytes, 1, n, stdout);
		answer_open = bytes[n - 1] != '\n';
	}
	fflush(stdout);
}

/* The answer is over: its newline, unless it has brought one. */
static inline void end_answer(void)
{
	if (answer_open)
		putchar('\n');
	answer_open = false;
}

#endif
