/* stale_socket_file - a solution: remove a socket that nobody serves. */
#include <ctype.h>	/* toupper */
#include <err.h>	/* err, warn */
#include <errno.h>	/* errno, EINTR */
#include <stdbool.h>	/* bool */
#include <stdio.h>	/* printf */
#include <sys/socket.h> /* socket, bind, accept */
#include <sys/stat.h>	/* lstat */
#include <sys/un.h>	/* sockaddr_un */
#include <unistd.h>	/* close, unlink */

/* A socket file that nobody has bound any more is removed. (Who asks with one
 * of another type hears ECONNREFUSED from a dead one alone: see unix_stale.) */
static void clear_stale(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0), failed;
	struct stat file;

	failed = connect(fd, (const struct sockaddr *)address, sizeof *address);
	if (failed && errno == ECONNREFUSED &&
	    lstat(address->sun_path, &file) == 0 && S_ISSOCK(file.st_mode))
		unlink(address->sun_path);
	close(fd);
}

/* A socket that listens at PATH, a name in the file system. */
static int start_listening(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	int n = snprintf(address.sun_path, sizeof address.sun_path, "%s", path);

	if (n >= (int)sizeof address.sun_path)
		errx(1, "the path is too long");
	clear_stale(&address);
	if (bind(fd, (struct sockaddr *)&address, sizeof address) == -1)
		err(1, "bind");
	if (listen(fd, 5) == -1)
		err(1, "listen");
	printf("listening on %s\n", path);
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
	ssize_t n;

	while ((n = recv(conn_fd, buf, sizeof buf, 0)) != 0)
		if (n == -1 ? errno != EINTR : !answer(conn_fd, buf, (size_t)n))
			return;
}

int main(int argc, char *argv[])
{
	int listen_fd = start_listening(argc > 1 ? argv[1] : "socket");

	for (;;) {
		int conn_fd = accept(listen_fd, NULL, NULL);
		if (conn_fd == -1 && errno == EINTR)
			continue;
		if (conn_fd == -1)
			err(1, "accept");
		serve(conn_fd);
		close(conn_fd);
	}
}
