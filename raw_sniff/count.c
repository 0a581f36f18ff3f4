/* count.c - TCP counts the bytes of a connection, each way, from a number on
 * that nobody can guess; people count from 0. See packet.h.
 */
#include <string.h> /* memcmp */

#include "packet.h"

/* The most recent connections. start[i] is the number just before the first
 * byte that ends[i] sends. */
static struct connection {
	struct end ends[2];
	uint32_t start[2];
} connections[512];

static bool same(const struct end *a, const struct end *b)
{
	return memcmp(a, b, sizeof *a) == 0; /* there is no padding in it */
}

void count_from_zero(struct packet *packet)
{
	const size_t most = sizeof connections / sizeof *connections;
	static size_t oldest;
	struct connection *c = connections;
	int side = 0; /* the one that sent this packet */

	for (; c < connections + most; c++) {
		side = same(&packet->from, &c->ends[1]) &&
		       same(&packet->to, &c->ends[0]);
		if (side == 1 || (same(&packet->from, &c->ends[0]) &&
				  same(&packet->to, &c->ends[1])))
			break;
	}
	/* A SYN begins anew. It uses up a number of its own, which becomes 0,
	 * and the first byte 1. Of a connection that is older than we are,
	 * what we see first becomes 1. */
	if (c == connections + most) {
		c = &connections[oldest++ % most];
		*c = (struct connection){
			.ends = {packet->from, packet->to},
			.start = {packet->seq - 1, packet->ack - 1}};
	}
	if (packet->flags & SYN) {
		c->start[side] = packet->seq;
		c->start[!side] = packet->flags & ACK ? packet->ack - 1 : 0;
	}
	packet->seq -= c->start[side];
	packet->ack -= c->start[!side];
}
