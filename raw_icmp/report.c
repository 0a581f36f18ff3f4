/* report.c - counting, and the lines that ping prints: those of iputils, so
 * that what is learnt here can be read there.
 */
#define _GNU_SOURCE /* for common.h: program_invocation_short_name */

#include "raw_icmp.h"

struct counts counts;

static const char *const marks[VERDICTS] = {[GOOD] = "",
					    [BAD_CHECKSUM] = " (BAD CHECKSUM!)",
					    [DIFFERENT_ADDRESS] =
						    " (DIFFERENT ADDRESS!)",
					    [NEVER_SENT] = " (NEVER SENT!)",
					    [WRONG_DATA] = " (WRONG DATA!)",
					    [DUPLICATE] = " (DUP!)",
					    [LATE] = " (LATE!)"};

void count_round_trip(double ms)
{
	if (counts.received == 0 || ms < counts.min)
		counts.min = ms;
	if (ms > counts.max)
		counts.max = ms;
	counts.sum += ms;
	counts.sum_of_squares += ms * ms;
	counts.received++;
}

void print_head(void)
{
	struct text address = ip_text(&host.address);

	if (host.v6)
		printf("PING %s (%s) %zu data bytes\n", host.name, address.s,
		       options.size);
	else /* in brackets: with the headers of ICMP and IP */
		printf("PING %s (%s) %zu(%zu) bytes of data.\n", host.name,
		       address.s, options.size,
		       options.size + ICMP_LENGTH + IPV4_LENGTH);
}

/* As many digits as say something. */
static int decimals(double ms)
{
	if (ms < 1)
		return 3;
	if (ms < 9.995)
		return 2;
	return ms < 99.95 ? 1 : 0;
}

void print_reply(const struct packet *reply, const struct incoming *in,
		 double ms, enum verdict verdict)
{
	printf("%zu bytes from %s: icmp_seq=%u ttl=%d", reply->icmp_length,
	       sender_text(&in->from).s, reply->sequence, in->ttl);
	if (reply->data_length < options.size)
		fputs(" (truncated)", stdout);
	else if (ms >= 0)
		printf(" time=%.*f ms", decimals(ms), ms);
	puts(marks[verdict]);
}

void print_error(const struct packet *error, const union address *from,
		 enum verdict verdict)
{
	static const char *last_hint;
	const char *hint = error_hint(error);
	char text[100];

	error_text(text, sizeof text, error);
	printf("From %s icmp_seq=%u %s%s\n", sender_text(from).s,
	       error->quoted_sequence, text, marks[verdict]);
	if (hint && hint != last_hint && verdict == GOOD) {
		fprintf(stderr, "hint: %s\n", hint);
		last_hint = hint;
	}
}

/* The square root, by Newton's method: sqrt(3) would take -lm to link. */
static double square_root(double x)
{
	double root = x > 1 ? x : 1;

	if (x <= 0)
		return 0;
	for (int i = 0; i < 200; i++)
		root = (root + x / root) / 2;
	return root;
}

static void print_count(long count, const char *of_what)
{
	if (count > 0)
		printf(", +%ld %s", count, of_what);
}

void print_statistics(void)
{
	const long *v = counts.verdicts;
	double lost = (double)(counts.transmitted - counts.received);

	printf("\n--- %s ping statistics ---\n", host.name);
	printf("%ld packets transmitted, %ld received", counts.transmitted,
	       counts.received);
	print_count(v[DUPLICATE], "duplicates");
	print_count(v[BAD_CHECKSUM] + v[WRONG_DATA], "corrupted");
	print_count(counts.errors, "errors");
	print_count(v[DIFFERENT_ADDRESS] + v[NEVER_SENT], "strangers");
	print_count(v[LATE], "late");
	printf(", %g%% packet loss, time %lldms\n",
	       lost * 100 / (double)counts.transmitted,
	       (long long)((counts.last_sent - counts.started) / 1000000));

	if (counts.received) {
		double n = (double)counts.received, average = counts.sum / n;
		double variance = counts.sum_of_squares / n - average * average;

		printf("rtt min/avg/max/mdev = %.3f/%.3f/%.3f/%.3f ms",
		       counts.min, average, counts.max, square_root(variance));
	}
	if (counts.pipe > 1)
		printf("%spipe %ld", counts.received ? ", " : "", counts.pipe);
	putchar('\n');
}
