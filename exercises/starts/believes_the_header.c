/* believes_the_header - it prints more than the packet has.
 *
 * Each line of its input is an IPv4 packet in hexadecimal, as somebody has
 * caught it. Of UDP it prints the ports and the payload, in hexadecimal again.
 *
 * Symptom: cc believes_the_header.c -o believes_the_header, and with bash
 *          H=0000000040110000c0a80001c0a80002 P=0035003500
 *          printf '4500001f'$H$P'0b0000616263\n4500001f'$H$P'0b0000\n' |
 *              ./believes_the_header
 *          The second packet has no payload, and abc is printed all the same.
 * Wanted:  for a packet whose lengths say more than there is, or less than a
 *          header has (IPv4 20 bytes, UDP 8), it prints: malformed.
 *          What follows the packet (Ethernet fills up short ones) or its UDP
 *          datagram is not printed. Nothing is read beyond the packet's end.
 * Check:   make exercise-believes_the_header
 */
#include <stddef.h> /* size_t */
#include <stdio.h>  /* fgets, sscanf, printf */

enum { MOST = 2000, UDP = 17 };

/* Numbers in a packet have their high byte first. */
static size_t get16(const unsigned char *bytes)
{
	return bytes[0] * 256u + bytes[1];
}

/* A UDP datagram that claims to have get16(udp + 4) bytes. */
static void show_udp(const unsigned char *udp)
{
	size_t length = get16(udp + 4);

	printf("UDP %zu > %zu:", get16(udp), get16(udp + 2));
	for (size_t i = 8; i < length; i++)
		printf(" %02x", udp[i]);
	putchar('\n');
}

/* An IPv4 packet. The first byte has the length of its header, in words of 4
 * bytes; the third and the fourth have the length of the whole. */
static void show_ip(const unsigned char *ip)
{
	size_t header = (size_t)(ip[0] & 15) * 4, total = get16(ip + 2);

	if (ip[9] == UDP)
		show_udp(ip + header);
	else
		printf("protocol %d, %zu bytes\n", ip[9], total - header);
}

/* Turn hexadecimal digits into bytes; how many bytes that are. */
static size_t bytes_of(const char *digits, unsigned char *bytes)
{
	size_t n = 0;

	while (n < MOST && sscanf(digits + 2 * n, "%2hhx", &bytes[n]) == 1)
		n++;
	return n;
}

int main(void)
{
	static unsigned char packet[MOST];
	static char line[2 * MOST + 2];

	while (fgets(line, sizeof line, stdin))
		if (bytes_of(line, packet) > 0)
			show_ip(packet);
	return 0;
}
