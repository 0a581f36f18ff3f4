/* parse - what the parser says about bytes given in hex, for tests.
 *
 * Run:    parse [-p] ipv4|icmp|icmpv6 HEX...   (blanks in HEX are fine)
 *
 * With -p, first about each beginning of these bytes, from none of them on.
 * The bytes lie in memory of exactly their size, so that AddressSanitizer and
 * valgrind see a parser that reads beyond them.
 */
#include <ctype.h>  /* isxdigit */
#include <stdlib.h> /* malloc */
#include <string.h> /* strcmp */

#include "../packet.h"

static size_t read_hex(const char *text, unsigned char *bytes, size_t n)
{
	size_t done = 0;

	for (; *text; text++) {
		const char digits[3] = {text[0], text[1], '\0'};

		if (isspace((unsigned char)*text))
			continue;
		if (!isxdigit((unsigned char)text[0]) ||
		    !isxdigit((unsigned char)text[1]) || done == n) {
			fprintf(stderr, "parse: bad hex at '%s'\n", text);
			exit(2);
		}
		bytes[done++] = (unsigned char)strtoul(digits, NULL, 16);
		text++;
	}
	return done;
}

static void parse(const unsigned char *all, size_t n, enum first_header first,
		  bool shown)
{
	static const char *const kinds[] = {"ECHO_REQUEST", "ECHO_REPLY",
					    "ICMP_ERROR", "OTHER"};
	struct packet packet;
	char text[100];
	unsigned char *bytes = malloc(n ? n : 1);

	if (!bytes)
		exit(2);
	memcpy(bytes, all, n);
	printf("checksum %04x\n", checksum(bytes, n));
	if (parse_packet(&packet, bytes, n, first))
		printf("%s type=%u code=%u checksum=%s id=%u seq=%u data=%zu\n",
		       kinds[packet.kind], packet.type, packet.code,
		       packet.checksum_right ? "right" : "wrong", packet.id,
		       packet.sequence, packet.data_length);
	else
		printf("flaw: %s\n", packet.flaw);
	if (packet.kind == ICMP_ERROR) {
		error_text(text, sizeof text, &packet);
		printf("error: %s\n", text);
	}
	if (packet.quotes_request)
		printf("quotes id=%u seq=%u host=%u.%u.%u.%u\n",
		       packet.quoted_id, packet.quoted_sequence,
		       packet.quoted_host[0], packet.quoted_host[1],
		       packet.quoted_host[2], packet.quoted_host[3]);
	if (shown)
		show_packet(stdout, &packet, bytes, n);
	free(bytes);
}

int main(int argc, char *argv[])
{
	static unsigned char bytes[65536];
	enum first_header first = FIRST_IPV4;
	bool prefixes = argc > 1 && strcmp(argv[1], "-p") == 0;
	size_t n = 0;

	argv += 1 + prefixes;
	if (!*argv)
		return 2;
	if (strcmp(*argv, "icmp") == 0)
		first = FIRST_ICMP;
	if (strcmp(*argv, "icmpv6") == 0)
		first = FIRST_ICMPV6;
	while (*++argv)
		n += read_hex(*argv, bytes + n, sizeof bytes - n);
	for (size_t i = 0; prefixes && i < n; i++)
		parse(bytes, i, first, false);
	parse(bytes, n, first, !prefixes);
	return 0;
}
