/* tcp_close - how does a connection end?
 *
 *   client                     server
 *   FIN_WAIT_1   --- FIN -->   CLOSE_WAIT    shutdown or close
 *   FIN_WAIT_2   <-- ACK ---
 *   TIME_WAIT    <-- FIN ---   LAST_ACK      close
 *                --- ACK -->   CLOSED
 *
 * Watch:  each state held still; whoever closes first gets TIME_WAIT
 * Next:   sock_options, what the kernel makes of a wish
 */
#include "../common.h"

static char seen[40]; /* the states of both ends, as look found them */
static struct sockaddr_in server;	   /* the address of its end */
static int client_fd, conn_fd, n, waiting; /* waiting: -w was given */

/* Below: connect client and server; claim that a call came out AS_SAID and that
 * the two come into the states WANTED. */
static void connect_them(void);
static void states(bool as_said, const char *wanted, const char *why);

/* IP_MINTTL, the least TTL, makes an end deaf: local segments have 64. */
static const int cut = 255, mended = 0;
static void hear(int fd, int least_ttl, const char *what)
{
	if (setsockopt(fd, IPPROTO_IP, IP_MINTTL, &least_ttl, sizeof(int)))
		die("setsockopt IP_MINTTL");
	note("cable   %s", what);
}

int main(int argc, char *argv[])
{
	for (; argc > 1 && strcmp(argv[1], "-w") == 0; argc--, argv++)
		waiting = true;
	begin_story(argc, argv,
		    "usage: tcp_close [-w]\n"
		    "Hold each state of a connection's end; -w: until Enter.\n"
		    "example: tcp_close -w\n");
	alarm(0); /* no watchdog: each wait has an end, or it is the reader's */

	scene("One after the other: FIN, ACK; FIN, ACK.");
	connect_them();
	hear(conn_fd, cut, "the server hears nothing");
	n = CALL("client", shutdown(client_fd, SHUT_WR));
	states(n == 0, "FIN_WAIT_1   ESTABLISHED", "the FIN is lost");
	hear(conn_fd, mended, "the server hears again");
	states(true, "FIN_WAIT_2   CLOSE_WAIT", "TCP has sent the FIN again");
	hear(client_fd, cut, "the client hears nothing");
	n = CALL("server", close(conn_fd));
	states(n == 0, "FIN_WAIT_2   LAST_ACK", "the server's FIN is lost");
	hear(client_fd, mended, "the client hears again");
	states(true, "TIME_WAIT    CLOSED", "the client closed first");

	scene("Both at once: neither knows of the other.");
	connect_them();
	hear(client_fd, cut, "the client hears nothing");
	hear(conn_fd, cut, "the server hears nothing");
	CALL("client", shutdown(client_fd, SHUT_WR));
	n = CALL("server", shutdown(conn_fd, SHUT_WR));
	states(n == 0, "FIN_WAIT_1   FIN_WAIT_1", "both FINs are lost");
	hear(conn_fd, mended, "the server hears again");
	states(true, "FIN_WAIT_1   CLOSING", "a FIN came instead of an ACK");
	hear(client_fd, mended, "the client hears again");
	states(true, "TIME_WAIT    TIME_WAIT", "both closed first");
}

static void connect_them(void)
{
	socklen_t length = sizeof server;

	connected_pair(&client_fd, &conn_fd);
	if (getsockname(conn_fd, (struct sockaddr *)&server, &length) == -1)
		die("getsockname");
	note("client       server");
	states(true, "ESTABLISHED  ESTABLISHED", "both may talk");
}

/* Return the states of both ends. The kernel lists all TCP sockets in
 * /proc/net/tcp: number, own address, peer's address, state. */
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
