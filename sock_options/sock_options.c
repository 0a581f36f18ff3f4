/* sock_options - the switches of a socket, and what the kernel makes of them.
 *
 *    setsockopt ("please") ---> kernel: takes it, changes it, or refuses
 *    getsockopt  <------------- what is in force
 *
 * Run:    sock_options (the story), sock_options SO_RCVBUF 10000 (the tool)
 * Watch:  the kernel doubles, rounds and caps: what you asked for is a wish
 * Next:   raw_icmp, a socket below TCP and UDP
 */
#define _GNU_SOURCE /* for common.h: program_invocation_short_name */

#include <limits.h>	 /* INT_MAX */
#include <netinet/tcp.h> /* TCP_NODELAY and others */
#include <poll.h>	 /* poll */
#include <strings.h>	 /* strcasecmp */
#include <sys/time.h>	 /* struct timeval */

#include "../story.h"

static const char usage[] =
	"usage: sock_options [NAME [VALUE]]\n"
	"Show the options of a socket; set one and read it back.\n"
	"  NAME   an option, as in the table of the story (default: the "
	"story)\n"
	"  VALUE  a number; on or off; SO_LINGER: seconds, or off;\n"
	"         SO_RCVTIMEO and SO_SNDTIMEO: milliseconds\n"
	"example: sock_options SO_RCVBUF 10000\n";

/* ---- The options ---- */

/* What setsockopt(2) and getsockopt(2) pass: an int, or a structure. */
enum type { INT, FLAG, LINGER, TIME };

static const char *const type_names[] = {"int", "flag", "linger", "time"};

static const struct known {
	const char *name;
	int level, number;
	enum type type;
	const char *meaning;
} table[] = {
/* The name, its layer and its number: socket(7), tcp(7), ip(7), ipv6(7). */
#define AT_SOCKET(name) #name, SOL_SOCKET, name
#define AT_TCP(name)	#name, IPPROTO_TCP, name
#define AT_IP(name)	#name, IPPROTO_IP, name
#define AT_IPV6(name)	#name, IPPROTO_IPV6, name
	{AT_SOCKET(SO_TYPE), INT, "1 is a stream, 2 datagrams"},
	{AT_SOCKET(SO_ERROR), INT, "waiting error; reading clears it"},
	{AT_SOCKET(SO_ACCEPTCONN), FLAG, "on after listen"},
	{AT_SOCKET(SO_REUSEADDR), FLAG, "bind in spite of TIME_WAIT"},
	{AT_SOCKET(SO_REUSEPORT), FLAG, "several sockets share a port"},
	{AT_SOCKET(SO_KEEPALIVE), FLAG, "TCP: probe a silent peer"},
	{AT_SOCKET(SO_LINGER), LINGER, "TCP: close waits, or resets"},
	{AT_SOCKET(SO_RCVBUF), INT, "bytes of room for what comes"},
	{AT_SOCKET(SO_SNDBUF), INT, "bytes of room for what leaves"},
	{AT_SOCKET(SO_RCVTIMEO), TIME, "how long recv, accept may wait"},
	{AT_SOCKET(SO_SNDTIMEO), TIME, "how long send, connect may wait"},
	{AT_SOCKET(SO_BROADCAST), FLAG, "UDP: may send to everybody"},
	{AT_TCP(TCP_NODELAY), FLAG, "send small pieces at once"},
	{AT_TCP(TCP_MAXSEG), INT, "most data bytes in a segment"},
	{AT_TCP(TCP_KEEPIDLE), INT, "silent seconds before a probe"},
	{AT_TCP(TCP_KEEPINTVL), INT, "seconds from probe to probe"},
	{AT_TCP(TCP_KEEPCNT), INT, "probes unanswered: give up"},
	{AT_TCP(TCP_USER_TIMEOUT), INT, "ms without ACK: give up (0: none)"},
	{AT_IP(IP_TTL), INT, "hops that a packet may make"},
	{AT_IP(IP_TOS), INT, "how urgent, for routers"},
	{AT_IPV6(IPV6_V6ONLY), FLAG, "on: :: does not include IPv4"},
};

enum { KNOWN = sizeof table / sizeof *table };

union value {
	int number;
	struct linger linger;
	struct timeval time;
};

static socklen_t size_of(enum type type)
{
	return type == LINGER ? sizeof(struct linger)
	       : type == TIME ? sizeof(struct timeval)
			      : sizeof(int);
}

static struct text value_text(enum type type, union value value)
{
	const struct text on = {"on"}, off = {"off"}, no_limit = {"no limit"};
	struct text text;

	if (type == FLAG && value.number <= 1)
		return value.number ? on : off;
	if (type == LINGER && !value.linger.l_onoff)
		return off;
	if (type == TIME && !value.time.tv_sec && !value.time.tv_usec)
		return no_limit;
	if (type == LINGER)
		snprintf(text.s, sizeof text.s, "%d s", value.linger.l_linger);
	else if (type == TIME)
		snprintf(text.s, sizeof text.s, "%ld.%06ld s",
			 (long)value.time.tv_sec, (long)value.time.tv_usec);
	else
		snprintf(text.s, sizeof text.s, "%d", value.number);
	return text;
}

static int new_socket(int family, int type)
{
	int fd = socket(family, type | SOCK_CLOEXEC, 0);

	if (fd == -1)
		die("socket");
	return fd;
}

/* A new socket on which that option may exist. */
static int socket_for(const struct known *option, int type)
{
	return new_socket(option->level == IPPROTO_IPV6 ? AF_INET6 : AF_INET,
			  type);
}

static bool ipv6_is_there(void)
{
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1 && errno != EAFNOSUPPORT)
		die("socket");
	return fd != -1 && close(fd) == 0;
}

/* The value that a new socket has; "-" if it has no such option. */
static struct text default_of(const struct known *option, int type)
{
	const struct text none = {"-"};
	union value value = {0};
	socklen_t length = size_of(option->type);

	if (option->level == IPPROTO_IPV6 && !ipv6_is_there())
		return none;
	int fd = socket_for(option, type);
	int failed =
		getsockopt(fd, option->level, option->number, &value, &length);
	if (failed && errno != ENOPROTOOPT && errno != EOPNOTSUPP)
		die("getsockopt %s", option->name);
	close(fd);
	if (failed)
		return none;
	return value_text(option->type, value);
}

/* ---- The tool ---- */

static const struct known *find(const char *name)
{
	for (size_t i = 0; i < KNOWN; i++)
		if (strcasecmp(table[i].name, name) == 0)
			return &table[i];
	wrong_use("NAME '%s' is none of the table; to see it: sock_options",
		  name);
}

static union value parse_value(enum type type, const char *text)
{
	union value value = {0};

	if (type == LINGER && strcmp(text, "off") == 0)
		return value;
	if (type == FLAG && strcmp(text, "off") == 0)
		text = "0";
	if (type == FLAG && strcmp(text, "on") == 0)
		text = "1";
	long number = parse_number("VALUE", text, 0, INT_MAX);
	if (type == LINGER)
		value.linger =
			(struct linger){.l_onoff = 1, .l_linger = (int)number};
	else if (type == TIME)
		value.time = (struct timeval){.tv_sec = number / 1000,
					      .tv_usec = number % 1000 * 1000};
	else
		value.number = (int)number;
	return value;
}

/* setsockopt has failed: say it, and what the kernel may have meant. */
static void refused(const struct known *option, const char *text)
{
	complain("setsockopt %s to %s", option->name, text);
	if (errno == ENOPROTOOPT || errno == EOPNOTSUPP)
		fputs("hint: it can only be read, or not on such a socket\n",
		      stderr);
	if (errno == EINVAL || errno == EDOM)
		fputs("hint: out of range, or not at this moment\n", stderr);
	if (errno == EPERM || errno == EACCES)
		fputs("hint: that value takes privilege\n", stderr);
	exit(EXIT_FAILURE);
}

/* Read an option of a new socket; set it to TEXT, unless NULL; read again. */
static void try_on(const struct known *option, const char *who, int type,
		   const char *text)
{
	const int level = option->level, number = option->number;
	union value value = {0}, wish = {0};
	socklen_t size = size_of(option->type), length = size;
	int fd = socket_for(option, type);

	if (text)
		wish = parse_value(option->type, text);
	if (CALL(who, getsockopt(fd, level, number, &value, &length)) == -1)
		die("getsockopt %s", option->name);
	note("%s is %s", option->name, value_text(option->type, value).s);
	if (text) {
		if (CALL(who, setsockopt(fd, level, number, &wish, size)) == -1)
			refused(option, text);
		if (CALL(who, getsockopt(fd, level, number, &value, &length)) ==
		    -1)
			die("getsockopt %s", option->name);
		note("asked for %s, got %s", value_text(option->type, wish).s,
		     value_text(option->type, value).s);
	}
	close(fd);
}

static void tool(const char *name, const char *text)
{
	const struct known *option = find(name);

	if (text)
		parse_value(option->type, text); /* wrong use comes first */
	const char *layer = option->level == SOL_SOCKET	   ? "SOL_SOCKET"
			    : option->level == IPPROTO_TCP ? "IPPROTO_TCP"
			    : option->level == IPPROTO_IP  ? "IPPROTO_IP"
							   : "IPPROTO_IPV6";
	printf("%s, level %s, type %s: %s\n", option->name, layer,
	       type_names[option->type], option->meaning);
	try_on(option, "TCP", SOCK_STREAM, text);
	if (option->level != IPPROTO_TCP)
		try_on(option, "UDP", SOCK_DGRAM, text);
}

/* ---- The scenes ---- */

/* 1 */
static void defaults(void)
{
	scene("What a new socket has on this machine, over TCP and over UDP.");
	printf("   %-16s %-6s %8s %8s   %s\n", "option", "type", "TCP", "UDP",
	       "meaning");
	for (const struct known *o = table; o < table + KNOWN; o++) {
		struct text tcp = default_of(o, SOCK_STREAM);
		struct text udp = default_of(o, SOCK_DGRAM);
		printf("   %-16s %-6s %8s %8s   %s\n", o->name,
		       type_names[o->type], tcp.s, udp.s, o->meaning);
	}
}

/* Ask for a receive buffer of so many bytes, and return what it got. */
static int receive_buffer(int fd, int wish)
{
	socklen_t length = sizeof wish;
	int got = 0;

	if (CALL("we", setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &wish, length)) ==
	    -1)
		die("setsockopt SO_RCVBUF");
	if (CALL("we", getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &got, &length)) ==
	    -1)
		die("getsockopt SO_RCVBUF");
	note("asked for %d, got %d", wish, got);
	return got;
}

/* 2 */
static void doubled(void)
{
	int fd = new_socket(AF_INET, SOCK_DGRAM);
	char line[32] = "";
	FILE *file = fopen("/proc/sys/net/core/rmem_max", "r");

	scene("A wish, not an order: SO_RCVBUF is doubled, raised, capped.");
	expect(receive_buffer(fd, 10000) == 20000,
	       "doubled: the kernel's own notes take room as well");
	expect(receive_buffer(fd, 1) > 2, "raised to the least that works");
	int got = receive_buffer(fd, INT_MAX);
	expect(got < INT_MAX, "capped, and no error says so");
	if (file && fgets(line, sizeof line, file)) {
		long most = strtol(line, NULL, 10);
		note("net.core.rmem_max is %ld", most);
		expect(got / 2 == (most < INT_MAX / 2 ? most : INT_MAX / 2),
		       "the cap is twice net.core.rmem_max");
	}
	if (file) /* some containers hide it */
		fclose(file);
	close(fd);
}

/* 3 */
static void refusals(void)
{
	const int one = 1, many = 256;
	const struct timeval wrong = {.tv_usec = 1500000};
	int tcp_fd = new_socket(AF_INET, SOCK_STREAM);
	int udp_fd = new_socket(AF_INET, SOCK_DGRAM);
	long failed;

	scene("What the kernel refuses, and the names of its reasons.");
	failed = CALL("we", setsockopt(tcp_fd, SOL_SOCKET, SO_TYPE, &one,
				       sizeof one));
	expect(failed && errno == ENOPROTOOPT, "SO_TYPE can only be read");
	failed = CALL("we", setsockopt(udp_fd, IPPROTO_TCP, TCP_NODELAY, &one,
				       sizeof one));
	expect(failed && (errno == ENOPROTOOPT || errno == EOPNOTSUPP),
	       "UDP has no options of TCP's layer");
	failed = CALL("we", setsockopt(tcp_fd, IPPROTO_IP, IP_TTL, &many,
				       sizeof many));
	expect(failed && errno == EINVAL,
	       "256 does not fit: IP_TTL has 8 bits");
	failed = CALL("we", setsockopt(tcp_fd, SOL_SOCKET, SO_RCVTIMEO, &one,
				       sizeof one));
	expect(failed && errno == EINVAL,
	       "an int is too short: SO_RCVTIMEO is a struct timeval");
	failed = CALL("we", setsockopt(tcp_fd, SOL_SOCKET, SO_RCVTIMEO, &wrong,
				       sizeof wrong));
	expect(failed && errno == EDOM,
	       "1500000 us: there are seconds for what exceeds 999999 us");
	close(tcp_fd);
	close(udp_fd);
}

/* Wait for EVENTS, at most 10 s; returns what came. */
static short await(int fd, short events)
{
	struct pollfd waiting = {.fd = fd, .events = events};
	int n;

	while ((n = poll(&waiting, 1, 10000)) == -1)
		if (errno != EINTR)
			die("poll");
	if (n == 0) {
		errno = ETIMEDOUT;
		die("poll");
	}
	return waiting.revents;
}

/* A socket with a port of its own on loopback, and its address. */
static int with_a_port(int type, struct sockaddr_in *address)
{
	socklen_t length = sizeof *address;
	int fd = new_socket(AF_INET, type);

	*address = (struct sockaddr_in){.sin_family = AF_INET};
	if (type == SOCK_STREAM) /* datagrams to everybody go to 0.0.0.0 */
		address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (struct sockaddr *)address, length) == -1)
		die("bind");
	if (getsockname(fd, (struct sockaddr *)address, &length) == -1)
		die("getsockname");
	return fd;
}

/* 4 */
static void safety_catch(void)
{
	const int on = 1;
	struct sockaddr_in all;
	const struct sockaddr *to = (struct sockaddr *)&all;
	int receiver_fd = with_a_port(SOCK_DGRAM, &all),
	    fd = new_socket(AF_INET, SOCK_DGRAM);
	char byte;

	scene("SO_BROADCAST is a safety catch: no sending to all by accident.");
	/* "Everybody" on loopback: no other machine is troubled. */
	all.sin_addr.s_addr = htonl(0x7fffffff);
	note("the address is %s", address_text(&all, sizeof all).s);
	long sent = CALL("we", sendto(fd, "!", 1, 0, to, sizeof all));
	expect(sent == -1 && errno == EACCES,
	       "EACCES: not root is wanted, but SO_BROADCAST");
	if (CALL("we", setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on,
				  sizeof on)) == -1)
		die("setsockopt SO_BROADCAST");
	sent = CALL("we", sendto(fd, "!", 1, 0, to, sizeof all));
	expect(sent == 1, "now it may");
	await(receiver_fd, POLLIN);
	expect(CALL("they", recv(receiver_fd, &byte, 1, 0)) == 1,
	       "and it arrives");
	close(receiver_fd);
	close(fd);
}

static int pending_error(int fd)
{
	int error = 0;
	socklen_t length = sizeof error;

	if (CALL("we", getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length)) ==
	    -1)
		die("getsockopt SO_ERROR");
	note("SO_ERROR is %d%s%s", error, error ? ", " : "",
	     error ? errno_name(error) : "");
	return error;
}

/* 5 */
static void read_once(void)
{
	struct sockaddr_in nobody;
	const struct sockaddr *to = (struct sockaddr *)&nobody;
	/* Bound, but it does not listen: nobody else can get that port. */
	int bound_fd = with_a_port(SOCK_STREAM, &nobody);
	int fd = new_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);

	scene("SO_ERROR: how a connect that did not wait has ended.");
	long failed = CALL("we", connect(fd, to, sizeof nobody));
	if (failed && errno == EINPROGRESS) {
		await(fd, POLLOUT);
		expect(pending_error(fd) == ECONNREFUSED,
		       "getsockopt succeeds; the error is the option's value");
	} else {
		expect(failed && errno == ECONNREFUSED,
		       "this kernel knows the result at once");
	}
	expect(pending_error(fd) == 0, "reading it has cleared it");
	close(bound_fd);
	close(fd);
}

/* 6 */
static void in_time(void)
{
	const int on = 1;
	int inherited = 0, client_fd, conn_fd;
	struct sockaddr_in address;
	socklen_t length = sizeof address;
	int listen_fd = with_a_port(SOCK_STREAM, &address);

	scene("What accept returns inherits options from the listening "
	      "socket.");
	if (listen(listen_fd, 1) == -1)
		die("listen");
	if (CALL("server", setsockopt(listen_fd, IPPROTO_TCP, TCP_NODELAY, &on,
				      sizeof on)) == -1)
		die("setsockopt TCP_NODELAY");
	client_fd = new_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
	if (connect(client_fd, (struct sockaddr *)&address, length) == -1 &&
	    errno != EINPROGRESS)
		die("connect");
	await(listen_fd, POLLIN);
	while ((conn_fd = accept(listen_fd, NULL, NULL)) == -1)
		if (errno != EINTR)
			die("accept");
	length = sizeof inherited;
	if (CALL("server", getsockopt(conn_fd, IPPROTO_TCP, TCP_NODELAY,
				      &inherited, &length)) == -1)
		die("getsockopt TCP_NODELAY");
	expect(inherited, "set once, it holds for all connections to come");
	close(listen_fd);
	close(client_fd);
	close(conn_fd);
}

/* 7 */
static void too_late(void)
{
	const struct sockaddr_in6 any = {.sin6_family = AF_INET6};
	const struct sockaddr *here = (const struct sockaddr *)&any;
	const int on = 1;
	int fd = new_socket(AF_INET6, SOCK_STREAM);

	scene("Some must be set in time: IPV6_V6ONLY before bind.");
	if (CALL("server", bind(fd, here, sizeof any)) == -1)
		die("bind");
	long failed = CALL("server", setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY,
						&on, sizeof on));
	expect(failed && errno == EINVAL,
	       "the port is taken already, for one family or for both");
	close(fd);
}

int main(int argc, char *argv[])
{
	int option;

	begin(usage);
	if ((option = getopt(argc, argv, "+:h")) != -1)
		common_option(option);
	if (argc - optind > 2)
		wrong_use("'%s' is too much", argv[optind + 2]);
	if (optind < argc) {
		tool(argv[optind], argv[optind + 1]);
		return EXIT_SUCCESS;
	}
	defaults();
	doubled();
	refusals();
	safety_catch();
	read_once();
	in_time();
	if (ipv6_is_there())
		too_late();
	puts("\nRemember: setsockopt is a wish; getsockopt says what is in "
	     "force. "
	     "Look at the\nresult of both, and set options before bind, "
	     "connect "
	     "or listen.");
}
