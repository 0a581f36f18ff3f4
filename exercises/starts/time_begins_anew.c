/* time_begins_anew - 500 ms are not over after 500 ms, nor ever.
 *
 * It waits for a line that a server says, and prints a dot every 100 ms so that
 * its user knows that it lives: SIGALRM comes, and interrupts what is waiting.
 *
 * Symptom: cc time_begins_anew.c -o time_begins_anew
 *          nc -l 127.0.0.1 8080 is a server that says what you type.
 *          In another terminal: ./time_begins_anew 8080
 *          There are dots without end.
 * Wanted:  if the whole line has not come after 500 ms (a little more is no
 *          matter), it says: no answer; and ends with status 1. The dots stay.
 * Check:   make exercise-time_begins_anew
 */
#include <err.h>	/* err, errx */
#include <errno.h>	/* errno, EINTR */
#include <netinet/in.h> /* sockaddr_in, htons */
#include <poll.h>	/* poll */
#include <signal.h>	/* sigaction */
#include <stdio.h>	/* printf */
#include <stdlib.h>	/* strtol */
#include <string.h>	/* memchr */
#include <sys/socket.h> /* socket, connect, recv */
#include <sys/time.h>	/* setitimer */
#include <unistd.h>	/* write */

/* A connection to 127.0.0.1:PORT. */
static int dial(const char *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	address.sin_port = htons((in_port_t)strtol(port, NULL, 10));
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(fd, (struct sockaddr *)&address, sizeof address) == -1)
		err(1, "connect");
	return fd;
}

static void dot(int signal_number)
{
	int error = errno;

	(void)signal_number;
	(void)!write(STDOUT_FILENO, ".", 1);
	errno = error; /* whoever was interrupted wants to know it */
}

/* Wait for a line; its length, or 0 if it does not come in time. */
static size_t hear_line(int fd, char *line, size_t room)
{
	struct pollfd one = {.fd = fd, .events = POLLIN};
	size_t length = 0;

	while (length < room && !memchr(line, '\n', length)) {
		int ready = poll(&one, 1, 500);
		if (ready == -1 && errno == EINTR)
			continue;
		if (ready == -1)
			err(1, "poll");
		if (ready == 0)
			return 0;
		ssize_t n = recv(fd, line + length, room - length, 0);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			err(1, "recv");
		if (n == 0)
			return 0;
		length += (size_t)n;
	}
	return length;
}

int main(int argc, char *argv[])
{
	const struct itimerval every = {{0, 100000}, {0, 100000}}; /* 100 ms */
	struct sigaction action = {.sa_handler = dot};
	int fd = dial(argc > 1 ? argv[1] : "8080");
	char line[1000];

	if (sigaction(SIGALRM, &action, NULL) == -1 ||
	    setitimer(ITIMER_REAL, &every, NULL) == -1)
		err(1, "no dots");
	size_t length = hear_line(fd, line, sizeof line);
	if (length == 0)
		errx(1, "no answer");
	printf("%.*s", (int)length, line);
	return 0;
}
