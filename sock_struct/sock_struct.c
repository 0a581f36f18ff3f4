/* sock_struct - may I send a struct?
 *
 *   struct order  [41|ee ee ee|04 03 02 01|06 05|ee ee]   as it lies in memory
 *                 kind  gap     amount      item   gap    of most computers
 *   wire          [41|01 02 03 04|05 06]                  as both agreed on it
 *
 * Watch:  the gaps travel too, and the number depends on who reads it
 * Next:   tcp_sendall, whether send took it all
 */
#include "../common.h"

struct order {
	char kind;
	uint32_t amount;
	uint16_t item;
};

enum { WIRE = 1 + 4 + 2 }; /* bytes of data; no machine needs more */

static unsigned char heard[100];

static void print_hex(const char *what, const unsigned char *bytes, size_t n)
{
	printf("   %-7s", what);
	for (size_t i = 0; i < n; i++)
		printf(" %02x", bytes[i]);
	putchar('\n');
}

/* Return the number that these bytes are where the high byte comes first. That
 * is called network byte order. */
static uint32_t high_first(const unsigned char *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
	       (uint32_t)bytes[2] << 8 | bytes[3];
}

/* And where the low byte comes first, as in most computers. */
static uint32_t low_first(const unsigned char *bytes)
{
	return (uint32_t)bytes[3] << 24 | (uint32_t)bytes[2] << 16 |
	       (uint32_t)bytes[1] << 8 | bytes[0];
}

/* The cure: each field byte by byte, high byte first, and no gaps. Shifts work
 * with the value, so it does not matter how this machine keeps it. */
static void pack(unsigned char wire[WIRE], const struct order *order)
{
	wire[0] = (unsigned char)order->kind;
	for (int i = 0; i < 4; i++)
		wire[1 + i] = (unsigned char)(order->amount >> (24 - 8 * i));
	wire[5] = (unsigned char)(order->item >> 8);
	wire[6] = (unsigned char)order->item;
}

static void unpack(struct order *order, const unsigned char wire[WIRE])
{
	order->kind = (char)wire[0];
	order->amount = high_first(wire + 1);
	order->item = (uint16_t)(wire[5] << 8 | wire[6]);
}

int main(int argc, char *argv[])
{
	int client_fd, conn_fd, n, gaps = 0;
	unsigned char wire[WIRE], *bytes;
	struct order order, copy;
	uint32_t high, low;

	begin_story(argc, argv,
		    "usage: sock_struct\n"
		    "Send a struct as it is, and then as it should be.\n"
		    "example: sock_struct\n");
	connected_pair(&client_fd, &conn_fd);

	scene("A struct is sent as it lies in memory.");
	memset(&order, 0xee, sizeof order); /* what lay there before */
	order.kind = 'A';
	order.amount = 0x01020304;
	order.item = 0x0506;
	n = CALL("client", send(client_fd, &order, sizeof order, 0));
	expect("more than the 7 bytes of data", n > WIRE);
	/* MSG_WAITALL: recv has the loop inside that tcp_framing calls take. */
	n = CALL("server", recv(conn_fd, heard, sizeof order, MSG_WAITALL));
	print_hex("struct", heard, sizeof order);
	for (size_t i = 0; i < sizeof order; i++)
		gaps += heard[i] == 0xee;
	expect("the others are padding: whatever lay there before",
	       n == sizeof order && gaps == n - WIRE);

	scene("The number in it depends on who reads it.");
	memcpy(&copy, heard, sizeof copy);
	bytes = (unsigned char *)&copy.amount;
	high = high_first(bytes);
	low = low_first(bytes);
	print_hex("amount", bytes, 4);
	note("where the high byte comes first: %8u, or 0x%08x", high, high);
	note("where the low byte comes first:  %8u, or 0x%08x", low, low);
	expect("the same 4 bytes; only a computer like ours reads what we sent",
	       copy.amount == 0x01020304 &&
		       ((high == 0x01020304 && low == 0x04030201) ||
			(high == 0x04030201 && low == 0x01020304)));

	scene("The cure: byte by byte, in an order that both have agreed on.");
	pack(wire, &order);
	n = CALL("client", send(client_fd, wire, sizeof wire, 0));
	expect("no gaps", n == WIRE);
	n = CALL("server", recv(conn_fd, heard, sizeof wire, MSG_WAITALL));
	print_hex("wire", heard, sizeof wire);
	expect("these 7 bytes are the same from every machine and compiler",
	       n == WIRE && memcmp(heard, "A\1\2\3\4\5\6", WIRE) == 0);
	memset(&copy, 0, sizeof copy);
	unpack(&copy, heard);
	note("kind %c, amount 0x%08x, item 0x%04x", copy.kind, copy.amount,
	     copy.item);
	expect("and every machine reads the same from them",
	       copy.kind == 'A' && copy.amount == 0x01020304 &&
		       copy.item == 0x0506);
}
