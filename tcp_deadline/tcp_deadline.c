/* tcp_deadline - and if signals come in between?
 *
 *   signals      |       !       !       !       !       !
 *   time-out     |-------|-------|-------|-------|-------|...  300 ms, anew
 *   deadline     |-------|-------|-------|-----| over          what is left
 *
 * Watch:  the milliseconds at the left. When does the waiting end?
 * Next:   tcp_keepalive, a peer that may be gone
 */
#include "../common.h"
#include <sys/wait.h>
#include <time.h>

static volatile sig_atomic_t signals; /* that came; two at once are one */
static long long start;		      /* where the time axis has its 0 */

/* The handler of SIGUSR1 does next to nothing: that it runs, interrupts. */
static void count(int signal_number)
{
	signals = signals + (signal_number == SIGUSR1);
}

static const struct sigaction plain = {.sa_handler = count};
static const struct sigaction restart = {.sa_handler = count,
					 .sa_flags = SA_RESTART};

/* Start a process that sends us a signal every 80 ms, as long as we run. It is
 * the client, too, and says "hi" at the third and (nobody waits) the 60th. */
static pid_t start_signals(int client_fd)
{
	pid_t parent = getpid(), child = fork();

	if (child == -1)
		die("fork");
	for (int i = 1; child == 0 && i <= 60 && getppid() == parent; i++) {
		poll(NULL, 0, 80);
		kill(parent, SIGUSR1);
		if ((i == 3 || i == 60) && send(client_fd, "hi", 2, 0) == -1)
			complain("send", "from the client");
	}
	if (child == 0)
		_exit(0);
	return child;
}

/* Return the milliseconds since START, on a clock that nobody sets. */
static long long passed(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now); /* with this one it cannot fail */
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000 - start;
}

/* Print a line of the time axis: this call has just returned N. */
static int mark(const char *call, int n)
{
	const int error = errno;

	snprintf(last_call, sizeof last_call, "   %4lld ms  %s = %d %s",
		 passed(), call, n, n == -1 ? errno_name(error) : "");
	puts(last_call);
	errno = error; /* the caller wants to know it, too */
	return n;
}

int main(int argc, char *argv[])
{
	const struct timeval tv = {.tv_usec = 300000};
	int client_fd, fd, n, left, tries = 0;
	char buf[100];

	begin_story(argc, argv,
		    "usage: tcp_deadline\n"
		    "Wait for 0.3 s, though signals keep interrupting.\n"
		    "example: tcp_deadline\n");
	connected_pair(&client_fd, &fd);

	scene("Signals come while recv waits. It has no time-out.");
	CALL("server", sigaction(SIGUSR1, &plain, NULL));
	pid_t child = start_signals(client_fd);
	n = CALL("server", recv(fd, buf, sizeof buf, 0));
	expect("a signal that has a handler ends recv",
	       n == -1 && errno == EINTR && signals < 3);
	CALL("server", sigaction(SIGUSR1, &restart, NULL));
	n = CALL("server", recv(fd, buf, sizeof buf, 0));
	expect("SA_RESTART: it goes on after each, until the client speaks",
	       n == 2 && signals >= 2 && signals < 8);

	scene("A time-out of 300 ms. After each signal we call recv again.");
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv) == -1)
		die("setsockopt SO_RCVTIMEO");
	start += passed(); /* the axis begins now */
	do {
		n = mark("recv", (int)recv(fd, buf, sizeof buf, 0));
		if (n == -1 && errno == EAGAIN && tries++ < 20)
			start += passed(); /* busy machine: a late signal */
	} while (n == -1 && passed() <= 380);
	expect("each recv begins its 300 ms anew (and SA_RESTART is void)",
	       n == -1 && errno == EINTR && passed() > 380);

	scene("A deadline. After each signal we poll for what is left of it.");
	struct pollfd end = {.fd = fd, .events = POLLIN};
	signals = 0;
	start += passed();
	do {
		left = 300 - (int)passed();
		n = mark("poll", poll(&end, 1, left > 0 ? left : 0));
	} while (n == -1 && errno == EINTR);
	expect("signals or not, it is over in time",
	       n == 0 && signals <= 8 && passed() >= 300 && passed() < 1000);
	/* The proof that nothing but the signals kept scene 2 going. */
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	start += passed();
	n = mark("recv", (int)recv(fd, buf, sizeof buf, 0));
	expect("once the signals have stopped, recv gives up after 300 ms, too",
	       n == -1 && errno == EAGAIN && passed() >= 280 &&
		       passed() < 1000);
}
