/* bench/echo - what `make bench` measures with: bare echo servers without any
 * formatting, to stand beside ours, and the client that times both.
 */
#include "../common.h"
#include <netinet/tcp.h> /* TCP_NODELAY */
#include <sys/un.h>	 /* struct sockaddr_un */
#include <sys/wait.h>	 /* waitpid */
#include <time.h>	 /* clock_gettime */

static const char usage[] =
	"usage: echo serve|same WHERE | rounds WHERE BYTES COUNT |"
	" stream WHERE MIB\n"
	"  serve   a bare recv/send loop, that answers in upper case\n"
	"  same    one that answers the same bytes, and does not look at them\n"
	"  rounds  round trips per second of messages of BYTES bytes\n"
	"  stream  MiB per second out to the server and back\n"
	"  WHERE   tcp:PORT, udp:PORT (to serve, 0: any), or a path: AF_UNIX\n"
	"example: echo rounds tcp:8080 64 100000\n";

static char buf[64 * 1024];
static struct sockaddr_storage address; /* of the server */
static socklen_t address_size;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Set the address to WHERE, and return a socket of that kind. */
static int socket_for(const char *where)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	bool path = strchr(where, '/'), udp = strncmp(where, "udp:", 4) == 0;

	if (path) {
		snprintf(un.sun_path, sizeof un.sun_path, "%s", where);
		memcpy(&address, &un, address_size = sizeof un);
	} else {
		if (!udp && strncmp(where, "tcp:", 4) != 0)
			wrong_use(where, "is neither tcp:, udp: nor a path");
		in.sin_port = htons((uint16_t)number(where + 4, 0, 65535));
		in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		memcpy(&address, &in, address_size = sizeof in);
	}
	int fd = socket(path ? AF_UNIX : AF_INET,
			udp ? SOCK_DGRAM : SOCK_STREAM, 0);
	if (fd == -1)
		die("socket");
	return fd;
}

static void serve_udp(int fd, bool same)
{
	struct sockaddr_in peer;
	ssize_t n;

	for (;;) {
		socklen_t length = sizeof peer;
		n = recvfrom(fd, buf, sizeof buf, 0, (void *)&peer, &length);
		if (n == -1)
			die("recvfrom");
		if (!same)
			upper_case(buf, (size_t)n);
		if (sendto(fd, buf, (size_t)n, 0, (void *)&peer, length) == -1)
			die("sendto");
	}
}

static void serve(const char *where, bool same)
{
	int listen_fd = socket_for(where), on = 1;

	if (*where == 't' && setsockopt(listen_fd, IPPROTO_TCP, TCP_NODELAY,
					&on, sizeof on) == -1)
		die("setsockopt");
	if (bind(listen_fd, (struct sockaddr *)&address, address_size) ||
	    (*where != 'u' && listen(listen_fd, 5)))
		die("bind or listen");
	if (address.ss_family == AF_UNIX)
		printf("listening on %s\n", where);
	else
		announce(listen_fd,
			 &(struct addrinfo){.ai_addr = (void *)&address,
					    .ai_addrlen = address_size});
	if (*where == 'u')
		serve_udp(listen_fd, same);
	for (;;) {
		int conn_fd = accept(listen_fd, NULL, NULL);
		ssize_t n;
		if (conn_fd == -1)
			die("accept");
		while ((n = recv(conn_fd, buf, sizeof buf, 0)) > 0) {
			if (!same)
				upper_case(buf, (size_t)n);
			if (send_all(conn_fd, buf, (size_t)n) == -1)
				break;
		}
		close(conn_fd);
	}
}

static int call(const char *where)
{
	int fd = socket_for(where);

	if (connect(fd, (struct sockaddr *)&address, address_size) == -1)
		die("connect");
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

static void rounds(const char *where, size_t bytes, int count)
{
	int fd = call(where);
	double start = now();

	for (int i = 0; i < count; i++) {
		if (send_all(fd, buf, bytes) == -1)
			die("send");
		receive(fd, bytes);
	}
	printf("%.0f\n", (double)count / (now() - start));
}

static void stream(const char *where, size_t mebibytes)
{
	int fd = call(where);
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
	if (words == 2 && strcmp(word[0], "serve") == 0)
		serve(word[1], false);
	else if (words == 2 && strcmp(word[0], "same") == 0)
		serve(word[1], true);
	else if (words == 4 && strcmp(word[0], "rounds") == 0)
		rounds(word[1], (size_t)number(word[2], 1, sizeof buf),
		       number(word[3], 1, 100000000));
	else if (words == 3 && strcmp(word[0], "stream") == 0)
		stream(word[1], (size_t)number(word[2], 1, 65536));
	else
		wrong_use(words ? word[0] : "", "is no measurement");
	return EXIT_SUCCESS;
}
