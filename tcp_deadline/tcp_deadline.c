/* tcp_deadline - and if signals come in between?
 *
 *   signals     |     !     !     !     !     !     !
 *   time-out    |-----|-----|-----|-----|-----|-----|...   450 ms, anew
 *   deadline    |-----|-----|-----|-----|--| over          what is left
 *
 * Watch:  the stars, each 20 ms a column. When does the waiting end?
 * Next:   tcp_keepalive, a peer that may be gone
 */
#include "../common.h"
#include <sys/time.h>
#include <time.h>

static long long start; /* where the time axis has its 0 */

/* The handler of SIGALRM does nothing: its running interrupts. */
static void interrupt(int signal_number)
{
	(void)signal_number;
}

/* Return the milliseconds since START, on a clock that nobody sets. */
static long long passed(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now); /* with this one it cannot fail */
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000 - start;
}

/* Print a line with a star on the time axis, where a column is 20 ms: this call
 * has just returned N. */
static int mark(const char *call, int n);

int main(int argc, char *argv[])
{
	const struct sigaction action = {.sa_handler = interrupt};
	const struct itimerval every = {{0, 100000}, {0, 100000}}; /* 100 ms */
	const struct timeval tv = {.tv_usec = 450000};
	int client_fd, fd, n, left, tries = 0, late = 0;
	char buf[100];

	begin_story(argc, argv,
		    "usage: tcp_deadline\n"
		    "Wait for 450 ms, though signals keep interrupting.\n"
		    "example: tcp_deadline\n");
	connected_pair(&client_fd, &fd);
	struct pollfd end = {.fd = fd, .events = POLLIN};

	scene("A time-out of 450 ms, and no signal.");
	CALL("server", sigaction(SIGALRM, &action, NULL));
	n = CALL("server",
		 setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv));
	expect("no recv shall wait longer", n == 0);
	start += passed(); /* the axis begins now */
	n = mark("recv", (int)recv(fd, buf, sizeof buf, 0));
	expect("recv gives up in time", n == -1 && errno == EAGAIN &&
						passed() >= 430 &&
						passed() < 1999);

	scene("A signal every 100 ms. After each we call recv again.");
	n = CALL("server", setitimer(ITIMER_REAL, &every, NULL));
	expect("the timer runs", n == 0);
	start += passed();
	do { /* EAGAIN: a busy machine let us sleep for too long; once may be */
		n = mark("recv", (int)recv(fd, buf, sizeof buf, 0));
		late += n == -1 && errno == EAGAIN;
	} while (n == -1 && (errno == EINTR || late == 1) &&
		 ++tries < 6 + late);
	expect("each recv begins its 450 ms anew: the waiting never ends",
	       n == -1 && errno == EINTR && passed() > 550 && passed() < 5000);

	scene("A deadline. After each signal we poll for what is left of it.");
	start += passed();
	do {
		left = 450 - (int)passed();
		n = mark("poll", poll(&end, 1, left > 0 ? left : 0));
	} while (n == -1 && errno == EINTR && passed() < 1999);
	expect("signals or not, it is over in time",
	       n == 0 && passed() >= 450 && passed() < 1999);
}

static int mark(const char *call, int n)
{
	const int error = errno, ms = (int)passed();

	snprintf(last_call, sizeof last_call, "   %4d ms |%*s %s = %d %s", ms,
		 ms < 1000 ? ms / 20 + 1 : 50, "*", call, n,
		 n == -1 ? errno_name(error) : "");
	puts(last_call);
	errno = error; /* the caller wants to know it, too */
	return n;
}
