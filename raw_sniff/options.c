/* options.c - the command line of raw_sniff. */
#define _GNU_SOURCE /* for common.h: program_invocation_short_name */

#include <limits.h> /* LONG_MAX */

#include "../old_common.h"
#include "options.h"

static const char usage[] =
	"usage: raw_sniff [-x] [-c COUNT] [-i IFACE] [-p PORT] [-w FILE.pcap]\n"
	"Show each IP packet that this computer sends or receives, in a line.\n"
	"  -c COUNT      stop after so many packets (default: at Ctrl-C)\n"
	"  -i IFACE      on this network interface only (default: on all)\n"
	"  -p PORT       only TCP and UDP from or to this port\n"
	"  -w FILE.pcap  write them to a file too, for Wireshark and tcpdump\n"
	"  -x            show all bytes of each packet too, in hex\n"
	"example: raw_sniff -i lo -p 8080 -c 10\n";

struct options options = {.count = LONG_MAX};

static unsigned parse_port(const char *text)
{
	return (unsigned)parse_number("PORT", text, 1, 65535);
}

void parse_options(int argc, char *argv[])
{
	int option;

	begin(usage);
	while ((option = getopt(argc, argv, "+:c:hi:p:w:x")) != -1) {
		if (option == 'c')
			options.count =
				parse_number("COUNT", optarg, 1, 1000000000);
		else if (option == 'i')
			options.interface = optarg;
		else if (option == 'p')
			options.port = parse_port(optarg);
		else if (option == 'w')
			options.file_name = optarg;
		else if (option == 'x')
			options.hex = true;
		else
			common_option(option);
	}
	if (argv[optind])
		wrong_use("'%s' is too much", argv[optind]);
}
