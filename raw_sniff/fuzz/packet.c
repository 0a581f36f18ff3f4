/* packet - what raw_sniff makes of a packet, fed by libFuzzer with bytes of all
 * kinds. `make fuzz` runs it, from the seeds in corpus-packet/.
 *
 * raw_sniff.c is included here as it is. An input is an IP packet, or else a
 * frame from its type on; it lies in memory of exactly its size, so that the
 * sanitizer sees each read beyond it.
 */
#include <stddef.h>

int raw_sniff_main(int argc, char *argv[]);
int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n);

#define main raw_sniff_main
#include "../raw_sniff.c"

static void must(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n)
{
	const int version = n > 0 ? bytes[0] >> 4 : 0;
	const size_t type = version == 4 || version == 6 ? 2 : 0;
	unsigned char *frame = calloc(1, 12 + type + n);

	must(frame != NULL);
	if (type > 0)
		memcpy(frame + 12, version == 4 ? "\x08\0" : "\x86\xdd", 2);
	if (n > 0)
		memcpy(frame + 12 + type, bytes, n);
	say_frame(frame, 12 + type + n);
	free(frame);

	must(strlen(line) > 0 && strlen(line) < sizeof line);
	for (const char *c = line; *c; c++)
		must(*c >= ' ' && *c <= '~');
	must(from_port <= 65535 && to_port <= 65535);
	return 0;
}
