/* story.h - the chores of the stories: programs that act out a failure and its
 * cure in numbered scenes, both ends in one process, and check themselves.
 */
#ifndef DIALTONE_STORY_H
#define DIALTONE_STORY_H

#include "old_common.h"

/* A story ends, even on a kernel that keeps it waiting where ours does not. */
static inline void too_long(int signal_number)
{
	static const char line[] = "this story hangs: a call did not return\n";

	(void)signal_number;
	_exit(write(STDERR_FILENO, line, sizeof line - 1) == -1 ? 2 : 1);
}

/* From now on: 60 seconds at most. SIGALRM is the watchdog's again. */
static inline void watch_story(void)
{
	alarm(60); /* first: it also ends another timer, see setitimer(2) */
	signal(SIGALRM, too_long);
}

/* Begin a story, a program without options and operands but -h. */
static inline void begin_story(int argc, char *argv[], const char *usage)
{
	int option;

	begin(usage);
	if ((option = getopt(argc, argv, "+:h")) != -1)
		common_option(option);
	if (optind < argc)
		wrong_use("'%s' is too much", argv[optind]);
	watch_story();
}

/* CODE if colour is wanted (https://no-color.org), else nothing. */
static inline const char *colour(const char *code)
{
	const char *no_color = getenv("NO_COLOR");

	return isatty(STDOUT_FILENO) && !(no_color && *no_color) ? code : "";
}

static int scene_number;

static inline void scene(const char *title)
{
	printf("%s%s%d. %s%s\n", scene_number ? "\n" : "", colour("\033[1m"),
	       scene_number + 1, title, colour("\033[m"));
	scene_number++;
}

/* Print one system call as it stands in the source, with its result, like
 * strace(1). The value is the call's own, and errno is left as it was. */
#define CALL(who, call) narrate(who, #call, (long)(call))

/* The same for a call that has to succeed for the story to go on; if it gives
 * -1, the story ends here with status 1. */
#define MUST(who, call)                                                        \
	(narrate(who, #call, (long)(call)) == -1                               \
		 ? die("scene %d: %s", scene_number, #call)                    \
		 : (void)0)

/* With their results, for expect; a failure may be the cause, or meant. */
static struct text last_call = {"none"}, last_failure = {"none"};

static inline long narrate(const char *who, const char *call, long result)
{
	int error = errno;
	char text[128];
	int room; /* for the call, if its result stands on the same line */

	snprintf(text, sizeof text, "%ld", result);
	if (result == -1)
		snprintf(text, sizeof text, "-1 %s (%s)", errno_name(error),
			 strerror(error));
	snprintf(last_call.s, sizeof last_call.s, "%s = %s", call, text);
	if (result == -1)
		last_failure = last_call;
	room = 80 - 11 - 3 - (int)strlen(text);
	if ((int)strlen(call) <= room)
		printf("   %-7s %-*s", who, room < 50 ? room : 50, call);
	else
		printf("   %-7s %s\n%10s", who, call, "");
	printf(" = %s%s%s\n", result == -1 ? colour("\033[31m") : "", text,
	       result == -1 ? colour("\033[m") : "");
	errno = error;
	return result;
}

/* A line of the story that is no system call (a printf format). */
#define note(...) (printf("   "), printf(__VA_ARGS__), putchar('\n'))

/* What the scene has shown, if it has; else the story ends here, status 1. */
#define expect(condition, claim) expected((condition), #condition, claim)

static inline void expected(bool holds, const char *condition,
			    const char *claim)
{
	if (holds) {
		printf("   => %s\n", claim);
		return;
	}
	say_who();
	fprintf(stderr, "scene %d: not on this kernel: %s\n", scene_number,
		claim);
	fprintf(stderr, "looked for: %s\nlast call:  %s\nlast error: %s\n",
		condition, last_call.s, last_failure.s);
	exit(EXIT_FAILURE);
}

/* Two ends of one TCP connection over loopback, both in this process: see
 * tcp_server and tcp_client. Ends the program with status 1 if it cannot. */
static inline void connected_pair(int *client_fd, int *conn_fd)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t length = sizeof address;
	int listen_fd = socket(AF_INET, SOCK_STREAM, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK); /* port 0: any */
	if (listen_fd == -1)
		die("socket");
	if (bind(listen_fd, (struct sockaddr *)&address, length) == -1)
		die("bind");
	if (listen(listen_fd, 1) == -1)
		die("listen");
	if (getsockname(listen_fd, (struct sockaddr *)&address, &length) == -1)
		die("getsockname");
	*client_fd = socket(AF_INET, SOCK_STREAM, 0);
	if (*client_fd == -1)
		die("socket");
	if (connect(*client_fd, (struct sockaddr *)&address, length) == -1)
		die("connect");
	*conn_fd = accept(listen_fd, NULL, NULL);
	if (*conn_fd == -1)
		die("accept");
	close(listen_fd);
}

#endif
