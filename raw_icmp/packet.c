/* packet.c - see packet.h. Every length is compared with the bytes that are
 * there before anything is read at that place; numbers are put together byte by
 * byte, so that neither byte order nor alignment matters.
 */
#include <arpa/inet.h>	/* inet_ntop */
#include <ctype.h>	/* isprint */
#include <netinet/in.h> /* IPPROTO_ICMP, IPPROTO_ICMPV6 */
#include <string.h>	/* memcpy */

#include "packet.h"

enum {
	IPV4_LENGTH = 20,
	IPV6_LENGTH = 40,
	FRAGMENT_LENGTH = 8, /* the header that a piece of an IPv6 packet has */
	ICMP_LENGTH = 8
};

static unsigned get16(const uint8_t *bytes)
{
	return (unsigned)bytes[0] << 8 | bytes[1];
}

static uint32_t get32(const uint8_t *bytes)
{
	return (uint32_t)get16(bytes) << 16 | get16(bytes + 2);
}

/* RFC 1071: the sum of all 16-bit words, what overflows added in again, and all
 * bits turned over. A last odd byte is the high half of a word. */
uint16_t checksum(const uint8_t *bytes, size_t n)
{
	uint64_t sum = 0;

	for (size_t i = 0; i + 1 < n; i += 2)
		sum += get16(bytes + i);
	if (n % 2 == 1)
		sum += (unsigned)bytes[n - 1] << 8;
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* ---- What the bytes say ---- */

/* The length of the IPv4 header at the beginning of N bytes, at most N; 0 if
 * there is none, and then *flaw. */
static size_t ipv4_header(const uint8_t *bytes, size_t n, const char **flaw)
{
	size_t length = n > 0 ? (bytes[0] & 0x0fU) * 4 : 0;

	if (n < IPV4_LENGTH)
		*flaw = "cut off within the IP header";
	else if (bytes[0] >> 4 != 4)
		*flaw = "not of IP version 4";
	else if (length < IPV4_LENGTH)
		*flaw = "its IP header claims to be shorter than 20 bytes";
	else if (length > n)
		*flaw = "its IP header claims more bytes than there are";
	else
		return length;
	return 0;
}

/* Where in the quoted IPv6 packet of N bytes the ICMPv6 header begins; 0 if
 * there is none. Of further headers, our requests can have but one. */
static size_t ipv6_headers(const uint8_t *bytes, size_t n)
{
	size_t length = IPV6_LENGTH;
	unsigned next;

	if (n < IPV6_LENGTH || bytes[0] >> 4 != 6)
		return 0;
	next = bytes[6];
	if (next == IPPROTO_FRAGMENT && n >= length + FRAGMENT_LENGTH &&
	    (get16(bytes + length + 2) & 0xfff8) == 0) { /* the first piece */
		next = bytes[length];
		length += FRAGMENT_LENGTH;
	}
	return next == IPPROTO_ICMPV6 ? length : 0;
}

/* The beginning of the packet that an error is about; it may have been cut, and
 * anybody may have invented it. */
static void parse_quoted(struct packet *packet, const uint8_t *bytes, size_t n)
{
	const char *flaw;
	size_t skip;
	bool icmp;

	if (packet->v6) {
		skip = ipv6_headers(bytes, n);
		icmp = skip > 0;
	} else {
		skip = ipv4_header(bytes, n, &flaw);
		icmp = skip > 0 && bytes[9] == IPPROTO_ICMP &&
		       (get16(bytes + 6) & 0x1fff) == 0; /* the first piece */
	}
	if (!icmp || n - skip < ICMP_LENGTH ||
	    bytes[skip] != (packet->v6 ? 128 : 8) || bytes[skip + 1] != 0)
		return;

	packet->quotes_request = true;
	if (packet->v6)
		memcpy(packet->quoted_host, bytes + 24, 16);
	else
		memcpy(packet->quoted_host, bytes + 16, 4);
	packet->quoted_id = get16(bytes + skip + 4);
	packet->quoted_sequence = get16(bytes + skip + 6);
}

static enum kind kind_of(bool v6, unsigned type)
{
	switch (type) {
	case 0:
		return v6 ? OTHER : ECHO_REPLY;
	case 8:
		return v6 ? OTHER : ECHO_REQUEST;
	case 128:
		return v6 ? ECHO_REQUEST : OTHER;
	case 129:
		return v6 ? ECHO_REPLY : OTHER;
	case 1: /* ICMPv6: unreachable, too big */
	case 2:
		return v6 ? ICMP_ERROR : OTHER;
	case 3: /* unreachable; ICMPv6: time exceeded */
	case 4: /* source quench (given up by RFC 6633); parameter problem */
		return ICMP_ERROR;
	case 5: /* redirect, time exceeded, parameter problem */
	case 11:
	case 12:
		return v6 ? OTHER : ICMP_ERROR;
	default:
		return OTHER;
	}
}

/* The one number that an error brings along. */
static uint32_t info_of(const struct packet *packet)
{
	uint32_t rest = get32(packet->icmp + 4);

	if (!packet->v6 && packet->type == 3) /* the MTU; 0 before RFC 1191 */
		return rest & 0xffff;
	if (!packet->v6 && packet->type == 12) /* which byte is wrong */
		return rest >> 24;
	return rest;
}

static bool parse_icmp(struct packet *packet, const uint8_t *bytes, size_t n)
{
	if (n < ICMP_LENGTH) {
		packet->flaw = "cut off within the ICMP header";
		return false;
	}
	packet->icmp = bytes;
	packet->icmp_length = n;
	packet->type = bytes[0];
	packet->code = bytes[1];
	packet->checksum_right = packet->v6 || checksum(bytes, n) == 0;
	packet->data = bytes + ICMP_LENGTH;
	packet->data_length = n - ICMP_LENGTH;
	packet->kind = kind_of(packet->v6, packet->type);

	if (packet->kind == ICMP_ERROR) {
		packet->info = info_of(packet);
		parse_quoted(packet, packet->data, packet->data_length);
	} else if (packet->kind != OTHER) {
		packet->id = get16(bytes + 4);
		packet->sequence = get16(bytes + 6);
	}
	return true;
}

bool parse_packet(struct packet *packet, const uint8_t *bytes, size_t n,
		  enum first_header first)
{
	*packet = (struct packet){.v6 = first == FIRST_ICMPV6, .kind = OTHER};

	if (first == FIRST_IPV4) {
		size_t skip = ipv4_header(bytes, n, &packet->flaw), total;

		if (skip == 0)
			return false;
		packet->ip = bytes;
		packet->ip_length = skip;
		total = get16(bytes + 2);
		if (total < skip || total > n)
			packet->flaw = "its total length is not what arrived";
		else if (bytes[9] != IPPROTO_ICMP)
			packet->flaw = "not ICMP";
		else if ((get16(bytes + 6) & 0x3fff) != 0)
			packet->flaw = "a fragment of a packet";
		if (packet->flaw)
			return false;
		bytes += skip;
		n = total - skip;
	}
	return parse_icmp(packet, bytes, n);
}

/* ---- The same in words ---- */

static const char *unreachable(bool v6, unsigned code)
{
	static const char *const v4_codes[] = {
		"Destination Net Unreachable",
		"Destination Host Unreachable",
		"Destination Protocol Unreachable",
		"Destination Port Unreachable",
		"Frag needed and DF set",
		"Source Route Failed",
		"Destination Net Unknown",
		"Destination Host Unknown",
		"Source Host Isolated",
		"Destination Net Prohibited",
		"Destination Host Prohibited",
		"Destination Net Unreachable for Type of Service",
		"Destination Host Unreachable for Type of Service",
		"Packet filtered",
		"Precedence Violation",
		"Precedence Cutoff"};
	static const char *const v6_codes[] = {
		"No route",
		"Administratively prohibited",
		"Beyond scope of source address",
		"Address unreachable",
		"Port unreachable",
		"Source address failed ingress/egress policy",
		"Reject route to destination"};

	if (v6)
		return code < sizeof v6_codes / sizeof *v6_codes
			       ? v6_codes[code]
			       : NULL;
	return code < sizeof v4_codes / sizeof *v4_codes ? v4_codes[code]
							 : NULL;
}

static void error_text_v6(char *text, size_t size, unsigned type, unsigned code,
			  uint32_t info)
{
	static const char *const problems[] = {
		"Wrong header field ", "Unknown header ", "Unknown option "};
	const char *what = unreachable(true, code);

	if (type == 1 && what)
		snprintf(text, size, "Destination unreachable: %s", what);
	else if (type == 1)
		snprintf(text, size, "Destination unreachable: Unknown code %u",
			 code);
	else if (type == 2)
		snprintf(text, size, "Packet too big: mtu=%u", info);
	else if (type == 3 && code < 2)
		snprintf(text, size, "Time exceeded: %s",
			 code == 0 ? "Hop limit" : "Defragmentation failure");
	else if (type == 3)
		snprintf(text, size, "Time exceeded: code %u", code);
	else if (type == 4 && code < 3)
		snprintf(text, size, "Parameter problem: %sat %u",
			 problems[code], info);
	else if (type == 4)
		snprintf(text, size, "Parameter problem: code %u at %u", code,
			 info);
	else
		snprintf(text, size, "unknown icmp type: %u", type);
}

static void error_text_v4(char *text, size_t size, unsigned type, unsigned code,
			  uint32_t info)
{
	static const char *const redirects[] = {
		"Redirect Network", "Redirect Host",
		"Redirect Type of Service and Network",
		"Redirect Type of Service and Host"};
	const char *what = unreachable(false, code);

	if (type == 3 && code == 4)
		snprintf(text, size, "%s (mtu = %u)", what, info);
	else if (type == 3 && what)
		snprintf(text, size, "%s", what);
	else if (type == 3)
		snprintf(text, size, "Dest Unreachable, Bad Code: %u", code);
	else if (type == 4)
		snprintf(text, size, "Source Quench");
	else if (type == 5)
		snprintf(text, size, "%s(New nexthop: %u.%u.%u.%u)",
			 code < 4 ? redirects[code] : "Redirect, unknown code",
			 info >> 24, info >> 16 & 255, info >> 8 & 255,
			 info & 255);
	else if (type == 11 && code < 2)
		snprintf(text, size, "%s",
			 code == 0 ? "Time to live exceeded"
				   : "Frag reassembly time exceeded");
	else if (type == 11)
		snprintf(text, size, "Time exceeded, Bad Code: %u", code);
	else if (type == 12)
		snprintf(text, size, "Parameter problem: pointer = %u", info);
	else
		snprintf(text, size, "Bad ICMP type: %u", type);
}

void error_text(char *text, size_t size, bool v6, unsigned type, unsigned code,
		uint32_t info)
{
	if (v6)
		error_text_v6(text, size, type, code, info);
	else
		error_text_v4(text, size, type, code, info);
}

bool is_advice(bool v6, unsigned type)
{
	return !v6 && (type == 4 || type == 5);
}

const char *error_hint(bool v6, unsigned type, unsigned code)
{
	bool is_unreachable = type == (v6 ? 1 : 3);

	if (is_advice(v6, type))
		return NULL;
	if (type == (v6 ? 3 : 11) && code == 0)
		return "each router takes 1 off the TTL; here it came to 0: "
		       "try a larger -t";
	if ((v6 && type == 2) || (!v6 && type == 3 && code == 4))
		return "too big for the way beyond (mtu: the most, headers "
		       "included)";
	if (is_unreachable && (code == 0 || (!v6 && code == 6)))
		return "that router knows no way to the host's network";
	if (is_unreachable && code == (v6 ? 3 : 1))
		return "nobody there answers to this address (or a rule says "
		       "so)";
	if (is_unreachable &&
	    ((v6 && code == 1) ||
	     (!v6 && (code == 9 || code == 10 || code == 13))))
		return "a firewall on the way forbids it";
	return "a computer on the way could not pass our request on";
}

/* ---- Field by field ---- */

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

static const char *type_name(bool v6, unsigned type)
{
	switch (type + (v6 ? 1000 : 0)) {
	case 0:
	case 1129:
		return ", echo reply";
	case 3:
	case 1001:
		return ", destination unreachable";
	case 5:
	case 1137:
		return ", redirect";
	case 8:
	case 1128:
		return ", echo request";
	case 11:
	case 1003:
		return ", time exceeded";
	case 12:
	case 1004:
		return ", parameter problem";
	case 1002:
		return ", packet too big";
	case 1133:
		return ", router solicitation";
	case 1134:
		return ", router advertisement";
	case 1135:
		return ", neighbour solicitation";
	case 1136:
		return ", neighbour advertisement";
	default:
		return "";
	}
}

/* The 8 bytes of an ICMP header; SUM is the verdict on its checksum. */
static void show_icmp(FILE *out, const char *title, const uint8_t *icmp,
		      bool v6, const char *sum)
{
	enum kind kind = kind_of(v6, icmp[0]);

	fprintf(out, "  %s, 8 bytes:\n", title);
	FIELD(out, icmp, 1, "type %d%s", icmp[0], type_name(v6, icmp[0]));
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
static void show_data(FILE *out, const struct packet *packet)
{
	const uint8_t *data = packet->data;
	size_t n = packet->data_length;
	const char *flaw;

	if (packet->quotes_request) {
		size_t skip = packet->v6 ? ipv6_headers(data, n)
					 : ipv4_header(data, n, &flaw);

		if (packet->v6)
			show_ipv6(out, "quoted: IPv6 header", data, skip);
		else
			show_ipv4(out, "quoted: IP header", data, skip);
		show_icmp(out, "quoted: ICMP header", data + skip, packet->v6,
			  " (of all the data, which need not be quoted)");
		data += skip + ICMP_LENGTH;
		n -= skip + ICMP_LENGTH;
	}
	dump(out, packet->kind == ICMP_ERROR ? "quoted: data" : "data", data,
	     n);
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
	show_icmp(out, "ICMP header", packet->icmp, packet->v6,
		  packet->v6 ? ", found right by the kernel" : sum);
	show_data(out, packet);
}
