/* show.c - a packet field by field, for -v: see packet.h. Nothing that came
 * from the network goes to the terminal but numbers and visible ASCII.
 */
#include <arpa/inet.h>	/* inet_ntop */
#include <ctype.h>	/* isprint */
#include <netinet/in.h> /* IPPROTO_ICMP */

#include "packet.h"

static void hex(FILE *out, const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fprintf(out, "%s%02x", i ? " " : "", bytes[i]);
}

/* A line: N bytes, and what they mean (a printf format with its values). */
#define FIELD(out, bytes, n, ...)                                              \
	(fputs("    ", out), hex(out, bytes, n),                               \
	 fprintf(out, "%*s", (n) < 4 ? 14 - 3 * (n) : 2, ""),                  \
	 fprintf(out, __VA_ARGS__), fputc('\n', out))

static void dump(FILE *out, const char *title, const uint8_t *bytes, size_t n)
{
	if (n > 0)
		fprintf(out, "  %s, %zu byte%s:\n", title, n, n > 1 ? "s" : "");
	for (size_t i = 0; i < n; i += 16) {
		size_t here = n - i < 16 ? n - i : 16;

		fputs("    ", out);
		hex(out, bytes + i, here);
		fprintf(out, "%*s", (int)(3 * (16 - here)) + 2, "");
		for (size_t j = i; j < i + here; j++)
			fputc(isprint(bytes[j]) ? bytes[j] : '.', out);
		fputc('\n', out);
	}
}

/* An IPv4 header of LENGTH bytes, which are there. */
static void show_ipv4(FILE *out, const char *title, const uint8_t *ip,
		      size_t length)
{
	unsigned flags = ip[6] >> 5;

	fprintf(out, "  %s, %zu bytes:\n", title, length);
	FIELD(out, ip, 1, "version 4, header length %d * 4", ip[0] & 15);
	FIELD(out, ip + 1, 1, "type of service %d", ip[1]);
	FIELD(out, ip + 2, 2, "total length %u", get16(ip + 2));
	FIELD(out, ip + 4, 2, "identification %u", get16(ip + 4));
	FIELD(out, ip + 6, 2, "flags%s%s%s, fragment offset %u * 8",
	      flags & 2 ? " DF (don't fragment)" : "",
	      flags & 1 ? " MF (more fragments)" : "",
	      flags == 0 ? " none" : "", get16(ip + 6) & 0x1fff);
	FIELD(out, ip + 8, 1, "time to live %d", ip[8]);
	FIELD(out, ip + 9, 1, "protocol %d%s", ip[9],
	      ip[9] == IPPROTO_ICMP ? ", ICMP" : "");
	FIELD(out, ip + 10, 2, "header checksum, %s",
	      checksum(ip, length) == 0 ? "right" : "WRONG");
	FIELD(out, ip + 12, 4, "from %d.%d.%d.%d", ip[12], ip[13], ip[14],
	      ip[15]);
	FIELD(out, ip + 16, 4, "to %d.%d.%d.%d", ip[16], ip[17], ip[18],
	      ip[19]);
	dump(out, "IP options", ip + IPV4_LENGTH, length - IPV4_LENGTH);
}

/* The IPv6 header, and the fragment header if LENGTH says so. */
static void show_ipv6(FILE *out, const char *title, const uint8_t *ip,
		      size_t length)
{
	char from[INET6_ADDRSTRLEN] = "", to[INET6_ADDRSTRLEN] = "";

	inet_ntop(AF_INET6, ip + 8, from, sizeof from);
	inet_ntop(AF_INET6, ip + 24, to, sizeof to);
	fprintf(out, "  %s, %d bytes:\n", title, IPV6_LENGTH);
	FIELD(out, ip, 4, "version 6, traffic class %u, flow label %u",
	      get16(ip) >> 4 & 255, get32(ip) & 0xfffff);
	FIELD(out, ip + 4, 2, "payload length %u", get16(ip + 4));
	FIELD(out, ip + 6, 1, "next header %d", ip[6]);
	FIELD(out, ip + 7, 1, "hop limit %d", ip[7]);
	FIELD(out, ip + 8, 8, "from");
	FIELD(out, ip + 16, 8, "%s", from);
	FIELD(out, ip + 24, 8, "to");
	FIELD(out, ip + 32, 8, "%s", to);
	dump(out, "fragment header", ip + IPV6_LENGTH, length - IPV6_LENGTH);
}

static const char *name_v4(unsigned type)
{
	switch (type) {
	case V4_ECHO_REQUEST:
		return ", echo request";
	case V4_ECHO_REPLY:
		return ", echo reply";
	case V4_UNREACHABLE:
		return ", destination unreachable";
	case V4_REDIRECT:
		return ", redirect";
	case V4_EXCEEDED:
		return ", time exceeded";
	case V4_PROBLEM:
		return ", parameter problem";
	default:
		return "";
	}
}

static const char *name_v6(unsigned type)
{
	switch (type) {
	case V6_ECHO_REQUEST:
		return ", echo request";
	case V6_ECHO_REPLY:
		return ", echo reply";
	case V6_UNREACHABLE:
		return ", destination unreachable";
	case V6_TOO_BIG:
		return ", packet too big";
	case V6_EXCEEDED:
		return ", time exceeded";
	case V6_PROBLEM:
		return ", parameter problem";
	case 133:
		return ", router solicitation";
	case 134:
		return ", router advertisement";
	case 135:
		return ", neighbour solicitation";
	case 136:
		return ", neighbour advertisement";
	default:
		return "";
	}
}

/* The 8 bytes of an ICMP header; SUM is the verdict on its checksum. */
static void show_icmp(FILE *out, const char *title, const uint8_t *icmp,
		      bool v6, enum kind kind, const char *sum)
{
	fprintf(out, "  %s, %d bytes:\n", title, ICMP_LENGTH);
	FIELD(out, icmp, 1, "type %d%s", icmp[0],
	      v6 ? name_v6(icmp[0]) : name_v4(icmp[0]));
	FIELD(out, icmp + 1, 1, "code %d", icmp[1]);
	FIELD(out, icmp + 2, 2, "checksum%s", sum);
	if (kind == ECHO_REQUEST || kind == ECHO_REPLY) {
		FIELD(out, icmp + 4, 2, "id %u", get16(icmp + 4));
		FIELD(out, icmp + 6, 2, "sequence number %u", get16(icmp + 6));
	} else {
		FIELD(out, icmp + 4, 4, "rest of the header");
	}
}

/* What an error quotes, as far as the parser recognised it. */
static void show_quoted(FILE *out, const struct packet *error)
{
	const uint8_t *data = error->data;
	size_t n = error->data_length;

	if (error->quotes_request) {
		size_t length = error->quoted_ip_length;

		if (error->v6)
			show_ipv6(out, "quoted: IPv6 header", data, length);
		else
			show_ipv4(out, "quoted: IP header", data, length);
		show_icmp(out, "quoted: ICMP header", data + length, error->v6,
			  ECHO_REQUEST,
			  " (of all the data, which need not be quoted)");
		data += length + ICMP_LENGTH;
		n -= length + ICMP_LENGTH;
	}
	dump(out, "quoted: data", data, n);
}

void show_packet(FILE *out, const struct packet *packet, const uint8_t *bytes,
		 size_t n)
{
	const char *sum = packet->checksum_right ? ", right" : ", WRONG";

	if (packet->ip)
		show_ipv4(out, "IP header", packet->ip, packet->ip_length);
	if (!packet->icmp) {
		dump(out, "the rest", bytes + packet->ip_length,
		     n - packet->ip_length);
		return;
	}
	show_icmp(out, "ICMP header", packet->icmp, packet->v6, packet->kind,
		  packet->v6 ? ", found right by the kernel" : sum);
	if (packet->kind == ICMP_ERROR)
		show_quoted(out, packet);
	else
		dump(out, "data", packet->data, packet->data_length);
}
