/* files_leak - after some hundred files, this server takes no more.
 *
 * Its clients hand open files to it, with a message of one byte, at most four
 * files at a time. It says how many they are, and how many bytes they have.
 *
 * Symptom: cc files_leak.c -o files_leak; (ulimit -n 1024; ./files_leak socket)
 *          In another terminal, python3 -i and
 *          from socket import *
 *          c = socket(AF_UNIX); c.connect("socket"); f = open("files_leak.c")
 *          for i in range(1100): send_fds(c, [b"."], [f.fileno()]); c.recv(99)
 *          In the end: 0 open, 0 bytes. See also: ls /proc/PID/fd
 * Wanted:  that goes on and on; nothing is left of files that it has measured.
 * Check:   make exercise-files_leak
 */
#include <err.h>	/* err */
#include <errno.h>	/* errno, EINTR */
#include <signal.h>	/* signal */
#include <stdio.h>	/* printf, dprintf */
#include <string.h>	/* memcpy */
#include <sys/socket.h> /* socket, bind, accept, recvmsg */
#include <sys/stat.h>	/* fstat */
#include <sys/un.h>	/* sockaddr_un */
#include <unistd.h>	/* close */

enum { MOST = 4, ROOM = CMSG_SPACE(MOST * sizeof(int)) };

/* A socket that listens at PATH, a name in the file system. */
static int start_listening(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	int n = snprintf(address.sun_path, sizeof address.sun_path, "%s", path);

	if (n >= (int)sizeof address.sun_path)
		errx(1, "the path is too long");
	if (bind(fd, (struct sockaddr *)&address, sizeof address) == -1)
		err(1, "bind");
	if (listen(fd, 5) == -1)
		err(1, "listen");
	printf("listening on %s\n", path);
	fflush(stdout);
	return fd;
}

/* Receive a byte and the files that come with it: how many they are, or -1 when
 * the client has hung up. */
static int take(int fd, int files[MOST])
{
	static _Alignas(struct cmsghdr) char control[ROOM];
	char byte;
	struct iovec bytes = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {.msg_iov = &bytes,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof control};
	ssize_t n;

	do
		n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	while (n == -1 && errno == EINTR);
	if (n <= 0)
		return -1;
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);
	if (!head)
		return 0;
	size_t size = head->cmsg_len - CMSG_LEN(0);
	memcpy(files, CMSG_DATA(head), size);
	return (int)(size / sizeof(int));
}

/* Measure what is handed over until the client hangs up. */
static void serve(int conn_fd)
{
	int count, files[MOST];

	while ((count = take(conn_fd, files)) != -1) {
		long long bytes = 0;
		for (int i = 0; i < count; i++) {
			struct stat file;
			if (fstat(files[i], &file) == 0)
				bytes += file.st_size;
		}
		dprintf(conn_fd, "%d open, %lld bytes\n", count, bytes);
	}
}

int main(int argc, char *argv[])
{
	int listen_fd = start_listening(argc > 1 ? argv[1] : "socket");

	signal(SIGPIPE, SIG_IGN);
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
