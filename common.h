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
	E(EALREADY) E(EBADF) E(ECHILD) E(ECONNABORTED) E(ECONNREFUSED)
	E(ECONNRESET) E(EDESTADDRREQ) E(EEXIST) E(EHOSTUNREACH) E(EINPROGRESS)
	E(EINTR) E(EINVAL) E(EIO) E(EISCONN) E(EMFILE) E(EMSGSIZE) E(ENETDOWN)
	E(ENAMETOOLONG) E(ENETUNREACH) E(ENFILE) E(ENOBUFS) E(ENODEV) E(ENOENT)
	E(ENOMEM) E(ENOPROTOOPT) E(ENOSPC) E(ENOSYS) E(ENOTCONN) E(ENOTDIR)
	E(ENOTSOCK) E(ENOTTY) E(EOPNOTSUPP) E(EPERM) E(EPIPE) E(EPROTO) E(EROFS)
	E(EPROTONOSUPPORT) E(EPROTOTYPE) E(ETIMEDOUT)
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
static bool quiet, unjudged; /* -q was given; the last CALL was -1 */
static int scenes;	     /* of a story: so many have begun */
static char last_call[200] = "none";

/* At exit. A full disk, or a reader who is gone, is a failure. */
static inline void check_output(void)
{
	if (unjudged)
		warnx("scene %d: this should not fail:\n%s", scenes, last_call);
	else if (fflush(stdout) == EOF || ferror(stdout))
		complain("write to", "standard output");
	else
		return;
	_exit(1);
}

/* Every main starts here: undo what our parent did to us, read the options,
 * "+h", or "+hq" where there is -q, return the operands. */
static inline char **begin(int argc, char *argv[], const char *options,
			   const char *usage)
{
	for (int fd = 0; fd <= 2; fd++) /* no socket shall get these numbers */
		if (fcntl(fd, F_GETFD) == -1)
			open("/dev/null", O_RDWR);
	for (int i = 0; i < 4; i++)
		signal((int[]){SIGINT, SIGTERM, SIGCHLD, SIGALRM}[i], SIG_DFL);
	signal(SIGPIPE, SIG_IGN); /* see tcp_sigpipe */
	sigprocmask(SIG_SETMASK, &(sigset_t){0}, NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);
	setlocale(LC_CTYPE, "C.UTF-8"); /* for print_safe */
	atexit(check_output);
	usage_text = usage;
	opterr = 0;
	int option;
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
	const long n = strtol(text, NULL, 10); /* too large: LONG_MAX */

	if (!*text || text[strspn(text, "0123456789")] || n < min || n > max)
		wrong_use(text, "is not a number that is possible here");
	return (int)n;
}

/* ---- Conversations: the peer may be anybody ---- */

/* Return the addresses of [HOST [PORT]], each once: see sock_resolve. */
static inline struct addrinfo *address_of(char *operands[])
{
	const char *host = *operands ? *operands++ : "127.0.0.1";
	const char *port = *operands ? *operands++ : "8080";
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	static struct addrinfo *list; /* static: valgrind sees it to the end */

	if (*operands)
		wrong_use(*operands, "is too much");
	if (!host[strspn(host, "0123456789")]) /* 8080 would be 0.0.31.144 */
		wrong_use(host, "is no HOST, which comes before the PORT");
	number(port, 0, 65535); /* glibc would take "99999" for 34463 */
	int error = getaddrinfo(host, port, &hints, &list);
	if (error)
		errx(1, "look up %s: %s (%s)\nhint: %s", host,
		     gai_strerror(error), errno_name(error),
		     "HOST is one word, PORT the next; 127.0.0.1 needs no DNS");
	return list;
}

/* Return "127.0.0.1:8080" or "[::1]:8080". The next call overwrites it. */
static inline const char *address_text(const void *address, socklen_t length)
{
	static char text[80];
	char host[64], port[8];

	if (getnameinfo(address, length, host, sizeof host, port, sizeof port,
			NI_NUMERICHOST | NI_NUMERICSERV))
		return "(no address)";
	snprintf(text, sizeof text, strchr(host, ':') ? "[%s]:%s" : "%s:%s",
		 host, port);
	return text;
}

/* Print a server's ready line. If the port was 0, OWN now gets the real one. */
static inline void announce(int fd, struct addrinfo *own)
{
	if (getsockname(fd, own->ai_addr, &own->ai_addrlen) == -1)
		die("getsockname");
	const char *text = address_text(own->ai_addr, own->ai_addrlen);
	printf("listening on %s\n", text);
	if (strncmp(text, "127.", 4) && !strstr(text, ":127.") &&
	    strncmp(text, "[::1]", 5))
		puts("this is not loopback: other machines can connect");
	check_output();
}

/* Print what a peer sent so that it cannot command the terminal: what has a
 * width as it is, UTF-8 too, any other byte in octal (newline is \012). */
static inline void print_safe(const char *bytes, size_t n)
{
	wchar_t c;

	for (size_t used; n > 0; bytes += used, n -= used) {
		used = mbrtowc(&c, bytes, n, &(mbstate_t){0});
		if (used - 1 < n && wcwidth(c) > 0 && c != '\\') {
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
#define expect(claim, condition)                                               \
	(unjudged = false,                                                     \
	 (condition) ? (void)printf("   => %s\n", claim)                       \
		     : errx(1, "scene %d: not on this kernel: %s (%s)\n%s",    \
			    scenes, claim, #condition, last_call))
/* Print a line that is no call: printf's arguments. */
#define note(...) (printf("   "), printf(__VA_ARGS__), putchar('\n'))
/* Begin the next scene. */
#define scene(title)                                                           \
	(printf("%s%d. %s\n", scenes ? "\n" : "", scenes + 1, title), scenes++)

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

/* A ring every 5 s, the 4th ends the story; while stopped (Ctrl-Z) only one. */
static inline void ring(int signal_number)
{
	static char over[] = "\nscene 0: 20 s are over; the last call was\n";
	static volatile int rings;

	alarm(5);
	over[7] = (char)('0' + scenes);
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

/* Return a TCP socket bound to a free port of 127.x.y.1, which is ours alone:
 * Linux remembers how slow an address was, see ip-tcp_metrics(8). */
static inline int bound_socket(struct sockaddr_in *address)
{
	const uint32_t own = INADDR_LOOPBACK + (uint32_t)getpid() % 65536 * 256;
	socklen_t length = sizeof *address;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	*address = (struct sockaddr_in){.sin_family = AF_INET};
	address->sin_addr.s_addr = htonl(own);
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
