/* words.c - an ICMP error in words: those of iputils ping, and a hint for
 * someone who sees it for the first time. See packet.h.
 */
#include "packet.h"

static const char *const v4_unreachable[] = {
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

static const char *const v4_redirect[] = {
	"Redirect Network", "Redirect Host",
	"Redirect Type of Service and Network",
	"Redirect Type of Service and Host"};

static const char *const v4_exceeded[] = {"Time to live exceeded",
					  "Frag reassembly time exceeded"};

static const char *const v6_unreachable[] = {
	"No route",
	"Administratively prohibited",
	"Beyond scope of source address",
	"Address unreachable",
	"Port unreachable",
	"Source address failed ingress/egress policy",
	"Reject route to destination"};

static const char *const v6_exceeded[] = {"Hop limit",
					  "Defragmentation failure"};

static const char *const v6_problem[] = {"Wrong header field", "Unknown header",
					 "Unknown option"};

/* What TABLE, an array, has for CODE; NULL if it is too short. */
#define LOOK_UP(table, code)                                                   \
	((code) < sizeof(table) / sizeof *(table) ? (table)[code] : NULL)

static void text_v4(char *text, size_t size, const struct packet *error)
{
	unsigned code = error->code, info = error->info;
	const char *what;

	switch (error->type) {
	case V4_UNREACHABLE:
		what = LOOK_UP(v4_unreachable, code);
		if (!what)
			snprintf(text, size, "Dest Unreachable, Bad Code: %u",
				 code);
		else if (code == 4)
			snprintf(text, size, "%s (mtu = %u)", what, info);
		else
			snprintf(text, size, "%s", what);
		break;
	case V4_QUENCH:
		snprintf(text, size, "Source Quench");
		break;
	case V4_REDIRECT:
		what = LOOK_UP(v4_redirect, code);
		snprintf(text, size, "%s(New nexthop: %u.%u.%u.%u)",
			 what ? what : "Redirect, unknown code", info >> 24,
			 info >> 16 & 255, info >> 8 & 255, info & 255);
		break;
	case V4_EXCEEDED:
		what = LOOK_UP(v4_exceeded, code);
		if (what)
			snprintf(text, size, "%s", what);
		else
			snprintf(text, size, "Time exceeded, Bad Code: %u",
				 code);
		break;
	case V4_PROBLEM:
		snprintf(text, size, "Parameter problem: pointer = %u", info);
		break;
	default:
		snprintf(text, size, "Bad ICMP type: %u", error->type);
	}
}

static void text_v6(char *text, size_t size, const struct packet *error)
{
	unsigned code = error->code, info = error->info;
	const char *what;

	switch (error->type) {
	case V6_UNREACHABLE:
		what = LOOK_UP(v6_unreachable, code);
		if (what)
			snprintf(text, size, "Destination unreachable: %s",
				 what);
		else
			snprintf(text, size,
				 "Destination unreachable: Unknown code %u",
				 code);
		break;
	case V6_TOO_BIG:
		snprintf(text, size, "Packet too big: mtu=%u", info);
		break;
	case V6_EXCEEDED:
		what = LOOK_UP(v6_exceeded, code);
		if (what)
			snprintf(text, size, "Time exceeded: %s", what);
		else
			snprintf(text, size, "Time exceeded: code %u", code);
		break;
	case V6_PROBLEM:
		what = LOOK_UP(v6_problem, code);
		if (what)
			snprintf(text, size, "Parameter problem: %s at %u",
				 what, info);
		else
			snprintf(text, size, "Parameter problem: code %u at %u",
				 code, info);
		break;
	default:
		snprintf(text, size, "unknown icmp type: %u", error->type);
	}
}

void error_text(char *text, size_t size, const struct packet *error)
{
	if (error->v6)
		text_v6(text, size, error);
	else
		text_v4(text, size, error);
}

bool is_advice(const struct packet *error)
{
	return !error->v6 &&
	       (error->type == V4_QUENCH || error->type == V4_REDIRECT);
}

static const char no_route[] = "that router knows no way to the host's network";
static const char nobody[] =
	"nobody there answers to this address (or a rule says so)";
static const char forbidden[] = "a firewall on the way forbids it";
static const char too_big[] =
	"too big for the way beyond (mtu: the most, headers included)";
static const char ttl[] =
	"each router takes 1 off the TTL; here it came to 0: try a larger -t";
static const char other[] =
	"a computer on the way could not pass our request on";

static const char *hint_v4(unsigned type, unsigned code)
{
	if (type == V4_EXCEEDED && code == 0)
		return ttl;
	if (type != V4_UNREACHABLE)
		return other;
	switch (code) {
	case 0:
	case 6:
		return no_route;
	case 1:
		return nobody;
	case 4:
		return too_big;
	case 9:
	case 10:
	case 13:
		return forbidden;
	default:
		return other;
	}
}

static const char *hint_v6(unsigned type, unsigned code)
{
	if (type == V6_EXCEEDED && code == 0)
		return ttl;
	if (type == V6_TOO_BIG)
		return too_big;
	if (type != V6_UNREACHABLE)
		return other;
	switch (code) {
	case 0:
		return no_route;
	case 1:
		return forbidden;
	case 3:
		return nobody;
	default:
		return other;
	}
}

const char *error_hint(const struct packet *error)
{
	if (is_advice(error))
		return NULL;
	return error->v6 ? hint_v6(error->type, error->code)
			 : hint_v4(error->type, error->code);
}
