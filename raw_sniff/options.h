/* options.h - the command line of raw_sniff. */
#ifndef DIALTONE_OPTIONS_H
#define DIALTONE_OPTIONS_H

#include <stdbool.h> /* bool */

struct options {
	long count;
	const char *interface; /* NULL: all */
	const char *file_name; /* NULL: none */
	unsigned port;	       /* 0: any */
	bool hex;
};

extern struct options options;

/* The first call of the program. Sets options. */
void parse_options(int argc, char *argv[]);

#endif
