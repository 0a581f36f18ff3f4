/* packet - all of raw_sniff but its socket, fed by libFuzzer with bytes of all
 * kinds.
 *
 * Run:    make fuzz (a million inputs, from the seeds in corpus-packet/)
 *
 * The sanitizers see each read outside of the input; what must hold beside that
 * is asserted here.
 */
#include <stdlib.h> /* abort */

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

	if (!nowhere)
		nowhere = fopen("/dev/null", "w");
	must(nowhere);

	bool sound = parse_packet(&packet, input, n);
	must(sound == (packet.flaw == NULL));
	must(packet.version == 0 || packet.version == 4 || packet.version == 6);
	if (sound) {
		size_t least = packet.version == 4 ? 20 : 40;

		must(packet.version && packet.length <= n - least);
	}
	if (sound)
		count_from_zero(&packet);
	print_packet(nowhere, &packet, n);
	print_hex(nowhere, input, n);
	return 0;
}
