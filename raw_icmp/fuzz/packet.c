/* packet - the parser of raw_icmp, fed by libFuzzer with bytes of all kinds.
 *
 * Run:    make fuzz (a million inputs, from the seeds in corpus-packet/)
 *
 * The first byte of an input chooses what the others begin with, see
 * packet.h. The sanitizers see each read outside of the input; what must hold
 * beside that is asserted here.
 */
#include <stdlib.h> /* abort */
#include <string.h> /* memchr */

#include "../packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t n);

static void must(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t n)
{
	static FILE *nowhere;
	struct packet packet;
	char text[60];
	const uint8_t *bytes = input + 1, *end = input + n;

	if (!nowhere)
		nowhere = fopen("/dev/null", "w");
	must(nowhere);
	if (n == 0)
		return 0;
	n--;

	bool whole = parse_packet(&packet, bytes, n,
				  (enum first_header)(input[0] % 3));
	must(whole == (packet.flaw == NULL));
	must(whole == (packet.icmp != NULL));
	if (packet.ip)
		must(packet.ip == bytes && packet.ip_length >= 20 &&
		     packet.ip_length <= n);
	if (whole)
		must(packet.icmp >= bytes && packet.icmp_length >= 8 &&
		     packet.icmp_length <= (size_t)(end - packet.icmp) &&
		     packet.data + packet.data_length ==
			     packet.icmp + packet.icmp_length);
	if (packet.quotes_request)
		must(packet.kind == ICMP_ERROR &&
		     packet.quoted_ip_length >= 20 &&
		     packet.quoted_ip_length + 8 <= packet.data_length);

	error_text(text, sizeof text, &packet);
	must(text[0] && memchr(text, '\0', sizeof text));
	must(is_advice(&packet) || error_hint(&packet));
	show_packet(nowhere, &packet, bytes, n);
	return 0;
}
