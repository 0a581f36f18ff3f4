/* udp_checksum - does UDP check the data?
 *
 *   "pay 100" --send--> | header: sum of all bytes | pay 100 |
 *                                    one byte changes: pay 900
 *                  the sum is wrong: the kernel drops it, recv sees nothing
 *
 * Watch:  a datagram that was sent, and came, and is not there
 * Next:   unix_demo, how do two programs on one machine talk?
 */
#include "../common.h"
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/time.h>

static int client_fd, server_fd, file_fd, n;
static char buf[100];

/* sendfile copies nothing: the datagram in the queue is made of the file's own
 * bytes, and changes with the file. MSG_MORE makes the kernel compute the sum;
 * else it leaves that to the network card, and loopback has none. */
static void send_file(bool damage_it)
{
	if (pwrite(file_fd, "pay 100", 8, 0) != 8)
		die("pwrite");
	CALL("client", send(client_fd, "", 0, MSG_MORE));
	CALL("client", sendfile(client_fd, file_fd, &(off_t){0}, 100));
	if (damage_it)
		CALL("noise", pwrite(file_fd, "9", 1, 4));
}

/* Return how many datagrams with a wrong sum this machine has dropped. */
static int wrong_sums(void)
{
	FILE *table = fopen("/proc/self/net/snmp", "r");
	char line[512];
	int errors = -1;

	while (table && fgets(line, sizeof line, table))
		sscanf(line, "Udp: %*d %*d %*d %*d %*d %*d %d", &errors);
	if (errors == -1)
		die("read InCsumErrors in /proc/self/net/snmp");
	fclose(table);
	return errors;
}

int main(int argc, char *argv[])
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	socklen_t size = sizeof to;
	const struct timeval patience = {.tv_sec = 5}; /* for each recv */
	const int on = 1;
	struct pollfd end = {.events = POLLIN};

	begin_story(argc, argv,
		    "usage: udp_checksum\n"
		    "Damage datagrams on their way, and see what arrives.\n"
		    "example: udp_checksum\n");
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	end.fd = server_fd = socket(AF_INET, SOCK_DGRAM, 0);
	client_fd = socket(AF_INET, SOCK_DGRAM, 0);
	file_fd = memfd_create("letter", 0); /* a file in memory */
	if (server_fd == -1 || client_fd == -1 || file_fd == -1 ||
	    ftruncate(file_fd, 100) == -1 ||
	    setsockopt(server_fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
		       sizeof patience) == -1 ||
	    bind(server_fd, (struct sockaddr *)&to, size) == -1 ||
	    getsockname(server_fd, (struct sockaddr *)&to, &size) == -1 ||
	    connect(client_fd, (struct sockaddr *)&to, size) == -1)
		die("socket/memfd_create/ftruncate/setsockopt/bind/"
		    "getsockname/connect");

	const int before = wrong_sums();
	scene("One datagram arrives, one is damaged on its way.");
	send_file(false);
	n = CALL("server", recv(server_fd, buf, sizeof buf, 0));
	expect("pay 100: that was the undamaged one",
	       n == 100 && !strcmp(buf, "pay 100"));
	send_file(true);
	n = CALL("server", poll(&end, 1, 200));
	expect("nothing to read", n == 0);
	n = CALL("server", recv(server_fd, buf, sizeof buf, MSG_DONTWAIT));
	expect("no byte of it arrives", n == -1 && errno == EAGAIN);
	note("InCsumErrors in /proc/net/snmp: %+d", wrong_sums() - before);
	expect("the kernel has counted it; no program was told",
	       wrong_sums() > before);

	scene("Over IPv4 a sender may leave the sum out.");
	CALL("client", setsockopt(client_fd, SOL_SOCKET, SO_NO_CHECK, &on, 4));
	send_file(true);
	n = CALL("server", recv(server_fd, buf, sizeof buf, 0));
	expect("pay 900: the damage has arrived",
	       n == 100 && !strcmp(buf, "pay 900"));
}
