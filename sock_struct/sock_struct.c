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

static void print_hex(const char *what, const unsigned char *bytes, int n)
{
	printf("   %-7s", what);
	for (int i = 0; i < n; i++)
		printf(" %02x", bytes[i]);
	putchar('\n');
}

int main(int argc, char *argv[])
{
	struct order order, got;
	unsigned char heard[100], wire[WIRE], *bytes;
	uint32_t high = 0, low = 0;
	int client_fd, conn_fd, n, gaps = 0;

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
	CALL("client", send(client_fd, &order, sizeof order, 0));
	/* MSG_WAITALL: recv has the loop inside that tcp_framing calls take. */
	n = CALL("server", recv(conn_fd, heard, sizeof order, MSG_WAITALL));
	print_hex("struct", heard, n);
	for (int i = 0; i < n; i++)
		gaps += heard[i] == 0xee;
	expect("7 bytes of data; the others are padding: what lay there before",
	       n == sizeof order && gaps > 0 && gaps == n - WIRE);

	memcpy(&got, heard, sizeof got);
	bytes = (unsigned char *)&got.amount;
	for (int i = 0; i < 4; i++) {
		high = high << 8 | bytes[i];
		low = low << 8 | bytes[3 - i];
	}
	note("amount: %u, high byte first; %u, low byte first", high, low);
	expect("the same 4 bytes; only a computer like ours reads what we sent",
	       high + low == 0x05050505 && got.amount == 0x01020304);

	scene("The cure: byte by byte, in an order that both have agreed on.");
	pack(wire, &order);
	CALL("client", send(client_fd, wire, sizeof wire, 0));
	n = CALL("server", recv(conn_fd, heard, sizeof wire, MSG_WAITALL));
	print_hex("wire", heard, n);
	expect("these 7 bytes are the same from every machine and compiler",
	       n == WIRE && memcmp(heard, "A\1\2\3\4\5\6", WIRE) == 0);
	got.kind = (char)heard[0]; /* and back */
	got.amount = (uint32_t)heard[1] << 24 | (uint32_t)heard[2] << 16 |
		     (uint32_t)heard[3] << 8 | heard[4];
	got.item = (uint16_t)(heard[5] << 8 | heard[6]);
	note("kind %c, amount %u, item %u", got.kind, got.amount, got.item);
	expect("and every machine reads the same from them",
	       got.kind == 'A' && got.amount == 16909060 && got.item == 1286);
}
