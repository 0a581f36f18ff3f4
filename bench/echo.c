/* bench/echo - what `make bench` measures with: a bare echo server without any
 * formatting, to stand beside tcp_server, and the client that times both.
 */
#include "../common.h"
#include <netinet/tcp.h> /* TCP_NODELAY */
#include <sys/wait.h>	 /* waitpid */
#include <time.h>	 /* clock_gettime */

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
	    listen(listen_fd, 5))
		die("listen");
	announce(listen_fd);
	for (;;) {
		int conn_fd = accept(listen_fd, NULL, NULL);
		ssize_t n;
		if (conn_fd == -1)
			die("accept");
		while ((n = recv(conn_fd, buf, sizeof buf, 0)) > 0) {
			upper_case(buf, (size_t)n); /* the load checks it */
			if (send_all(conn_fd, buf, (size_t)n) == -1)
				break;
		}
		close(conn_fd);
	}
}

static int call(const char *port)
{
	struct sockaddr_in to = {.sin_family = AF_INET};

	to.sin_port = htons((uint16_t)number(port, 1, 65535));
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return dial(&to);
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

static void rounds(const char *port, size_t bytes, int count)
{
	int fd = call(port);
	double start = now();

	for (int i = 0; i < count; i++) {
		if (send_all(fd, buf, bytes) == -1)
			die("send");
		receive(fd, bytes);
	}
	printf("%.0f\n", (double)count / (now() - start));
}

static void stream(const char *port, size_t mebibytes)
{
	int fd = call(port);
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
	char **word = begin(argc, argv, "+h", usage);
	int words = argc - (int)(word - argv);

	memset(buf, 'x', sizeof buf);
	if (words == 1 && strcmp(word[0], "serve") == 0)
		serve();
	else if (words == 4 && strcmp(word[0], "rounds") == 0)
		rounds(word[1], (size_t)number(word[2], 1, sizeof buf),
		       number(word[3], 1, 100000000));
	else if (words == 3 && strcmp(word[0], "stream") == 0)
		stream(word[1], (size_t)number(word[2], 1, 65536));
	else
		wrong_use(words ? word[0] : "", "is no measurement");
	return EXIT_SUCCESS;
}
