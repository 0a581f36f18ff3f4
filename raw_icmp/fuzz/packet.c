/* packet - what raw_icmp makes of a packet, fed by libFuzzer with bytes of all
 * kinds. `make fuzz` runs it, from the seeds in corpus-packet/.
 *
 * raw_icmp.c is included here as it is; its recv is ours. Behind the packet
 * the buffer is poisoned, so that the sanitizer sees each read beyond it.
 */
#define _GNU_SOURCE
#include <sanitizer/asan_interface.h>
#include <sys/socket.h>

ssize_t fuzzed_recv(int fd, void *buffer, size_t room, int flags);
int raw_icmp_main(int argc, char *argv[]);
int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n);

#define recv fuzzed_recv
#define main raw_icmp_main
#include "../raw_icmp.c"

static const unsigned char *input;
static size_t input_n;

ssize_t fuzzed_recv(int fd, void *buffer, size_t room, int flags)
{
	(void)fd, (void)flags;
	ASAN_UNPOISON_MEMORY_REGION(buffer, room);
	memcpy(buffer, input, input_n);
	ASAN_POISON_MEMORY_REGION((char *)buffer + input_n, room - input_n);
	return (ssize_t)input_n;
}

static void must(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n)
{
	const int before = got[true], errors_before = got[false];

	if (n > 65535)
		return 0;
	if (size == 0 && !freopen("/dev/null", "w", stdout))
		abort();
	/* We asked 127.0.0.1 with id 0x1092, number 1, 16 bytes of data. */
	size = 8 + 16;
	host.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	request[2] = htons(0x1092);
	for (int i = 0; i < 16; i++)
		((unsigned char *)request)[8 + i] = (unsigned char)i;
	asked[1] = now();
	input = bytes;
	input_n = n;
	hear(-1);

	const int counted = got[true] + got[false] - before - errors_before;
	must(counted == (asked[1] < 0));
	if (got[true] > before) { /* then it was all of this */
		size_t skip = (bytes[0] & 15) * 4u;
		must(skip >= 20 && n == skip + size &&
		     bytes[9] == IPPROTO_ICMP);
		must(memcmp(bytes + 12, &host.sin_addr, 4) == 0);
		must(bytes[skip] == ICMP_ECHOREPLY);
		must(memcmp(bytes + skip + 4, "\x10\x92\0\1", 4) == 0);
		must(memcmp(bytes + skip + 8, request + 4, 16) == 0);
	}
	if (got[false] > errors_before)
		must(n >= 20 + 8 + 20 + 8);
	return 0;
}
