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

static char seen[40]; /* the states of both ends, as look found them */
static struct sockaddr_in server; /* the address of its end */
static bool waiting;		  /* the option -w was given */

/* Both are below: claim that a call came out AS_SAID and that client and server
 * come into the states WANTED; set an option to a number. */
static void states(bool as_said, const char *wanted, const char *why);
static void set(int fd, int level, int option, int value, const char *effect);

int main(int argc, char *argv[])
{
	/* IP_MINTTL, the least TTL, makes deaf: local segments have 64. */
	const int cut = 255, mended = 0;
	const struct sockaddr *to = (struct sockaddr *)&server;
	int listen_fd, client_fd, conn_fd, n;

	for (; argc > 1 && strcmp(argv[1], "-w") == 0; argc--, argv++)
		waiting = true;
	begin_story(argc, argv,
		    "usage: tcp_handshake [-w]\n"
		    "Hold each state of a new connection; -w: until Enter.\n"
		    "example: tcp_handshake -w\n");
	alarm(0); /* no watchdog: each wait has an end, or it is the reader's */
	listen_fd = bound_socket(&server);

	scene("A socket at each end, and no connection.");
	client_fd =
		CALL("client", socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
	note("client       server");
	states(client_fd > listen_fd, "CLOSED       CLOSED", "nobody listens");
	n = CALL("server", listen(listen_fd, 1));
	states(n == 0, "CLOSED       LISTEN", "the kernel takes calls now");

	scene("The call: each of the three segments is lost once.");
	set(listen_fd, IPPROTO_IP, IP_MINTTL, cut, "the server hears nothing");
	n = CALL("client", connect(client_fd, to, sizeof server));
	states(n == -1 && errno == EINPROGRESS, "SYN_SENT     LISTEN",
	       "the SYN is lost: the client has called, nobody knows");
	set(client_fd, IPPROTO_IP, IP_MINTTL, cut, "the client hears nothing");
	set(listen_fd, IPPROTO_IP, IP_MINTTL, mended, "the server hears again");
	states(true, "SYN_SENT     SYN_RECV", "now the SYN+ACK is lost");
	set(listen_fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, 60,
	    "the server drops an ACK without bytes");
	set(client_fd, IPPROTO_IP, IP_MINTTL, mended, "the client hears again");
	states(true, "ESTABLISHED  SYN_RECV",
	       "the client believes to be connected; its ACK is lost");
	n = CALL("client", send(client_fd, "hello", 5, MSG_NOSIGNAL));
	states(n == 5, "ESTABLISHED  ESTABLISHED",
	       "the ACK came again, with the bytes: both are connected");

	scene("Only now: accept.");
	conn_fd = CALL("server", accept(listen_fd, NULL, NULL));
	states(conn_fd > client_fd, "ESTABLISHED  ESTABLISHED",
	       "as before: accept takes no part, it picks up");
}

static void set(int fd, int level, int option, int value, const char *effect)
{
	if (setsockopt(fd, level, option, &value, sizeof value) == -1)
		die("setsockopt");
	note("option  %s", effect);
}

/* Return the states of both ends. The kernel lists all TCP sockets in
 * /proc/net/tcp: number, own address, peer's address, state. A connection
 * stands below the socket that listens for it: the last line counts. */
static const char *look(void)
{
	static const char *const names[] = {
		"?",	      "ESTABLISHED", "SYN_SENT",  "SYN_RECV",
		"FIN_WAIT_1", "FIN_WAIT_2",  "TIME_WAIT", "CLOSED",
		"CLOSE_WAIT", "LAST_ACK",    "LISTEN",	  "CLOSING"};
	const char *left = "CLOSED", *right = "CLOSED"; /* not in the list */
	FILE *file = fopen("/proc/net/tcp", "r");
	char end[20], line[200], *found;

	if (!file)
		die("/proc/net/tcp");
	snprintf(end, sizeof end, " %08X:%04X ", server.sin_addr.s_addr,
		 ntohs(server.sin_port));
	while (fgets(line, sizeof line, file)) {
		if ((found = strstr(line, end)) && found[-1] == ':')
			right = names[strtoul(found + 29, NULL, 16) % 12];
		else if (found) /* the server is the peer, it is the client */
			left = names[strtoul(found + 15, NULL, 16) % 12];
	}
	fclose(file);
	snprintf(seen, sizeof seen, "%-12s %s", left, right);
	return seen;
}

static void states(bool as_said, const char *wanted, const char *why)
{
	int port = ntohs(server.sin_port), ms = waiting ? 120000 : 5000;

	for (; as_said && strcmp(look(), wanted) && ms > 0; ms -= 200)
		poll(NULL, 0, 200);
	note("%s", seen);
	expect(why, as_said && strcmp(seen, wanted) == 0);
	if (!waiting)
		return;
	printf("   look: ss -tan 'sport = :%d or dport = :%d'\n> ", port, port);
	fflush(stdout);
	for (int c = 0; c != '\n' && c != EOF;)
		c = getchar();
}
