/* bench/load - many clients at once, for `make bench`: each sends some, hears
 * the answer and checks every byte of it. Prints how many microseconds an
 * answer took on the clock and how many of the server's CPU time.
 */
#include "../common.h"
#include <sys/epoll.h>	  /* epoll_wait */
#include <sys/resource.h> /* setrlimit */
#include <time.h>	  /* clock_gettime */

static const char usage[] =
	"usage: load SHAPE PORT PID CLIENTS ANSWERS\n"
	"Load the server on that port of 127.0.0.1, which is process PID.\n"
	"  flight  so many clients, each with one message on its way\n"
	"  mute    the same, and one more client that never reads\n"
	"  burst   so many clients call at once, hear an answer, hang up\n"
	"  churn   one client after another: call, one answer, hang up\n"
	"  idle    so many clients are silent, and one more speaks\n"
	"example: load flight 8080 4711 100 100000\n";

enum { SIZE = 64 };

static struct client {
	int fd;
	int turn; /* how many messages it has sent */
	int got;  /* bytes of the present answer */
} * clients;
static struct sockaddr_in server, source;
static int epoll_fd;

static long long now(clockid_t clock)
{
	struct timespec t;

	return clock_gettime(clock, &t) ? 0
					: t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* The text of /proc/PID/FILE in LINE, "" if there is none. */
static char *proc(char *line, size_t size, int pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
	FILE *file = fopen(path, "r");
	size_t n = file ? fread(line, 1, size - 1, file) : 0;
	if (file)
		fclose(file);
	line[n] = '\0';
	return line;
}

/* The CPU time of a process and of its children, in nanoseconds: of those that
 * run to the nanosecond, of those that have ended to the tick (proc(5)). */
static long long cpu_of(int pid)
{
	char line[65536], name[32];
	clockid_t clock;
	long long sum = clock_getcpuclockid(pid, &clock) ? 0 : now(clock);
	char *word = strrchr(proc(line, sizeof line, pid, "stat"), ')');

	for (int field = 2; word && field <= 17;
	     field++, word = strchr(word, ' ')) {
		if (field == 16 || field == 17) /* cutime, cstime */
			sum += strtol(word, NULL, 10) *
			       (1000000000LL / sysconf(_SC_CLK_TCK));
		word++;
	}
	snprintf(name, sizeof name, "task/%d/children", pid);
	for (char *next = proc(line, sizeof line, pid, name); *next;) {
		sum += cpu_of((int)strtol(next, &next, 10));
		while (*next == ' ')
			next++;
	}
	return sum;
}

/* What client I says in that turn; upper case is what it must hear. */
static void message(char *bytes, int i, int turn, char first)
{
	unsigned int x =
		(unsigned int)i * 2654435761U + (unsigned int)turn * 40503U;

	for (int k = 0; k < SIZE; k++, x = x * 1664525U + 1013904223U)
		bytes[k] = (char)(first + (int)((x >> 24) % 26));
}

/* A socket that is connected, or is going to be. */
static int call(int flags)
{
	const struct linger reset = {.l_onoff = 1};
	const int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM | flags, 0);

	if (fd == -1 ||
	    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on,
		       sizeof on) ||
	    bind(fd, (struct sockaddr *)&source, sizeof source) ||
	    (connect(fd, (struct sockaddr *)&server, sizeof server) &&
	     errno != EINPROGRESS))
		die("call the server");
	/* No connection of ours shall stay in TIME_WAIT. */
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	return fd;
}

static void say(int i)
{
	char bytes[SIZE];

	message(bytes, i, ++clients[i].turn, 'a');
	clients[i].got = 0;
	if (send(clients[i].fd, bytes, SIZE, MSG_NOSIGNAL) != SIZE)
		die("send");
}

/* Take what has come for client I. Return whether its answer is complete. */
static bool hear(int i)
{
	char bytes[SIZE], wanted[SIZE];
	struct client *client = &clients[i];
	ssize_t n = recv(client->fd, bytes, (size_t)(SIZE - client->got), 0);

	if (n == -1 && errno == EAGAIN)
		return false;
	if (n <= 0)
		errx(1, "client %d was lost: recv gave %zd (%s)", i, n,
		     n ? errno_name(errno) : "end of stream");
	message(wanted, i, client->turn, 'A');
	if (memcmp(bytes, wanted + client->got, (size_t)n) != 0)
		errx(1, "client %d got a wrong answer", i);
	client->got += (int)n;
	return client->got == SIZE;
}

static void watch(int i, uint32_t events, int how)
{
	struct epoll_event event = {.events = events, .data.u32 = (uint32_t)i};

	if (epoll_ctl(epoll_fd, how, clients[i].fd, &event) == -1)
		die("epoll_ctl");
}

/* A client that speaks until nobody takes its bytes any more. */
static void never_read(void)
{
	static char bytes[65536];
	int fd = call(0);
	struct timespec pause = {.tv_nsec = 50000000};

	for (int full = 0; full < 5; full++, nanosleep(&pause, NULL))
		while (send(fd, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
			full = 0;
}

/* COUNT answers for the first N clients, each of whom speaks again at once. */
static void exchange(int n, int count)
{
	static struct epoll_event events[1024];
	int started = 0, answers = 0;

	for (; started < n && started < count; started++)
		say(started);
	while (answers < count) {
		int ready = epoll_wait(epoll_fd, events, 1024, 20000);
		if (ready <= 0)
			errx(1, "no answer within 20 s: %d are missing",
			     count - answers);
		for (int k = 0; k < ready; k++) {
			int i = (int)events[k].data.u32;
			if (!hear(i))
				continue;
			answers++;
			if (started < count) {
				say(i);
				started++;
			}
		}
	}
}

static void burst(int n)
{
	const struct linger orderly = {.l_onoff = 0};
	static struct epoll_event events[1024];

	for (int i = 0; i < n; i++) {
		clients[i] = (struct client){.fd = call(SOCK_NONBLOCK)};
		watch(i, EPOLLOUT, EPOLL_CTL_ADD);
	}
	for (int answers = 0; answers < n;) {
		int ready = epoll_wait(epoll_fd, events, 1024, 20000);
		if (ready <= 0)
			errx(1, "no answer within 20 s");
		for (int k = 0; k < ready; k++) {
			int i = (int)events[k].data.u32;
			if (clients[i].turn == 0) {
				say(i);
				watch(i, EPOLLIN, EPOLL_CTL_MOD);
			} else if (hear(i)) {
				answers++;
			}
		}
	}
	for (int i = 0; i < n; i++) {
		setsockopt(clients[i].fd, SOL_SOCKET, SO_LINGER, &orderly,
			   sizeof orderly);
		close(clients[i].fd);
	}
}

static void churn(int count)
{
	const struct linger orderly = {.l_onoff = 0};

	for (int i = 0; i < count; i++) {
		clients[0] = (struct client){.fd = call(0), .turn = i};
		setsockopt(clients[0].fd, SOL_SOCKET, SO_LINGER, &orderly,
			   sizeof orderly);
		say(0);
		while (!hear(0))
			;
		close(clients[0].fd);
	}
}

int main(int argc, char *argv[])
{
	char **word = begin(argc, argv, "+h", usage);
	struct rlimit limit;
	int words = argc - (int)(word - argv);

	if (words != 5)
		wrong_use(words ? word[words - 1] : "", "is not the last of 5");
	int port = number(word[1], 1, 65535), pid = number(word[2], 1, 1 << 30);
	int n = number(word[3], 0, 60000),
	    count = number(word[4], 1, 100000000);
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	clients = calloc((size_t)n + 1, sizeof *clients);
	epoll_fd = epoll_create1(0);
	server = (struct sockaddr_in){.sin_family = AF_INET};
	server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server.sin_port = htons((uint16_t)port);
	/* An address for each run: so many more ports of our own. */
	source = (struct sockaddr_in){.sin_family = AF_INET};
	source.sin_addr.s_addr =
		htonl(INADDR_LOOPBACK + (uint32_t)getpid() % 60000 * 256);

	bool talks = strcmp(word[0], "flight") == 0,
	     mute = strcmp(word[0], "mute") == 0,
	     idle = strcmp(word[0], "idle") == 0;
	int connected = talks || mute ? n : idle ? n + 1 : 0;
	for (int i = 0; i < connected; i++) {
		clients[i].fd = call(0);
		if (!idle)
			watch(i, EPOLLIN, EPOLL_CTL_ADD);
	}
	if (mute)
		never_read();
	if (connected > 0 && !idle)
		exchange(n, n * 2); /* all are picked up, and warm */
	for (int i = 0; idle && i < 1000; i++)
		for (say(n); !hear(n);)
			;

	long long wall = now(CLOCK_MONOTONIC), cpu = cpu_of(pid);
	if (talks || mute)
		exchange(n, count);
	else if (idle)
		for (int i = 0; i < count; i++)
			for (say(n); !hear(n);)
				;
	else if (strcmp(word[0], "burst") == 0)
		for (int answers = 0; answers < count; answers += n)
			burst(n);
	else if (strcmp(word[0], "churn") == 0)
		churn(count);
	else
		wrong_use(word[0], "is no shape of load");
	wall = now(CLOCK_MONOTONIC) - wall;
	cpu = cpu_of(pid) - cpu;
	printf("%.3f %.3f\n", (double)wall / count / 1000,
	       (double)cpu / count / 1000);
	return 0;
}
