/* options.c - the command line of raw_icmp, which is that of ping. */
#define _GNU_SOURCE /* for common.h: program_invocation_short_name */

#include "raw_icmp.h"

static const char usage[] =
	"usage: raw_icmp [-46qv] [-c COUNT] [-i|-W|-w SECONDS] "
	"[-s BYTES] [-t TTL] HOST\n"
	"Send ICMP echo requests to HOST and print the replies, as ping does.\n"
	"  -4, -6      IPv4 or IPv6 only (default: the host's first address)\n"
	"  -c COUNT    stop after so many requests (default: at Ctrl-C)\n"
	"  -i SECONDS  from one request to the next (default 1)\n"
	"  -q          quiet: the statistics only\n"
	"  -s BYTES    of data in each request (default 56)\n"
	"  -t TTL      how many routers it may pass (default: the system's)\n"
	"  -v          take each packet apart, field by field\n"
	"  -W SECONDS  a reply that takes longer is late (default 10)\n"
	"  -w SECONDS  stop then, however many were sent or received\n"
	"SECONDS may have a fraction.\n"
	"Exit status: 0 replies came, 1 none came, 2 it could not be tried.\n"
	"example: raw_icmp -c 3 -v 127.0.0.1\n";

struct options options = {.interval = SECOND, .wait = 10 * SECOND, .size = 56};

/* TEXT as seconds with a fraction, strictly, or wrong use. In nanoseconds. */
static int64_t parse_seconds(const char *text)
{
	size_t whole = strspn(text, "0123456789");
	size_t point = text[whole] == '.';
	size_t fraction = strspn(text + whole + point, "0123456789");
	double seconds = strtod(text, NULL);

	if (whole == 0 || (point && fraction == 0) ||
	    text[whole + point + fraction] != '\0' || seconds < 0.002 ||
	    seconds > 86400)
		wrong_use("SECONDS '%s' is not a number from 0.002 to 86400",
			  text);
	return (int64_t)(seconds * 1e9);
}

static size_t parse_size(const char *text)
{
	return (size_t)parse_number("BYTES", text, 0, MOST_DATA);
}

static void set_family(int family)
{
	if (options.family != AF_UNSPEC && options.family != family)
		wrong_use("-4 and -6 exclude each other");
	options.family = family;
}

const char *parse_options(int argc, char *argv[])
{
	int option;

	begin(usage);
	while ((option = getopt(argc, argv, "+:46c:hi:qs:t:vW:w:")) != -1) {
		if (option == '4')
			set_family(AF_INET);
		else if (option == '6')
			set_family(AF_INET6);
		else if (option == 'c')
			options.count =
				parse_number("COUNT", optarg, 1, 1000000000);
		else if (option == 'i')
			options.interval = parse_seconds(optarg);
		else if (option == 'q')
			options.quiet = true;
		else if (option == 's')
			options.size = parse_size(optarg);
		else if (option == 't')
			options.ttl = parse_number("TTL", optarg, 1, 255);
		else if (option == 'v')
			options.verbose = true;
		else if (option == 'W')
			options.wait = parse_seconds(optarg);
		else if (option == 'w')
			options.deadline = parse_seconds(optarg);
		else
			common_option(option);
	}
	if (!argv[optind])
		wrong_use("which HOST?");
	if (argv[optind + 1])
		wrong_use("'%s' is too much", argv[optind + 1]);
	return argv[optind];
}
