/* believes_the_header - a solution: compare each length with what there is. */
#include <stddef.h> /* size_t */
#include <stdio.h>  /* fgets, sscanf, printf */

enum { MOST = 2000, UDP = 17 };

/* Numbers in a packet have their high byte first. */
static size_t get16(const unsigned char *bytes)
{
	return bytes[0] * 256u + bytes[1];
}

/* N bytes, which may be a UDP datagram of get16(udp + 4) bytes. */
static void show_udp(const unsigned char *udp, size_t n)
{
	if (n < 8 || get16(udp + 4) < 8 || get16(udp + 4) > n) {
		puts("malformed");
		return;
	}
	size_t length = get16(udp + 4);

	printf("UDP %zu > %zu:", get16(udp), get16(udp + 2));
	for (size_t i = 8; i < length; i++)
		printf(" %02x", udp[i]);
	putchar('\n');
}

/* N bytes, which may be an IPv4 packet. The first byte has the length of its
 * header, in words of 4 bytes; the third and the fourth have that of all. */
static void show_ip(const unsigned char *ip, size_t n)
{
	if (n < 20) {
		puts("malformed");
		return;
	}
	size_t header = (size_t)(ip[0] & 15) * 4, total = get16(ip + 2);

	if (header < 20 || total < header || total > n)
		puts("malformed");
	else if (ip[9] == UDP)
		show_udp(ip + header, total - header);
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
	size_t n;

	while (fgets(line, sizeof line, stdin))
		if ((n = bytes_of(line, packet)) > 0)
			show_ip(packet, n);
	return 0;
}
