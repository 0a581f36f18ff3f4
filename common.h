/* common.h - the chores that all demos share: include it first. "See" names the
 * demo that takes one apart. Parts: every program, conversations, stories. */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <netdb.h> /* and with it sys/socket.h and netinet/in.h */
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

/* Return "EPIPE" for EPIPE. (strerrorname_np(3) would, but musl lacks it.) */
static inline const char *errno_name(int error)
{
	switch (error) { /* clang-format off */
#define E(name) case name: return #name;
	E(EACCES) E(EADDRINUSE) E(EADDRNOTAVAIL) E(EAFNOSUPPORT) E(EAGAIN)
	E(EALREADY) E(EBADF) E(ECHILD) E(ECONNABORTED) E(ECONNREFUSED) E(EPERM)
	E(ECONNRESET) E(EDESTADDRREQ) E(EEXIST) E(EHOSTUNREACH) E(EINPROGRESS)
	E(EINTR) E(EINVAL) E(EIO) E(EISCONN) E(EMFILE) E(EMSGSIZE) E(ENETDOWN)
	E(ENAMETOOLONG) E(ENETUNREACH) E(ENFILE) E(ENOBUFS) E(ENODEV) E(ENOENT)
	E(ENOMEM) E(ENOPROTOOPT) E(ENOSPC) E(ENOTCONN) E(ENOTDIR) E(ENOTSOCK)
	E(ENOTTY) E(EOPNOTSUPP) E(EPIPE) E(EPROTO) E(EPROTONOSUPPORT) E(EROFS)
	E(EPROTOTYPE) E(ETIMEDOUT) E(ENOSYS)
	E(EAI_AGAIN) E(EAI_FAIL) E(EAI_NONAME) E(EAI_SERVICE)
	} /* clang-format on */
	return "see errno(3)";
}

/* A call has failed: "program: WHAT WHOM: reason (ERRNO)" on standard error. */
#define complain(what, whom)                                                   \
	warnx("%s %s: %s (%s)", what, whom, strerror(errno), errno_name(errno))
/* The same, and the program ends with status 1. */
#define die(what)                                                              \
	errx(1, "%s: %s (%s)%s", what, strerror(errno), errno_name(errno),     \
	     errno == EADDRINUSE      ? "\nhint: who has it? ss -antup"        \
	     : errno == EADDRNOTAVAIL ? "\nhint: ours are: ip -brief address"  \
	     : errno == EAFNOSUPPORT  ? "\nhint: no IPv6 here, but 127.0.0.1"  \
				      : "")
/* The command line is wrong: say so, print the usage line; status 2. */
#define wrong_use(word, why)                                                   \
	errx(2, "'%s' %s\n%.*s", word, why, (int)strcspn(usage_text, "\n"),    \
	     usage_text)
static const char *usage_text;
static bool quiet; /* the option -q was given */
/* For stories, see CALL: the last call with its result; that is -1, and no
 * expect has come yet; the scene. */
static char last_call[200] = "none";
static bool unjudged;
static int scene_number;

/* At exit. A full disk, or a reader who is gone, is a failure. */
static inline void check_output(void)
{
	if (unjudged)
		warnx("scene %d: this should not fail:\n%s", scene_number,
		      last_call);
	else if (fflush(stdout) == EOF || ferror(stdout))
		complain("write to", "standard output");
	else
		return;
	_exit(1);
}

/* Every main starts here; what our parent did to us shall not matter. OPTIONS
 * is "+h", or "+hq" where there is -q. Return the operands. */
static inline char **begin(int argc, char *argv[], const char *options,
			   const char *usage)
{
	int fd, option;

	while ((fd = open("/dev/null", O_RDWR)) >= 0 && fd <= 2)
		; /* no socket shall become number 0, 1 or 2 */
	close(fd);
	for (int i = 0; i < 4; i++)
		signal((int[]){SIGINT, SIGTERM, SIGCHLD, SIGALRM}[i], SIG_DFL);
	signal(SIGPIPE, SIG_IGN); /* see tcp_sigpipe */
	sigprocmask(SIG_SETMASK, &(sigset_t){0}, NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);
	setlocale(LC_CTYPE, "C.UTF-8"); /* for print_safe */
	atexit(check_output);
	usage_text = usage;
	opterr = 0;
	while ((option = getopt(argc, argv, options)) == 'q')
		quiet = true;
	if (option == 'h')
		exit(fputs(usage, stdout) == EOF);
	if (option != -1)
		wrong_use(((char[]){'-', (char)optopt, 0}), "is unknown");
	return argv + optind;
}

/* Return TEXT as a number from MIN to MAX; " 80", "+80" and "80x" are none. */
static inline int number(const char *text, int min, int max)
{
	long n = strtol(text, NULL, 10); /* LONG_MAX if it is too large */

	if (!*text || text[strspn(text, "0123456789")] || n < min || n > max)
		wrong_use(text, "is not a number that is possible here");
	return (int)n;
}

/* ---- Conversations: the peer may be anybody ---- */

/* Return the addresses that the operands [HOST [PORT]] stand for, to be tried
 * in turn: see sock_resolve. TYPE is SOCK_STREAM or SOCK_DGRAM. */
static inline struct addrinfo *address_of(char *operands[], int type)
{
	const char *host = *operands ? *operands++ : "127.0.0.1";
	const char *port = *operands ? *operands++ : "8080";
	static struct addrinfo *list; /* static: valgrind sees it to the end */

	if (*operands)
		wrong_use(*operands, "is too much");
	if (!host[strspn(host, "0123456789")]) /* 8080 would be 0.0.31.144 */
		wrong_use(host, "is no HOST, which comes before the PORT");
	number(port, 0, 65535); /* glibc would take "99999" for 34463 */
	int error = getaddrinfo(host, port,
				&(struct addrinfo){.ai_socktype = type}, &list);
	if (error)
		errx(1, "look up %s: %s (%s)\nhint: %s", host,
		     gai_strerror(error), errno_name(error),
		     error == EAI_AGAIN
			     ? "no name server answers; 127.0.0.1 needs none"
			     : "the host is one word, the port another");
	return list;
}

struct text { /* returned by value: nobody has to bring a buffer */
	char s[80];
};

/* Return "127.0.0.1:8080" or "[::1]:8080": see sock_address. */
static inline struct text address_text(const void *address, socklen_t length)
{
	struct text text = {"(no address)"};
	char host[64], port[8];

	if (getnameinfo(address, length, host, sizeof host, port, sizeof port,
			NI_NUMERICHOST | NI_NUMERICSERV) == 0)
		snprintf(text.s, sizeof text.s,
			 strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
	return text;
}

/* Print a server's ready line; for port 0 the kernel has chosen a port. */
static inline void announce(int fd)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof address;

	if (getsockname(fd, (struct sockaddr *)&address, &length) == -1)
		die("getsockname");
	struct text own = address_text(&address, length);
	printf("listening on %s\n", own.s);
	if (strncmp(own.s, "127.", 4) && !strstr(own.s, ":127.") &&
	    strncmp(own.s, "[::1]", 5))
		puts("this is not loopback: other machines can connect");
	check_output();
}

/* Print what a peer sent so that it cannot command the terminal: what can be
 * seen as it is, UTF-8 too, any other byte in octal (newline is \012). */
static inline void print_safe(const char *bytes, size_t n)
{
	/* Not to be seen though they have a width; and the backslash. */
	static const wchar_t no[] =
		L"\xad\x115f\x1160\x2800\x3164\xffa0\x1d159\\";
	wchar_t c;

	for (size_t used; n > 0; bytes += used, n -= used) {
		used = mbrtowc(&c, bytes, n, &(mbstate_t){0});
		if (used - 1 < n && wcwidth(c) > 0 && !wcschr(no, c)) {
			fwrite(bytes, 1, used, stdout);
		} else {
			printf("\\%03o", (unsigned char)*bytes);
			used = 1;
		}
	}
}

/* Turn a to z into upper case, in whole blocks of 64 bytes, which need room: so
 * gcc -O2 takes 16 at a time, unless it puts this function inline. */
__attribute__((unused, noinline)) static void upper_case(char *bytes, size_t n)
{
	for (char *end = bytes + n; bytes < end; bytes += 64)
		for (int i = 0; i < 64; i++) {
			const char c = bytes[i];
			bytes[i] = c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
		}
}

/* Send all N bytes: see tcp_sendall. Return 0, or -1 with errno set. */
static inline int send_all(int fd, const char *bytes, size_t n)
{
	for (ssize_t sent; n > 0; bytes += sent, n -= (size_t)sent)
		while ((sent = send(fd, bytes, n, MSG_NOSIGNAL)) == -1)
			if (errno != EINTR)
				return -1;
	return 0;
}

/* ---- Stories: both ends in one process, each step checked ---- */

/* Make one system call, print it as it stands in the source (#call is its text)
 * with its result, and return that. An expect must follow if it is -1. */
#define CALL(who, call)                                                        \
	(unjudged ? exit(1) : (void)0, narrate(who, #call, (int)(call)))
/* Claim something: it is printed if it holds, or else the story ends here. */
#define expect(claim, condition) expected(claim, #condition, condition)
/* Print a line that is no call: printf's arguments. */
#define note(...) (printf("   "), printf(__VA_ARGS__), putchar('\n'))
/* Begin the next scene. */
#define scene(title)                                                           \
	(scene_number++, printf("%s%d. %s\n", scene_number > 1 ? "\n" : "",    \
				scene_number, title))

static inline void expected(const char *claim, const char *text, bool holds)
{
	unjudged = false;
	if (!holds)
		errx(1, "scene %d: not on this kernel: %s (%s)\n%s",
		     scene_number, claim, text, last_call);
	printf("   => %s\n", claim);
}

static inline int narrate(const char *who, const char *call, int result)
{
	const int error = errno;

	unjudged = result == -1;
	snprintf(last_call, sizeof last_call, "   %-7s %-50s%s = %d%s%s", who,
		 call, strlen(call) > 55 ? "\n          " : "", result,
		 unjudged ? " " : "", unjudged ? errno_name(error) : "");
	puts(last_call);
	errno = error;
	return result;
}

/* Watchdog: rings every 5 s, and the 4th ring ends the story. Rings do not add
 * up while it is stopped (Ctrl-Z). */
static inline void ring(int signal_number)
{
	static char over[] = "\nscene 0: 20 s are over; the last call was\n";
	static volatile int rings;

	alarm(5);
	over[7] = (char)('0' + scene_number);
	if (++rings == 4 && write(2, over, sizeof over - 1) &&
	    write(2, last_call, strlen(last_call))) /* or -1: it ends anyway */
		_exit(signal_number > 0);
}

static inline void begin_story(int argc, char *argv[], const char *usage)
{
	if (*begin(argc, argv, "+h", usage))
		wrong_use(argv[optind], "is too much");
	signal(SIGALRM, ring);
	alarm(5);
}

/* Return a TCP socket bound to a free port: see tcp_server. 127.x.y.1 is ours
 * alone: Linux remembers how slow an address was, see ip-tcp_metrics(8). */
static inline int bound_socket(struct sockaddr_in *address)
{
	socklen_t length = sizeof *address;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	*address = (struct sockaddr_in){.sin_family = AF_INET};
	address->sin_addr.s_addr =
		htonl(INADDR_LOOPBACK + (uint32_t)getpid() % 65536 * 256);
	if (fd == -1 || bind(fd, (struct sockaddr *)address, length) == -1 ||
	    getsockname(fd, (struct sockaddr *)address, &length) == -1)
		die("socket, bind or getsockname");
	return fd;
}

/* Return a TCP socket connected to that address: see tcp_client. */
static inline int dial(const struct sockaddr_in *to)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd == -1 || connect(fd, (const struct sockaddr *)to, sizeof *to))
		die("socket or connect");
	return fd;
}

/* Make both ends of a TCP connection: see tcp_server, tcp_client. */
static inline void connected_pair(int *client_fd, int *conn_fd)
{
	struct sockaddr_in address;
	int listen_fd = bound_socket(&address);

	if (listen(listen_fd, 1) == -1)
		die("listen");
	*client_fd = dial(&address);
	*conn_fd = accept(listen_fd, NULL, NULL);
	if (*conn_fd == -1)
		die("accept");
	close(listen_fd);
}

/* Sleep until poll(2) reports EVENT for FD: see tcp_nonblock. */
static inline void wait_for(int fd, short event)
{
	while (poll(&(struct pollfd){fd, event, 0}, 1, -1) == -1)
		if (errno != EINTR)
			die("poll");
}
