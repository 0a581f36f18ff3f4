/* bench/uv - the echo server in upper case as libuv's own example has it, to
 * stand beside ours in `make bench`; built where libuv1-dev is. With "try" it
 * first tries to write at once, which is the faster way: uv_try_write.
 */
#include "../common.h"
#include <uv.h>

static const char usage[] = "usage: uv [try]\n"
			    "Answer everybody in upper case, by libuv.\n"
			    "example: uv try\n";

struct answer {
	uv_write_t request;
	char *bytes;
};

static char buf[65536];
static bool at_once;

static void room(uv_handle_t *handle, size_t wanted, uv_buf_t *space)
{
	(void)handle;
	(void)wanted;
	space->len = sizeof buf;
	space->base = at_once ? buf : malloc(sizeof buf); /* see is_read */
}

static void is_closed(uv_handle_t *handle)
{
	free(handle);
}

static void is_written(uv_write_t *request, int status)
{
	struct answer *answer = (struct answer *)request;

	(void)status;
	free(answer->bytes);
	free(answer);
}

static void is_read(uv_stream_t *client, ssize_t n, const uv_buf_t *read)
{
	char *bytes = read->base;

	if (n < 0) {
		uv_close((uv_handle_t *)client, is_closed);
	} else if (n > 0) {
		uv_buf_t out = uv_buf_init(bytes, (unsigned int)n);
		upper_case(bytes, (size_t)n);
		int done = at_once ? uv_try_write(client, &out, 1) : 0;
		if (done < (int)n) {
			struct answer *answer = malloc(sizeof *answer);
			size_t rest = (size_t)(n - (done > 0 ? done : 0));
			answer->bytes = at_once ? malloc(rest) : bytes;
			if (at_once)
				memcpy(answer->bytes, bytes + n - rest, rest);
			out = uv_buf_init(answer->bytes, (unsigned int)rest);
			uv_write(&answer->request, client, &out, 1, is_written);
			return;
		}
	}
	if (!at_once)
		free(bytes);
}

static void is_called(uv_stream_t *listener, int status)
{
	uv_tcp_t *client = status < 0 ? NULL : malloc(sizeof *client);

	if (!client)
		return;
	uv_tcp_init(listener->loop, client);
	if (uv_accept(listener, (uv_stream_t *)client) == 0)
		uv_read_start((uv_stream_t *)client, room, is_read);
	else
		uv_close((uv_handle_t *)client, is_closed);
} /* NOLINT: libuv has the client now */

int main(int argc, char *argv[])
{
	char **word = begin(argc, argv, "+h", usage);
	struct sockaddr_storage address;
	int length = sizeof address;
	uv_loop_t *loop = uv_default_loop();
	uv_tcp_t listener;

	at_once = word[0] && strcmp(word[0], "try") == 0;
	uv_ip4_addr("127.0.0.1", 0, (struct sockaddr_in *)&address);
	uv_tcp_init(loop, &listener);
	uv_tcp_bind(&listener, (struct sockaddr *)&address, 0);
	uv_tcp_getsockname(&listener, (struct sockaddr *)&address, &length);
	if (uv_listen((uv_stream_t *)&listener, 4096, is_called))
		errx(1, "uv_listen");
	printf("listening on %s\n", address_text(&address, (socklen_t)length));
	return uv_run(loop, UV_RUN_DEFAULT);
}
