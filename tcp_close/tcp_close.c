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

static struct sockaddr_in server; /* the address of its end */
static int waiting;		  /* 1: the option -w was given */

/* Below: claim that client and server come into the states WANTED. */
static void states(const char *wanted, const char *why);

/* IP_MINTTL, the least TTL, makes an end deaf: local segments have 64. */
static void hear(int fd, int least_ttl)
{
	if (setsockopt(fd, IPPROTO_IP, IP_MINTTL, &least_ttl, sizeof(int)))
		die("setsockopt IP_MINTTL");
}

int main(int argc, char *argv[])
{
	const int cut = 255, mended = 0;
	struct sockaddr *own = (struct sockaddr *)&server;
	socklen_t length = sizeof server;
	int client_fd, conn_fd;

	waiting = argc > 1 && strcmp(argv[1], "-w") == 0;
	begin_story(argc - waiting, argv + waiting,
		    "usage: tcp_close [-w]\n"
		    "Hold each state of a connection's end; -w: until Enter.\n"
		    "example: tcp_close -w\n");
	alarm(0); /* no watchdog: each wait ends, or waits for the reader */

	scene("One after the other: FIN, ACK; FIN, ACK.");
	connected_pair(&client_fd, &conn_fd);
	CALL("server", getsockname(conn_fd, own, &length));
	note("client       server");
	hear(conn_fd, cut);
	CALL("client", shutdown(client_fd, SHUT_WR));
	states("FIN_WAIT_1   ESTABLISHED", "the server is deaf: no FIN");
	hear(conn_fd, mended);
	states("FIN_WAIT_2   CLOSE_WAIT", "it hears: TCP sent the FIN again");
	hear(client_fd, cut);
	CALL("server", close(conn_fd));
	states("FIN_WAIT_2   LAST_ACK", "the client is deaf: no FIN");
	hear(client_fd, mended);
	states("TIME_WAIT    CLOSED", "it hears; the client closed first");

	scene("Both at once: neither knows of the other.");
	connected_pair(&client_fd, &conn_fd);
	CALL("server", getsockname(conn_fd, own, &length));
	hear(client_fd, cut);
	hear(conn_fd, cut);
	CALL("client", shutdown(client_fd, SHUT_WR));
	CALL("server", shutdown(conn_fd, SHUT_WR));
	states("FIN_WAIT_1   FIN_WAIT_1", "both are deaf: both FINs are lost");
	hear(conn_fd, mended);
	states("FIN_WAIT_1   CLOSING", "a FIN came instead of an ACK");
	hear(client_fd, mended);
	states("TIME_WAIT    TIME_WAIT", "both closed first");
}

/* A line of /proc/net/tcp: number, own address, peer's address, state. */
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
