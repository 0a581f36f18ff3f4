/* bench/echo - what `make bench` measures with: a bare echo server without any
 * formatting, to stand beside tcp_server, and the client that times both.
 */
#define _GNU_SOURCE /* for common.h: program_invocation_short_name */

#include <netinet/tcp.h> /* TCP_NODELAY */
#include <sys/wait.h>	 /* waitpid */
#include <time.h>	 /* clock_gettime */

#include "../conversation.h"

static const char usage[] =
	"usage: echo serve | rounds PORT BYTES COUNT | stream PORT MEBIBYTES\n"
	"  serve   a bare recv/send loop on a port of the kernel's choice\n"
	"  rounds  round trips per second of messages of BYTES bytes\n"
	"  stream  MiB per second out to the server and back\n"
	"example: echo rounds 8080 64 100000\n";

static char buf[64 * 1024];

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void serve(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t length = sizeof address;
	int listen_fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (listen_fd == -1 ||
	    setsockopt(listen_fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) ||
	    bind(listen_fd, (struct sockaddr *)&address, length) ||
	    listen(listen_fd, 5) ||
	    getsockname(listen_fd, (struct sockaddr *)&address, &length))
		die("listen");
	printf("listening on %s\n", address_text(&address, length).s);
	for (;;) {
		int conn_fd = accept(listen_fd, NULL, NULL);
		ssize_t n;
		if (conn_fd == -1)
			die("accept");
		while ((n = recv(conn_fd, buf, sizeof buf, 0)) > 0)
			if (send_all(conn_fd, buf, (size_t)n) == -1)
				break;
		close(conn_fd);
	}
}

static int dial(const char *port)
{
	struct addrinfo *to = resolve("127.0.0.1", port, SOCK_STREAM);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd == -1 || connect(fd, to->ai_addr, to->ai_addrlen) == -1)
		die("connect to port %s", port);
	freeaddrinfo(to);
	return fd;
}

static void receive(int fd, size_t n)
{
	while (n > 0) {
		ssize_t got = recv(fd, buf, n < sizeof buf ? n : sizeof buf, 0);
		if (got <= 0) /* a measurement has no use for the difference */
			die("recv");
		n -= (size_t)got;
	}
}

static void rounds(const char *port, size_t bytes, long count)
{
	int fd = dial(port);
	double start = now();

	for (long i = 0; i < count; i++) {
		if (send_all(fd, buf, bytes) == -1)
			die("send");
		receive(fd, bytes);
	}
	printf("%.0f\n", (double)count / (now() - start));
}

static void stream(const char *port, size_t mebibytes)
{
	int fd = dial(port);
	double start = now();
	pid_t sender = fork();

	if (sender == -1)
		die("fork");
	if (sender == 0) {
		for (size_t i = 0; i < mebibytes * 16; i++) /* 64 KiB each */
			if (send_all(fd, buf, sizeof buf) == -1)
				die("send");
		_exit(EXIT_SUCCESS);
	}
	receive(fd, mebibytes * 1024 * 1024);
	waitpid(sender, NULL, 0); /* best effort: all is back already */
	printf("%.0f\n", (double)mebibytes / (now() - start));
}

int main(int argc, char *argv[])
{
	int option;

	begin(usage);
	if ((option = getopt(argc, argv, "+:h")) != -1)
		common_option(option);
	memset(buf, 'x', sizeof buf);
	if (argc == 2 && strcmp(argv[1], "serve") == 0)
		serve();
	else if (argc == 5 && strcmp(argv[1], "rounds") == 0)
		rounds(argv[2],
		       (size_t)parse_number("BYTES", argv[3], 1, sizeof buf),
		       parse_number("COUNT", argv[4], 1, 100000000));
	else if (argc == 4 && strcmp(argv[1], "stream") == 0)
		stream(argv[2],
		       (size_t)parse_number("MEBIBYTES", argv[3], 1, 65536));
	else
		wrong_use("what is to be measured?");
	return EXIT_SUCCESS;
}
