/* icmp_checksum_odd - a solution: an odd last byte is a word's high byte. */
#include <stddef.h> /* size_t */
#include <stdint.h> /* uint16_t */
#include <stdio.h>  /* fgets, printf */
#include <string.h> /* memcpy, strcspn */

enum { HEADER = 8, MOST = 1024, ECHO_REQUEST = 8 };

/* The Internet checksum of n bytes: RFC 1071. */
static uint16_t checksum(const unsigned char *bytes, size_t n)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < n; i += 2)
		sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	if (n % 2 != 0)
		sum += (uint32_t)bytes[n - 1] << 8;
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* Write 16 bits as the network has them, the high byte first. */
static void put(unsigned char *where, unsigned int value)
{
	where[0] = (unsigned char)(value >> 8);
	where[1] = (unsigned char)value;
}

int main(void)
{
	static unsigned char packet[HEADER + MOST];
	char line[MOST];

	for (unsigned int seq = 1; fgets(line, sizeof line, stdin); seq++) {
		size_t n = strcspn(line, "\n");

		packet[0] = ECHO_REQUEST;
		packet[1] = 0;
		put(packet + 2, 0); /* the checksum counts as 0 in itself */
		put(packet + 4, 0x1234);
		put(packet + 6, seq);
		memcpy(packet + HEADER, line, n);
		put(packet + 2, checksum(packet, HEADER + n));

		for (size_t i = 0; i < HEADER + n; i++)
			printf("%02x", packet[i]);
		putchar('\n');
	}
	return 0;
}
