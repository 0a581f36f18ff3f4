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
static struct pollfd end = {.events = POLLIN};
static const int on = 1;
static char buf[100];

/* Make both ends, and a file in memory for what the client will say. */
static void set_up(int flags)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	socklen_t size = sizeof to;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	end.fd = server_fd = socket(AF_INET, SOCK_DGRAM | flags, 0);
	client_fd = socket(AF_INET, SOCK_DGRAM, 0);
	file_fd = memfd_create("letter", 0);
	if (server_fd == -1 || client_fd == -1 || file_fd == -1 ||
	    setsockopt(server_fd, SOL_SOCKET, SO_RCVTIMEO,
		       &(struct timeval){.tv_sec = 5},
		       sizeof(struct timeval)) == -1 ||
	    bind(server_fd, (struct sockaddr *)&to, size) == -1 ||
	    getsockname(server_fd, (struct sockaddr *)&to, &size) == -1 ||
	    connect(client_fd, (struct sockaddr *)&to, size) == -1)
		die("socket/memfd_create/setsockopt/bind/getsockname/connect");
	if (write(file_fd, "pay 100", 8) != 8 || ftruncate(file_fd, 100) == -1)
		die("write or ftruncate");
}

/* sendfile copies nothing: the datagram in the queue is made of the file's own
 * bytes, and changes with the file. MSG_MORE makes the kernel compute the sum;
 * else it leaves that to the network card, and loopback has none. */
static void send_file(bool damage_it)
{
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

static void damaged(void)
{
	int before = wrong_sums();

	scene("One datagram arrives, one is damaged on its way.");
	set_up(0);
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
}

static void not_blocking(void)
{
	scene("A socket that does not block: poll sees it, recv does not.");
	set_up(SOCK_NONBLOCK);
	send_file(true);
	n = CALL("server", poll(&end, 1, 2000));
	expect("readable: nobody has looked at the sum yet", n == 1);
	n = CALL("server", recv(server_fd, buf, sizeof buf, 0));
	expect("recv looks, and drops it", n == -1 && errno == EAGAIN);
}

static void without_a_sum(void)
{
	scene("Over IPv4 a sender may leave the sum out.");
	set_up(0);
	CALL("client",
	     setsockopt(client_fd, SOL_SOCKET, SO_NO_CHECK, &on, sizeof on));
	send_file(true);
	n = CALL("server", recv(server_fd, buf, sizeof buf, 0));
	expect("pay 900: the damage has arrived",
	       n == 100 && !strcmp(buf, "pay 900"));
}

int main(int argc, char *argv[])
{
	begin_story(argc, argv,
		    "usage: udp_checksum\n"
		    "Damage datagrams on their way, and see what arrives.\n"
		    "example: udp_checksum\n");
	damaged();
	not_blocking();
	without_a_sum();
}
