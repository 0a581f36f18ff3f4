/* tcp_disconnect - the peer has hung up: recv returns 0, again and again.
 *
 *   client          server
 *   close  --FIN--> recv = 0     end of stream: leave the loop here,
 *                   recv = 0     or hear "nothing" for ever
 *                   recv = 0
 *
 * Run:    tcp_disconnect
 * Watch:  how many empty messages a loop without a guard gets in 50 ms
 * Next:   tcp_reset, when the peer does not say goodbye
 */
#define _GNU_SOURCE /* for common.h: program_invocation_short_name */

#include <sys/ioctl.h>	  /* FIONREAD */
#include <sys/resource.h> /* getrusage */
#include <sys/wait.h>	  /* waitpid */
#include <time.h>	  /* clock_gettime */

#include "../story.h"

static const char usage[] =
	"usage: tcp_disconnect\n"
	"Show what recv says when the peer has hung up, and what it does not.\n"
	"example: tcp_disconnect\n";

static double wall_ms(void)
{
	struct timespec now;

	if (clock_gettime(CLOCK_MONOTONIC, &now) == -1)
		die("clock_gettime");
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static double cpu_ms(void)
{
	struct rusage used;

	if (getrusage(RUSAGE_SELF, &used) == -1)
		die("getrusage");
	return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e3 +
	       (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e3;
}

static void without_a_guard(void)
{
	long empty = 0;
	int client_fd, conn_fd;
	double start, cpu;
	char buf[1024];
	ssize_t n;

	scene("The client hangs up, and the server does not notice.");
	connected_pair(&client_fd, &conn_fd);
	MUST("client", close(client_fd));
	n = CALL("server", recv(conn_fd, buf, sizeof buf, 0));
	expect(n == 0, "the peer closed its end: recv returns 0, at once");

	cpu = cpu_ms();
	start = wall_ms();
	/* A real server would never stop: we do after 50 ms, or later where a
	 * busy machine lets us do next to nothing in 50 ms. */
	while (n == 0 && (wall_ms() - start < 50 || empty < 100)) {
		n = recv(conn_fd, buf, sizeof buf, 0);
		empty++;
	}
	if (n == -1)
		die("recv, which had returned 0");
	note("and on like that: %ld empty messages in %.0f ms,", empty,
	     wall_ms() - start);
	note("which took %.0f ms of CPU time", cpu_ms() - cpu);
	expect(n == 0, "it says 0 for ever and never waits");
	close(conn_fd);
}

static void with_a_guard(void)
{
	int client_fd, conn_fd;
	char buf[1024];
	ssize_t heard = 0;

	scene("The cure: 0 is the end of the stream, so leave the loop.");
	connected_pair(&client_fd, &conn_fd);
	MUST("client", send(client_fd, "bye", 3, MSG_NOSIGNAL));
	MUST("client", close(client_fd));
	for (;;) {
		ssize_t n = CALL("server", recv(conn_fd, buf, sizeof buf, 0));
		if (n == -1)
			die("recv");
		if (n == 0) /* the guard */
			break;
		heard += n;
	}
	MUST("server", close(conn_fd));
	expect(heard == 3, "what was said before the end arrives, then one 0");
}

static void not_an_empty_recv(void)
{
	int client_fd, conn_fd, waiting = -1;
	char buf[1024];
	ssize_t n;

	scene("What 0 is not: \"nothing yet\", or an empty message.");
	connected_pair(&client_fd, &conn_fd);

	/* Without MSG_DONTWAIT this call would sleep until something comes. */
	n = CALL("server", recv(conn_fd, buf, sizeof buf, MSG_DONTWAIT));
	expect(n == -1 && errno == EAGAIN, "nothing yet is -1 with EAGAIN");

	n = CALL("client", send(client_fd, "", 0, MSG_NOSIGNAL));
	expect(n == 0, "to send 0 bytes is no error, ...");
	MUST("server", ioctl(conn_fd, FIONREAD, &waiting));
	n = CALL("server", recv(conn_fd, buf, sizeof buf, MSG_DONTWAIT));
	expect(waiting == 0 && n == -1 && errno == EAGAIN,
	       "... but puts nothing on the wire: the server has 0 bytes");

	MUST("client", send(client_fd, "hello", 5, MSG_NOSIGNAL));
	n = CALL("server", recv(conn_fd, buf, sizeof buf, 0));
	expect(n == 5, "the next message comes alone: no empty one before it");
	close(client_fd);
	close(conn_fd);
}

static void killed(void)
{
	int client_fd, conn_fd, status = 0;
	char buf[1024];
	ssize_t n;
	pid_t child;

	scene("The client is killed with kill -9: for the server, the same.");
	connected_pair(&client_fd, &conn_fd);
	child = fork(); /* not CALL: both processes return from it */
	if (child == -1)
		die("fork");
	if (child == 0) { /* the client: waits for an answer, and is killed */
		close(conn_fd);
		recv(client_fd, buf, sizeof buf, 0); /* 0 if we die first */
		_exit(EXIT_SUCCESS);
	}
	close(client_fd); /* the child has a copy, and now the only one */

	MUST("parent", kill(child, SIGKILL));
	MUST("parent", waitpid(child, &status, 0));
	expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
	       "it had no chance to say goodbye, ...");
	n = CALL("server", recv(conn_fd, buf, sizeof buf, 0));
	expect(n == 0, "... so its kernel did: 0, the end of the stream");
	close(conn_fd);
}

int main(int argc, char *argv[])
{
	begin_story(argc, argv, usage);
	without_a_guard();
	with_a_guard();
	not_an_empty_recv();
	killed();
	puts("\nRemember: 0 from recv is the end of the stream, never an\n"
	     "empty message. No more data will come: leave the loop, close.");
	return EXIT_SUCCESS;
}
