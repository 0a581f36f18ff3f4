/* judge.c - which answers count. Anybody can send a packet that says it is our
 * reply; so each is compared with what we know ourselves.
 */
#define _GNU_SOURCE /* for common.h: program_invocation_short_name */

#include "raw_icmp.h"

/* Each request, by its sequence number. What a reply claims about its request
 * counts for nothing: what we know of it stands here. */
static struct request {
	enum { UNUSED, OUTSTANDING, SETTLED } state;
	int64_t sent;
} requests[65536];

/* A number that is used again, after 65536 requests, is a new request. */
void remember_request(unsigned sequence, int64_t when)
{
	requests[sequence].state = OUTSTANDING;
	requests[sequence].sent = when;
}

void settle_request(unsigned sequence)
{
	long on_their_way =
		((counts.transmitted - (long)sequence) & 0xffff) + 1;

	requests[sequence].state = SETTLED;
	if (on_their_way > counts.pipe)
		counts.pipe = on_their_way;
}

uint8_t pattern(size_t i)
{
	return (uint8_t)i;
}

static bool is_what_we_sent(const struct packet *reply)
{
	if (reply->data_length > options.size)
		return false;
	for (size_t i = 0; i < reply->data_length; i++)
		if (reply->data[i] != pattern(i))
			return false;
	return true;
}

/* Whether a reply with our id, TOOK after its request, may count as one. */
static enum verdict judge(const struct packet *reply, const struct incoming *in,
			  int64_t took)
{
	const struct request *request = &requests[reply->sequence];

	if (!reply->checksum_right)
		return BAD_CHECKSUM;
	if (!is_host(&in->from))
		return DIFFERENT_ADDRESS;
	if (request->state == UNUSED)
		return NEVER_SENT;
	if (!is_what_we_sent(reply))
		return WRONG_DATA;
	if (request->state == SETTLED)
		return DUPLICATE;
	if (took > options.wait)
		return LATE;
	return GOOD;
}

void got_reply(const struct packet *reply, const struct incoming *in)
{
	const struct request *request = &requests[reply->sequence];
	bool sent = request->state != UNUSED;
	int64_t took = in->when > request->sent ? in->when - request->sent : 0;
	double ms = (double)took / 1e6;
	enum verdict verdict = judge(reply, in, took);

	counts.verdicts[verdict]++;
	if (verdict == GOOD) {
		count_round_trip(ms);
		settle_request(reply->sequence);
	}
	if (!options.quiet)
		print_reply(reply, in, sent ? ms : -1, verdict);
}

void got_error(const struct packet *error, const union address *from)
{
	const struct request *request = &requests[error->quoted_sequence];
	enum verdict verdict = GOOD;

	if (!error->checksum_right)
		verdict = BAD_CHECKSUM;
	else if (request->state == UNUSED)
		verdict = NEVER_SENT;
	else if (request->state == SETTLED)
		verdict = DUPLICATE;

	counts.verdicts[verdict]++;
	if (verdict == GOOD && !is_advice(error)) {
		counts.errors++;
		settle_request(error->quoted_sequence);
	}
	if (!options.quiet)
		print_error(error, from, verdict);
}
