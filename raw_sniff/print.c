/* print.c - what packet.c found out, in words: see packet.h. Nothing that came
 * from the network goes to the terminal but numbers and visible ASCII.
 */
#include <arpa/inet.h>	/* inet_ntop */
#include <ctype.h>	/* isprint */
#include <netinet/in.h> /* IPPROTO_TCP */

#include "packet.h"

enum { NOTHING = 256 }; /* which no protocol has as its number */

static void print_end(FILE *out, unsigned version, const struct end *end)
{
	char text[INET6_ADDRSTRLEN] = "?";

	inet_ntop(version == 4 ? AF_INET : AF_INET6, end->address, text,
		  sizeof text);
	if (end->port == 0)
		fputs(text, out);
	else
		fprintf(out, version == 4 ? "%s:%u" : "[%s]:%u", text,
			end->port);
}

static void print_tcp(FILE *out, const struct packet *packet)
{
	static const char *const names[] = {"SYN", "FIN", "RST",
					    "PSH", "ACK", "URG"};
	static const unsigned bits[] = {SYN, FIN, RST, PSH, ACK, URG};
	const char *plus = " ";

	fputs("TCP", out);
	for (size_t i = 0; i < sizeof bits / sizeof *bits; i++)
		if (packet->flags & bits[i]) {
			fprintf(out, "%s%s", plus, names[i]);
			plus = "+";
		}
	fprintf(out, "%s seq %u", packet->flags ? "" : " without a flag",
		packet->seq);
	if (packet->flags & ACK)
		fprintf(out, " ack %u", packet->ack);
}

static void print_icmp(FILE *out, const struct packet *packet)
{
	unsigned v6 = packet->version == 6 ? 1000 : 0, type = packet->type + v6;

	fputs(v6 ? "ICMPv6" : "ICMP", out);
	if (type == 8 || type == 1128 || type == 0 || type == 1129)
		fprintf(out, " echo %s id %u seq %u",
			type == 8 || type == 1128 ? "request" : "reply",
			packet->id, packet->number);
	else if (type == 3 || type == 1001)
		fprintf(out, " unreachable, code %u", packet->code);
	else if (type == 11 || type == 1003)
		fprintf(out, " time exceeded, code %u", packet->code);
	else if (type == 1135 || type == 1136)
		fprintf(out, " neighbour %s",
			type == 1135 ? "solicitation" : "advertisement");
	else
		fprintf(out, " type %u code %u", packet->type, packet->code);
}

void print_packet(FILE *out, const struct packet *packet, size_t n)
{
	/* A later piece has no header by which to know more. */
	unsigned known = packet->piece_start > 0 ? NOTHING : packet->protocol;

	if (packet->version) {
		print_end(out, packet->version, &packet->from);
		fputs(" > ", out);
		print_end(out, packet->version, &packet->to);
		fputc(' ', out);
	}
	if (packet->flaw) {
		fprintf(out, "MALFORMED, %s (%zu bytes)", packet->flaw, n);
		return;
	}
	if (known == IPPROTO_TCP)
		print_tcp(out, packet);
	else if (known == IPPROTO_UDP)
		fputs("UDP", out);
	else if (known ==
		 (packet->version == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6))
		print_icmp(out, packet);
	else
		fprintf(out, "protocol %u", packet->protocol);
	fprintf(out, " len %zu", packet->length);
	if (packet->fragment)
		fprintf(out, ", a fragment from byte %u on",
			packet->piece_start);
}

void print_hex(FILE *out, const uint8_t *bytes, size_t n)
{
	for (size_t start = 0; start < n; start += 16) {
		size_t here = n - start < 16 ? n - start : 16;

		fprintf(out, "   %5zu ", start);
		for (size_t i = 0; i < 16; i++)
			if (i < here)
				fprintf(out, " %02x", bytes[start + i]);
			else
				fputs("   ", out);
		fputs("  ", out);
		for (size_t i = 0; i < here; i++)
			fputc(isprint(bytes[start + i]) ? bytes[start + i]
							: '.',
			      out);
		fputc('\n', out);
	}
}
