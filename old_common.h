/* common.h - the chores that every demo shares; no lesson lives here. Where a
 * function is a shortcut, its comment names the demo that takes it apart.
 * Needs `#define _GNU_SOURCE` above the first #include.
 */
#ifndef DIALTONE_COMMON_H
#define DIALTONE_COMMON_H

#include <ctype.h>	/* isprint */
#include <errno.h>	/* errno, program_invocation_short_name */
#include <locale.h>	/* setlocale */
#include <netdb.h>	/* getnameinfo, EAI_NONAME */
#include <netinet/in.h> /* sockaddr_in, htonl */
#include <signal.h>	/* signal */
#include <stdarg.h>	/* va_list */
#include <stdbool.h>	/* bool */
#include <stdio.h>	/* printf */
#include <stdlib.h>	/* exit, strtol */
#include <string.h>	/* strerror, strspn */
#include <sys/socket.h> /* send */
#include <unistd.h>	/* getopt */
#include <wchar.h>	/* mbrtowc, wcwidth */

/* A short text, returned by value: nobody has to bring a buffer. */
struct text {
	char s[256];
};

/* ---- Failing well ---- */

/* "ECONNRESET" for ECONNRESET, "EAI_NONAME" for EAI_NONAME: the constant's name
 * (errno(3), getaddrinfo(3)); strerrorname_np(3) does this on glibc only. */
static inline const char *errno_name(int error)
{
	/* clang-format off */
#define E(name) case name: return #name;
	switch (error) {
	E(EACCES) E(EADDRINUSE) E(EADDRNOTAVAIL) E(EAFNOSUPPORT) E(EAGAIN)
	E(EALREADY) E(EBADF) E(EBUSY) E(ECHILD) E(ECONNABORTED) E(ECONNREFUSED)
	E(ECONNRESET) E(EDESTADDRREQ) E(EDOM) E(EEXIST) E(EFAULT) E(EHOSTDOWN)
	E(EHOSTUNREACH) E(EINPROGRESS) E(EINTR) E(EINVAL) E(EIO) E(EISCONN)
	E(EISDIR) E(ELOOP) E(EMFILE) E(EMSGSIZE) E(ENAMETOOLONG) E(ENETDOWN)
	E(ENETUNREACH) E(ENFILE) E(ENOBUFS) E(ENODEV) E(ENOENT) E(ENOMEM)
	E(ENONET) E(ENOPROTOOPT) E(ENOSPC) E(ENOSYS) E(ENOTCONN) E(ENOTDIR)
	E(ENOTSOCK) E(ENOTTY) E(EOPNOTSUPP) E(EPERM) E(EPIPE) E(EPROTO)
	E(EPROTONOSUPPORT) E(EPROTOTYPE) E(ERANGE) E(EROFS) E(ESOCKTNOSUPPORT)
	E(ESPIPE) E(ESRCH) E(ETIMEDOUT) E(ETOOMANYREFS) E(EAI_AGAIN) E(EAI_FAIL)
	E(EAI_FAMILY) E(EAI_MEMORY) E(EAI_NONAME) E(EAI_SERVICE)
#ifdef EAI_ADDRFAMILY
	E(EAI_ADDRFAMILY)
#endif
	}
#undef E
	/* clang-format on */
	static char number[24];
	snprintf(number, sizeof number, "errno %d", error);
	return number;
}

/* "program: WHAT: reason (ERRNO)" on standard error, for the errno of the call
 * that failed just now, which is kept. WHAT is a printf format with values. */
#define complain(...) (say_who(), fprintf(stderr, __VA_ARGS__), say_why())

/* The same, and the program ends with status 1. */
#define die(...) (complain(__VA_ARGS__), exit(EXIT_FAILURE))

static int errno_of_failure;

static inline void say_who(void)
{
	errno_of_failure = errno;
	fflush(stdout); /* best effort: keeps the lines in order */
	fprintf(stderr, "%s: ", program_invocation_short_name);
}

static inline void say_why(void)
{
	fprintf(stderr, ": %s (%s)\n", strerror(errno_of_failure),
		errno_name(errno_of_failure));
	errno = errno_of_failure;
}

/* ---- The command line ---- */

static const char *usage_text;

/* What is wrong (a printf format with values), the usage line, status 2. */
#define wrong_use(...)                                                         \
	(say_who(), fprintf(stderr, __VA_ARGS__),                              \
	 fprintf(stderr, "\n%.*s\n", (int)strcspn(usage_text, "\n"),           \
		 usage_text),                                                  \
	 exit(2))

/* At exit: output that did not arrive (disk full, reader gone) is a failure. */
static inline void check_stdout(void)
{
	if (fflush(stdout) == EOF || ferror(stdout)) {
		complain("write to standard output");
		_exit(EXIT_FAILURE);
	}
}

/* First call of every program. USAGE is what -h prints, the usage line on top.
 * Each line of output leaves when it is whole, into a pipe too, and a reader
 * who walks away is an error of write(2), not a death by SIGPIPE. */
static inline void begin(const char *usage)
{
	usage_text = usage;
	setvbuf(stdout, NULL, _IOLBF, 0);
	setlocale(LC_CTYPE, "C.UTF-8"); /* best effort: else more escapes */
	signal(SIGPIPE, SIG_IGN);
	atexit(check_stdout);
}

/* For what getopt(3) returns and the demo has no case for: -h, or wrong use.
 * Option strings begin with "+:": stop at the first operand, print nothing. */
__attribute__((noreturn)) static inline void common_option(int option)
{
	if (option == ':')
		wrong_use("option -%c needs a value", optopt);
	if (option != 'h')
		wrong_use("unknown option -%c", isprint(optopt) ? optopt : '?');
	fputs(usage_text, stdout);
	exit(EXIT_SUCCESS);
}

/* TEXT as a decimal number from MIN to MAX, or wrong use: "", " 80", "+80" and
 * "80x" are none, nor is "99999" a port, which glibc's getaddrinfo would take.
 * WHAT names the number in the message. */
static inline long parse_number(const char *what, const char *text, long min,
				long max)
{
	size_t digits = strspn(text, "0123456789");
	long number = strtol(text, NULL, 10); /* too many digits: LONG_MAX */

	if (digits == 0 || text[digits] != '\0' || number < min || number > max)
		wrong_use("%s '%s' is not a number from %ld to %ld", what, text,
			  min, max);
	return number;
}

/* ---- Addresses: see sock_address ---- */

/* An IPv4 or IPv6 socket address as "127.0.0.1:8080" or "[::1]:8080". */
static inline struct text address_text(const void *address, socklen_t length)
{
	char host[64], port[8];
	struct text text = {"(no address)"};

	if (getnameinfo(address, length, host, sizeof host, port, sizeof port,
			NI_NUMERICHOST | NI_NUMERICSERV) == 0)
		snprintf(text.s, sizeof text.s,
			 strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
	return text;
}

/* ---- Bytes ---- */

/* Turn the first character of N > 0 BYTES into TEXT that is safe on a terminal:
 * a C escape unless it is a visible character. Returns the bytes used up. */
static inline size_t escape_one(const char *bytes, size_t n, char text[8])
{
	static const char letters[] = "\a\b\t\n\v\f\r\\", names[] = "abtnvfr\\";
	const char *letter = memchr(letters, *bytes, sizeof letters - 1);
	wchar_t character;
	size_t used = mbrtowc(&character, bytes, n, &(mbstate_t){0});

	if (letter) {
		snprintf(text, 8, "\\%c", names[letter - letters]);
		return 1;
	}
	/* Not 0 (a NUL), -1 (no character) or -2 (one that is cut off). */
	if (used >= 1 && used <= n && wcwidth(character) >= 1) {
		snprintf(text, 8, "%.*s", (int)used, bytes);
		return used;
	}
	snprintf(text, 8, "\\%03o", (unsigned char)*bytes);
	return 1;
}

/* What a peer sent, between quotes; cut with "..." at some 40 columns. */
static inline struct text quoted(const char *bytes, size_t n)
{
	struct text text = {"\""};
	size_t done = 0, end = 1;

	while (done < n && end < 40) {
		done += escape_one(bytes + done, n - done, text.s + end);
		end += strlen(text.s + end);
	}
	strcpy(text.s + end, done < n ? "\"..." : "\"");
	return text;
}

/* send(2) until all N bytes are taken: see tcp_sendall. 0, or -1 with errno. */
static inline int send_all(int fd, const char *bytes, size_t n)
{
	while (n > 0) {
		ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
		if (sent == -1 && errno == EINTR)
			continue;
		if (sent == -1)
			return -1;
		bytes += sent;
		n -= (size_t)sent;
	}
	return 0;
}

#endif
