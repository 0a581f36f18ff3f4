/* tcp_thread - how does a thread for each client serve many at once?
 *
 *   main:      accept -- pthread_create -- accept the next ...
 *   a thread:                +-- recv, send, ... -- close
 *                  the buffer is on its own stack, the counter is everybody's
 *
 * Watch:  all this is one process; a second client is served at once
 * Next:   tcp_poll, one loop for all clients
 */
#include "../common.h"
#include <pthread.h> /* before glibc 2.34: cc -pthread */

static const char usage[] =
	"usage: tcp_thread [-q] [HOST [PORT]]\n"
	"Answer in upper case, each client by a thread of its own.\n"
	"  -q  quiet: print the ready line and errors only\n"
	"example: tcp_thread ::1 9000\n";

struct caller {
	int conn_fd;
	char peer[80];
};

/* All threads write this counter: each of them locks it first. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int clients;

/* Add one client, or take one away. Return how many there are now. */
static int count(int change)
{
	pthread_mutex_lock(&lock);
	clients += change;
	int now = clients; /* after the unlock it may be another number */
	pthread_mutex_unlock(&lock);
	return now;
}

/* A client's thread. If it fails, only this conversation is over. */
static void *serve(void *argument)
{
	struct caller caller = *(struct caller *)argument;
	char buf[64 * 1024]; /* on this thread's own stack */
	const char *failed = NULL;
	ssize_t n;

	free(argument);
	count(1);
	while (!failed && (n = recv(caller.conn_fd, buf, sizeof buf, 0)) != 0) {
		if (n == -1 && errno != EINTR)
			failed = "recv from";
		if (n == -1)
			continue;
		upper_case(buf, (size_t)n);
		if (send_all(caller.conn_fd, buf, (size_t)n) == -1)
			failed = "send to";
	}
	int error = errno, left = count(-1);
	close(caller.conn_fd);

	/* No client waits for us now. If nobody reads our output, one thread
	 * waits here; the others find the lock taken and skip their line. */
	FILE *out = failed ? stderr : stdout;
	if ((quiet && !failed) || ftrylockfile(out))
		return NULL;
	errno = error;
	if (failed)
		complain(failed, caller.peer);
	else if (printf("served %s, %d still here\n", caller.peer, left) < 0)
		check_output(); /* says why, and ends the server */
	funlockfile(out);
	return NULL;
}

int main(int argc, char *argv[])
{
	struct addrinfo *own = address_of(begin(argc, argv, "+hq", usage));
	struct sockaddr_storage address;
	const int on = 1;

	/* 1. Listen, as tcp_fork does. */
	int listen_fd = socket(own->ai_family, SOCK_STREAM, 0);
	if (listen_fd == -1 ||
	    setsockopt(listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) ||
	    bind(listen_fd, own->ai_addr, own->ai_addrlen) == -1 ||
	    listen(listen_fd, 4096) == -1)
		die("socket, setsockopt, bind or listen");
	announce(listen_fd, own);

	for (;;) {
		/* 2. Pick up. */
		socklen_t length = sizeof address;
		int conn_fd =
			accept(listen_fd, (struct sockaddr *)&address, &length);
		if (conn_fd == -1) {
			complain("accept", "a client");
			sleep(1); /* do not burn the CPU */
			continue;
		}

		/* 3. The thread gets memory of its own: the next caller may be
		 *    in our variables before the thread has read them. */
		struct caller *caller = malloc(sizeof *caller);
		if (caller) {
			caller->conn_fd = conn_fd;
			strcpy(caller->peer, address_text(&address, length));
		}

		/* 4. Without a thread one client is lost, not the server. */
		pthread_t thread;
		errno = caller ? pthread_create(&thread, NULL, serve, caller)
			       : ENOMEM;
		if (errno == 0) {
			pthread_detach(thread); /* nobody will join it */
			continue;
		}
		complain("pthread_create for", "a client");
		free(caller);
		close(conn_fd);
	}
}
