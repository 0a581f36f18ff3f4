/* sock_options - the switches of a socket, and what the kernel makes of them.
 *
 *    setsockopt ("please") ---> kernel: takes it, changes it, or refuses
 *    getsockopt  <------------- what is in force
 *
 * Run:    sock_options (the story), sock_options SO_RCVBUF 10000 (the tool)
 * Watch:  the kernel doubles, rounds and caps: what you asked for is a wish
 * Parts:  this file: the options and the tool; scenes.c: the story
 * Next:   raw_icmp, a socket below TCP and UDP
 */
#define _GNU_SOURCE /* for common.h: program_invocation_short_name */

#include <limits.h>	 /* INT_MAX */
#include <netinet/tcp.h> /* TCP_NODELAY and others */
#include <strings.h>	 /* strcasecmp */
#include <sys/time.h>	 /* struct timeval */

#include "../story.h"
#include "sock_options.h"

static const char usage[] =
	"usage: sock_options [NAME [VALUE]]\n"
	"Show the options of a socket; set one and read it back.\n"
	"  NAME   an option of the story's table (default: the story)\n"
	"  VALUE  a number; on or off; SO_LINGER: seconds, or off;\n"
	"         SO_RCVTIMEO and SO_SNDTIMEO: milliseconds\n"
	"example: sock_options SO_RCVBUF 10000\n";

/* ---- The options ---- */

/* What setsockopt(2) and getsockopt(2) pass: an int, or a structure. */
enum type { INT, FLAG, LINGER, TIME };

static const char *const type_names[] = {"int", "flag", "linger", "time"};

union value {
	int number; /* also of a FLAG: 0 is off, 1 is on */
	struct linger linger;
	struct timeval time;
};

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

int new_socket(int family, int type)
{
	int fd = socket(family, type, 0);

	if (fd == -1)
		die("socket");
	return fd;
}

bool ipv6_is_there(void)
{
	int fd = socket(AF_INET6, SOCK_STREAM, 0);

	if (fd == -1 && errno != EAFNOSUPPORT)
		die("socket");
	return fd != -1 && close(fd) == 0;
}

/* A new socket on which that option may exist. */
static int socket_for(const struct known *option, int type)
{
	return new_socket(option->level == IPPROTO_IPV6 ? AF_INET6 : AF_INET,
			  type);
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
	return failed ? none : value_text(option->type, value);
}

void show_table(void)
{
	printf("   %-16s %-6s %8s %8s   %s\n", "option", "type", "TCP", "UDP",
	       "meaning");
	for (const struct known *o = table; o < table + KNOWN; o++) {
		struct text tcp = default_of(o, SOCK_STREAM);
		struct text udp = default_of(o, SOCK_DGRAM);
		printf("   %-16s %-6s %8s %8s   %s\n", o->name,
		       type_names[o->type], tcp.s, udp.s, o->meaning);
	}
}

/* ---- The tool ---- */

static const struct known *find(const char *name)
{
	for (const struct known *o = table; o < table + KNOWN; o++)
		if (strcasecmp(o->name, name) == 0)
			return o;
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
	union value value = {0}, wish;
	socklen_t size = size_of(option->type), length = size;
	int fd = socket_for(option, type);

	MUST(who, getsockopt(fd, level, number, &value, &length));
	note("%s is %s", option->name, value_text(option->type, value).s);
	if (text) {
		wish = parse_value(option->type, text);
		if (CALL(who, setsockopt(fd, level, number, &wish, size)) == -1)
			refused(option, text);
		MUST(who, getsockopt(fd, level, number, &value, &length));
		note("asked for %s, got %s", value_text(option->type, wish).s,
		     value_text(option->type, value).s);
	}
	close(fd);
}

static void tool(const char *name, const char *text)
{
	const struct known *option = find(name);
	const char *layer = option->level == SOL_SOCKET	   ? "SOL_SOCKET"
			    : option->level == IPPROTO_TCP ? "IPPROTO_TCP"
			    : option->level == IPPROTO_IP  ? "IPPROTO_IP"
							   : "IPPROTO_IPV6";

	if (text)
		parse_value(option->type, text); /* wrong use comes first */
	printf("%s, level %s, type %s: %s\n", option->name, layer,
	       type_names[option->type], option->meaning);
	try_on(option, "TCP", SOCK_STREAM, text);
	if (option->level != IPPROTO_TCP)
		try_on(option, "UDP", SOCK_DGRAM, text);
}

int main(int argc, char *argv[])
{
	int option;

	begin(usage);
	if ((option = getopt(argc, argv, "+:h")) != -1)
		common_option(option);
	if (argc - optind > 2)
		wrong_use("'%s' is too much", argv[optind + 2]);
	if (optind < argc)
		tool(argv[optind], argv[optind + 1]);
	else
		story();
	return EXIT_SUCCESS;
}
