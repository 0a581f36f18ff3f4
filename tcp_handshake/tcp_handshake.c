/* tcp_handshake - how does a connection begin?
 *
 *   client                       server
 *   CLOSED                       LISTEN          listen
 *   SYN_SENT     --- SYN ---->   SYN_RECV        connect
 *   ESTABLISHED  <- SYN+ACK --
 *                --- ACK ---->   ESTABLISHED     accept comes later
 *
 * Watch:  each state held still, and read from the kernel for both ends
 * Next:   tcp_backlog, what the backlog of listen counts
 */
#include "../common.h"
#include <netinet/tcp.h>

static struct sockaddr_in server; /* the address of its end */
static int waiting;		  /* 1: the option -w was given */

/* Below: claim that client and server come into the states WANTED. */
static void states(const char *wanted, const char *why);

static void set(int fd, int level, int option, int value)
{
	if (setsockopt(fd, level, option, &value, sizeof value) == -1)
		die("setsockopt");
}

int main(int argc, char *argv[])
{
	const int cut = 255, mended = 0; /* IP_MINTTL: see tcp_keepalive */
	const struct sockaddr *to = (struct sockaddr *)&server;
	int client_fd, listen_fd, n;

	waiting = argc > 1 && strcmp(argv[1], "-w") == 0;
	begin_story(argc - waiting, argv + waiting,
		    "usage: tcp_handshake [-w]\n"
		    "Hold each state of a new connection; -w: until Enter.\n"
		    "example: tcp_handshake -w\n");
	alarm(0); /* no watchdog: each wait ends, or waits for the reader */
	listen_fd = bound_socket(&server);

	scene("SYN, SYN+ACK, ACK: each of the three is lost once.");
	client_fd =
		CALL("client", socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
	CALL("server", listen(listen_fd, 1));
	note("client       server");
	states("CLOSED       LISTEN", "the kernel takes calls now");
	set(listen_fd, IPPROTO_IP, IP_MINTTL, cut);
	n = CALL("client", connect(client_fd, to, sizeof server));
	expect("the kernel is dialling", n == -1 && errno == EINPROGRESS);
	states("SYN_SENT     LISTEN", "the server is deaf: the SYN is lost");
	set(client_fd, IPPROTO_IP, IP_MINTTL, cut);
	set(listen_fd, IPPROTO_IP, IP_MINTTL, mended);
	states("SYN_SENT     SYN_RECV", "the client is deaf: no SYN+ACK");
	set(listen_fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, 60); /* see README.md */
	set(client_fd, IPPROTO_IP, IP_MINTTL, mended);
	states("ESTABLISHED  SYN_RECV", "the ACK is dropped: it has no bytes");
	CALL("client", send(client_fd, "hello", 5, MSG_NOSIGNAL));
	states("ESTABLISHED  ESTABLISHED", "the ACK came again, with bytes");
	CALL("server", accept(listen_fd, NULL, NULL));
}

/* The kernel lists all TCP sockets in /proc/net/tcp: number, own address,
 * peer's address, state. A connection comes below its listening socket. */
static void states(const char *wanted, const char *why)
{
	static const char *const names[16] = {
		"?",	      "ESTABLISHED", "SYN_SENT",  "SYN_RECV",
		"FIN_WAIT_1", "FIN_WAIT_2",  "TIME_WAIT", "CLOSED",
		"CLOSE_WAIT", "LAST_ACK",    "LISTEN",	  "CLOSING"};
	const int port = ntohs(server.sin_port);
	char end[20], line[200], seen[40] = "", *found;

	if (unjudged)
		return; /* a call has failed: the next CALL reports it */
	snprintf(end, sizeof end, " %08X:%04X ", server.sin_addr.s_addr, port);
	for (int i = waiting ? 600 : 25; i > 0 && strcmp(seen, wanted); i--) {
		const char *left = "CLOSED", *right = "CLOSED"; /* unlisted */
		FILE *file = fopen("/proc/net/tcp", "r");
		if (!file)
			errx(1, "/proc/net/tcp: %s\nhint: %s", strerror(errno),
			     "hidden in this container? ss -tan has it, too");
		while (fgets(line, sizeof line, file))
			if ((found = strstr(line, end)) && found[-1] == ':')
				right = names[strtoul(found + 29, NULL, 16)];
			else if (found) /* as the peer: this is the client */
				left = names[strtoul(found + 15, NULL, 16)];
		fclose(file);
		snprintf(seen, sizeof seen, "%-12s %s", left, right);
		poll(NULL, 0, strcmp(seen, wanted) ? 200 : 0); /* no event */
	}
	note("%s", seen);
	expect(why, !strcmp(seen, wanted));
	if (waiting)
		printf("   look: ss -tan 'sport = :%d or dport = :%d'\n> ",
		       port, port);
	while (waiting && fflush(stdout) == 0 && getchar() > '\n')
		; /* until Enter, or the end of the input */
}
