/* pcap.c - the file that Wireshark and tcpdump read: a header, and then for
 * each packet its time, its lengths, and the packet. Knowledge:
 * pcap-savefile(5).
 */
#include "packet.h"

/* Numbers stand in our own byte order: the reader finds out from the magic. */
bool write_pcap_header(FILE *file, size_t most)
{
	const struct {
		uint32_t magic;
		uint16_t major, minor;
		uint32_t reserved[2], most, link_type;
	} header = {.magic = 0xa1b2c3d4,
		    .major = 2,
		    .minor = 4,
		    .most = (uint32_t)most,
		    .link_type = 101}; /* LINKTYPE_RAW: IP comes first */

	return fwrite(&header, sizeof header, 1, file) == 1 &&
	       fflush(file) == 0;
}

bool write_pcap_packet(FILE *file, const struct timeval *when,
		       const uint8_t *bytes, size_t n, size_t true_length)
{
	const uint32_t header[] = {(uint32_t)when->tv_sec,
				   (uint32_t)when->tv_usec, (uint32_t)n,
				   (uint32_t)true_length};

	return fwrite(header, sizeof header, 1, file) == 1 &&
	       fwrite(bytes, 1, n, file) == n && fflush(file) == 0;
}
