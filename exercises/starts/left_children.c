/* left_children - a process for each client, and they never go away.
 *
 * Symptom: cc left_children.c -o left_children && ./left_children 8080
 *          Call it with nc 127.0.0.1 8080 in a second terminal, say something,
 *          end it with Ctrl-C; do so three times. ps ax | grep left_children:
 *          three lines say <defunct>. Some thousands more, and fork fails.
 * Wanted:  clients are served at the same time, each by its process; a process
 *          that has ended does not stay behind.
 * Check:   make exercise-left_children
 */
#include <ctype.h>	/* toupper */
#include <err.h>	/* err, warn */
#include <errno.h>	/* errno, EINTR */
#include <netinet/in.h> /* sockaddr_in, htons */
#include <stdbool.h>	/* bool */
#include <stdio.h>	/* printf */
#include <stdlib.h>	/* strtol */
#include <sys/socket.h> /* socket, bind, accept */
#include <sys/wait.h>	/* waitpid */
#include <unistd.h>	/* fork, close */

/* A socket that listens on 127.0.0.1:PORT; port 0: the kernel chooses one. */
static int start_listening(const char *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t length = sizeof address;
	int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

	address.sin_port = htons((in_port_t)strtol(port, NULL, 10));
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == -1 ||
	    bind(fd, (struct sockaddr *)&address, length) == -1 ||
	    listen(fd, 5) == -1 ||
	    getsockname(fd, (struct sockaddr *)&address, &length) == -1)
		err(1, "no listening socket");
	printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
	fflush(stdout);
	return fd;
}

/* Answer in upper case, all of it. False if that cannot be sent. */
static bool answer(int fd, char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		bytes[i] = (char)toupper((unsigned char)bytes[i]);
	while (n > 0) {
		ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
		if (sent == -1 && errno == EINTR)
			continue;
		if (sent == -1)
			return false;
		bytes += sent;
		n -= (size_t)sent;
	}
	return true;
}

/* Hear and answer until the conversation is over. */
static void serve(int conn_fd)
{
	char buf[1024];

	for (;;) {
		ssize_t n = recv(conn_fd, buf, sizeof buf, 0);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0 || !answer(conn_fd, buf, (size_t)n))
			return;
	}
}

int main(int argc, char *argv[])
{
	int listen_fd = start_listening(argc > 1 ? argv[1] : "8080");

	for (;;) {
		int conn_fd = accept(listen_fd, NULL, NULL);
		if (conn_fd == -1 && errno == EINTR)
			continue;
		if (conn_fd == -1)
			err(1, "accept");
		pid_t child = fork();
		if (child == -1)
			warn("fork");
		if (child == 0) {
			close(listen_fd);
			serve(conn_fd);
			_exit(0);
		}
		close(conn_fd);
	}
}
