/* ends.c - the two ends of one TCP connection, both in this process, and the
 * two windows through which their states can be seen.
 */
#define _GNU_SOURCE /* for common.h: program_invocation_short_name */

#include <arpa/inet.h> /* htonl, ntohs */

#include "tcp_states.h"

int listen_fd = -1, client_fd = -1, conn_fd = -1;
in_port_t ports[2];
bool visited[STATES];

static bool dialled;   /* so there may be a connection */
static bool connected; /* the server's end is no longer the listener's */

static struct sockaddr_in server_address;
const struct sockaddr *const addr = (const struct sockaddr *)&server_address;
const socklen_t addrlen = sizeof server_address;

const char *const state_names[STATES] = {
	[TCP_ESTABLISHED] = "ESTABLISHED",
	[TCP_SYN_SENT] = "SYN_SENT",
	[TCP_SYN_RECV] = "SYN_RECV",
	[TCP_FIN_WAIT1] = "FIN_WAIT_1",
	[TCP_FIN_WAIT2] = "FIN_WAIT_2",
	[TCP_TIME_WAIT] = "TIME_WAIT",
	[TCP_CLOSE] = "CLOSED",
	[TCP_CLOSE_WAIT] = "CLOSE_WAIT",
	[TCP_LAST_ACK] = "LAST_ACK",
	[TCP_LISTEN] = "LISTEN",
	[TCP_CLOSING] = "CLOSING",
};

/* ---- Making and breaking ---- */

/* A socket with a port of its own. The client would get one from connect; but
 * we look for it in the kernel's table, so we have to know it before. */
static int bound_socket(bool small, struct sockaddr_in *address)
{
	const struct timeval patience = {.tv_sec = 10};
	const int smallest = 1; /* the kernel makes it its minimum */
	socklen_t length = sizeof *address;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1)
		die("socket");
	/* Nothing here waits long, whatever goes wrong: see tcp_timeout. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
		       sizeof patience) == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience,
		       sizeof patience) == -1)
		die("setsockopt SO_RCVTIMEO, SO_SNDTIMEO");
	/* Before the handshake, which fixes the scale of the windows. */
	if (small &&
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &smallest, sizeof smallest))
		die("setsockopt SO_RCVBUF");

	*address = (struct sockaddr_in){.sin_family = AF_INET};
	address->sin_addr.s_addr = htonl(INADDR_LOOPBACK); /* port 0: any */
	if (bind(fd, (struct sockaddr *)address, length) == -1)
		die("bind");
	if (getsockname(fd, (struct sockaddr *)address, &length) == -1)
		die("getsockname");
	return fd;
}

void new_ends(bool small)
{
	struct sockaddr_in client_address;

	dialled = connected = false;
	listen_fd = bound_socket(small, &server_address);
	client_fd = bound_socket(small, &client_address);
	ports[SERVER] = ntohs(server_address.sin_port);
	ports[CLIENT] = ntohs(client_address.sin_port);
}

void drop_ends(void)
{
	const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
	int *fds[] = {&client_fd, &conn_fd, &listen_fd};

	for (int i = 0; i < 3; i++) {
		if (*fds[i] == -1)
			continue;
		/* A reset, where there is a connection: see tcp_reset. */
		if (setsockopt(*fds[i], SOL_SOCKET, SO_LINGER, &at_once,
			       sizeof at_once) == -1)
			die("setsockopt SO_LINGER");
		close(*fds[i]);
		*fds[i] = -1;
	}
}

void connect_unseen(void)
{
	if (listen(listen_fd, 5) == -1)
		die("listen");
	while (connect(client_fd, addr, addrlen) == -1)
		if (errno != EINTR)
			die("connect");
	while ((conn_fd = accept(listen_fd, NULL, NULL)) == -1)
		if (errno != EINTR)
			die("accept");
	dialled = connected = true;
}

/* ---- The calls of a ladder ---- */

void start_listening(void)
{
	if (STEP(SERVER, listen(listen_fd, 5)) == -1)
		die("listen");
}

void dial(int expected_error)
{
	dialled = true;
	while (STEP(CLIENT, connect(client_fd, addr, addrlen)) == -1) {
		if (errno == expected_error)
			break;
		if (errno != EINTR)
			die("connect");
	}
}

void pick_up(void)
{
	do
		conn_fd = (int)STEP(SERVER, accept(listen_fd, NULL, NULL));
	while (conn_fd == -1 && errno == EINTR);
	if (conn_fd == -1)
		die("accept");
	connected = true;
}

void say_hello(void)
{
	ssize_t n;

	do
		n = STEP(CLIENT, send(client_fd, "hello", 5, MSG_NOSIGNAL));
	while (n == -1 && errno == EINTR);
	if (n == -1)
		die("send");
	acknowledged(CLIENT);
}

/* close: both directions, and the descriptor with them. */
void hang_up(enum side side)
{
	if (side == CLIENT) {
		if (STEP(CLIENT, close(client_fd)) == -1)
			die("close");
		client_fd = -1;
	} else {
		if (STEP(SERVER, close(conn_fd)) == -1)
			die("close");
		conn_fd = -1;
	}
}

/* shutdown: one direction only. A FIN follows what was sent before. */
void say_no_more(enum side side)
{
	long result = side == CLIENT
			      ? STEP(CLIENT, shutdown(client_fd, SHUT_WR))
			      : STEP(SERVER, shutdown(conn_fd, SHUT_WR));
	if (result == -1)
		die("shutdown");
}

/* Receive until the other end's FIN: recv returns 0. */
void hear(enum side side)
{
	char buf[4096];
	ssize_t n;

	do
		n = side == CLIENT
			    ? STEP(CLIENT, recv(client_fd, buf, sizeof buf, 0))
			    : STEP(SERVER, recv(conn_fd, buf, sizeof buf, 0));
	while (n > 0 || (n == -1 && errno == EINTR));
	if (n == -1) /* EAGAIN: in 10 s nothing came, no FIN either */
		die("recv");
}

/* ---- The states ---- */

/* First window: TCP_INFO, for who has the descriptor. */
int state_in_tcp_info(int fd)
{
	struct tcp_info info;
	socklen_t length = sizeof info;

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) == -1)
		die("getsockopt TCP_INFO");
	return info.tcpi_state;
}

/* Second window: /proc/net/tcp, where everybody can look. A connection that
 * was not accepted yet has no descriptor, one that was closed none any more. */
void read_table(struct entry entry[2])
{
	/* The hexadecimal numbers that a line begins with: see proc(5). */
	enum { SL, FROM_ADDRESS, FROM, TO_ADDRESS, TO, ST, TX, RX, TR, WHEN };
	unsigned long number[WHEN + 1];
	const double ticks = (double)sysconf(_SC_CLK_TCK); /* a second */
	const char *path = "/proc/net/tcp";
	static char many_lines[1 << 16]; /* each read walks the whole table */
	char line[256];
	FILE *table = fopen(path, "re");

	if (!table)
		die("open %s", path);
	setvbuf(table, many_lines, _IOFBF, sizeof many_lines);
	while (fgets(line, sizeof line, table)) {
		char *end = line;
		for (int i = SL; i <= WHEN; i++, end += *end != '\0')
			number[i] = strtoul(end, &end, 16);
		for (int i = CLIENT; i <= SERVER; i++) {
			bool listens = number[ST] == TCP_LISTEN && !connected;
			if (number[FROM] != ports[i] ||
			    (number[TO] != ports[!i] && !listens))
				continue;
			entry[i].st = (int)number[ST];
			entry[i].timer = (double)number[WHEN] / ticks;
		}
	}
	if (ferror(table))
		die("read %s", path);
	fclose(table);
}

void read_states(int state[2])
{
	const int fd[2] = {client_fd, conn_fd};
	struct entry entry[2] = {{.st = 0}, {.st = 0}};

	for (int i = CLIENT; i <= SERVER; i++)
		state[i] = fd[i] == -1 ? TCP_CLOSE : state_in_tcp_info(fd[i]);

	/* For TCP_INFO a connection in TIME_WAIT is closed already: it lives
	 * on in the table only. */
	if (dialled &&
	    (state[CLIENT] == TCP_CLOSE || state[SERVER] == TCP_CLOSE))
		read_table(entry);
	for (int i = CLIENT; i <= SERVER; i++)
		if (state[i] == TCP_CLOSE && entry[i].st > 0 &&
		    entry[i].st < STATES)
			state[i] = entry[i].st;
	if (state[SERVER] == TCP_CLOSE && listen_fd != -1 && !connected)
		state[SERVER] = state_in_tcp_info(listen_fd);

	visited[state[CLIENT]] = visited[state[SERVER]] = true;
}
