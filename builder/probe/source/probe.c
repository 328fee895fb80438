/*
 * whittle-probe asks a service on this machine whether it answers, for
 * HEALTHCHECK of an image that has no curl, wget or nc:
 *
 *	whittle-probe [-t SECONDS] [-I] [-a] [-H 'NAME: VALUE']... http://HOST:PORT/PATH
 *	whittle-probe [-t SECONDS] tcp://HOST:PORT
 *
 * HOST is localhost, an IPv4 address or ::1 in brackets. The exit code is 0 when
 * a connection is made and, of HTTP/1.x, when the status is below 400 (with -a
 * whatever it is), 1 when not, 2 when called wrongly. Nothing is followed and
 * no body is read.
 *
 * It is freestanding C: no library, no allocation, Linux system calls alone, so
 * that a program of some kilobytes is added to an image. build.sh beside it
 * compiles it.
 */

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;

#if defined(__x86_64__)
enum { SYS_read = 0, SYS_write = 1, SYS_close = 3, SYS_socket = 41, SYS_connect = 42, SYS_setsockopt = 54, SYS_setitimer = 38, SYS_exit = 231 };
__asm__(".globl _start\n_start:\n\txor %ebp,%ebp\n\tmov %rsp,%rdi\n\tand $-16,%rsp\n\tcall start\n");
static long call(long n, long a, long b, long c, long d, long e) {
	register long r10 __asm__("r10") = d, r8 __asm__("r8") = e;
	long ret;
	__asm__ volatile("syscall" : "=a"(ret) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8) : "rcx", "r11", "memory");
	return ret;
}
#elif defined(__aarch64__)
enum { SYS_read = 63, SYS_write = 64, SYS_close = 57, SYS_socket = 198, SYS_connect = 203, SYS_setsockopt = 208, SYS_setitimer = 103, SYS_exit = 94 };
__asm__(".globl _start\n_start:\n\tmov x29,#0\n\tmov x30,#0\n\tmov x0,sp\n\tand sp,x0,#-16\n\tb start\n");
static long call(long n, long a, long b, long c, long d, long e) {
	register long x8 __asm__("x8") = n, x0 __asm__("x0") = a, x1 __asm__("x1") = b, x2 __asm__("x2") = c, x3 __asm__("x3") = d, x4 __asm__("x4") = e;
	__asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
	return x0;
}
#else
#error "no system calls for this machine"
#endif

/* What the compiler may call by itself. */
void *memset(void *p, int c, u64 n) {
	volatile u8 *b = p;
	while (n--)
		*b++ = (u8)c;
	return p;
}

static u64 len(const char *s) {
	u64 n = 0;
	while (s[n])
		n++;
	return n;
}

static const char *after(const char *s, const char *prefix) {
	while (*prefix)
		if (*s++ != *prefix++)
			return 0;
	return s;
}

/* A text of limited length; what does not fit makes it too long. */
struct text {
	char b[8192];
	u64 n;
	int full;
};

static void put(struct text *t, const char *s, u64 n) {
	if (n > sizeof t->b - t->n) {
		t->full = 1;
		return;
	}
	for (u64 i = 0; i < n; i++)
		t->b[t->n++] = s[i];
}

static void add(struct text *t, const char *s) { put(t, s, len(s)); }

static struct text out, request;

__attribute__((noreturn)) static void quit(int code) {
	for (;;)
		call(SYS_exit, code, 0, 0, 0, 0);
}

/* end says what happened and ends the program. */
__attribute__((noreturn)) static void end(int code, const char *url, const char *what) {
	add(&out, "whittle-probe: ");
	add(&out, url);
	add(&out, what);
	add(&out, "\n");
	call(SYS_write, 2, (long)out.b, (long)out.n, 0, 0);
	quit(code);
}

/* number reads decimal digits up to a limit, -1 for none. */
static long number(const char **s, long max) {
	long v = 0;
	const char *p = *s;
	if (*p < '0' || *p > '9')
		return -1;
	for (; *p >= '0' && *p <= '9'; p++) {
		v = v * 10 + (*p - '0');
		if (v > max)
			return -1;
	}
	*s = p;
	return v;
}

struct in4 {
	u16 family, port;
	u8 addr[4], zero[8];
};
struct in6 {
	u16 family, port;
	u32 flow;
	u8 addr[16];
	u32 scope;
};
struct timeval {
	long s, us;
};
struct itimerval {
	struct timeval interval, value;
};

static struct timeval patience = {30, 0};

/* dial connects, -1 when it cannot. */
static long dial(int family, const void *to, long size) {
	long fd = call(SYS_socket, family, 1 | 02000000 /* SOCK_CLOEXEC */, 0, 0, 0);
	if (fd < 0)
		return -1;
	call(SYS_setsockopt, fd, 1, 20 /* SO_RCVTIMEO */, (long)&patience, sizeof patience);
	call(SYS_setsockopt, fd, 1, 21 /* SO_SNDTIMEO */, (long)&patience, sizeof patience);
	if (call(SYS_connect, fd, (long)to, size, 0, 0) == 0)
		return fd;
	call(SYS_close, fd, 0, 0, 0, 0);
	return -1;
}

__attribute__((noreturn, used)) void start(long *stack) {
	long argc = stack[0];
	char **argv = (char **)(stack + 1);
	struct in4 four = {.family = 2, .addr = {127, 0, 0, 1}};
	struct in6 six = {.family = 10};
	static struct text headers;
	const char *url = 0, *p, *path = "/";
	int head = 0, any = 0, http = 0, use4 = 1, use6 = 0;
	long port = 0, fd = -1;

	for (long i = 1; i < argc; i++) {
		const char *a = argv[i];
		if (a[0] == '-' && a[1] && !a[2]) {
			if (a[1] == 'I') {
				head = 1;
				continue;
			} else if (a[1] == 'a') {
				any = 1;
				continue;
			} else if (a[1] == 't' && i + 1 < argc) {
				p = argv[++i];
				patience.s = number(&p, 86400);
				if (patience.s <= 0 || *p)
					end(2, argv[i], " is no time in seconds");
				continue;
			} else if (a[1] == 'H' && i + 1 < argc) {
				add(&headers, argv[++i]);
				add(&headers, "\r\n");
				continue;
			}
			end(2, a, " is no option");
		}
		if (url)
			end(2, a, " is one argument too many");
		url = a;
	}
	if (!url)
		end(2, "", "which address?");
	if ((p = after(url, "http://")))
		http = 1, port = 80;
	else if (!(p = after(url, "tcp://")))
		end(2, url, " is neither http:// nor tcp://");
	const char *host = p;
	if (*p == '[') {
		if (!(p = after(p, "[::1]")))
			end(2, url, ": of IPv6 it asks ::1 alone");
		use4 = 0, use6 = 1;
	} else if (after(p, "localhost") && (p[9] == 0 || p[9] == ':' || p[9] == '/' || p[9] == '?')) {
		p += 9;
		use6 = 1;
	} else {
		for (int i = 0; i < 4; i++) {
			long v = number(&p, 255);
			if (v < 0 || (i < 3 && *p++ != '.'))
				end(2, url, ": the host is neither localhost nor an address");
			four.addr[i] = (u8)v;
		}
	}
	if (*p == ':') {
		p++;
		port = number(&p, 65535);
	}
	u64 hostlen = (u64)(p - host);
	if (*p == '/' || *p == '?')
		path = p;
	else if (*p)
		port = -1;
	if (port <= 0)
		end(2, url, ": no port");
	six.addr[15] = 1;
	four.port = six.port = (u16)(port >> 8 | (port & 255) << 8);

	add(&request, head ? "HEAD " : "GET ");
	if (*path == '?')
		add(&request, "/");
	add(&request, path);
	add(&request, " HTTP/1.1\r\nHost: ");
	put(&request, host, hostlen);
	add(&request, "\r\nUser-Agent: whittle-probe\r\nAccept: */*\r\nConnection: close\r\n");
	put(&request, headers.b, headers.n);
	add(&request, "\r\n");
	if (request.full || headers.full)
		end(2, "", "the request is too long");

	struct itimerval whole = {.value = patience};
	call(SYS_setitimer, 0, (long)&whole, 0, 0, 0);
	if (use4)
		fd = dial(2, &four, sizeof four);
	if (fd < 0 && use6)
		fd = dial(10, &six, sizeof six);
	if (fd < 0)
		end(1, url, " cannot be connected to");
	if (!http)
		quit(0);

	for (u64 sent = 0; sent < request.n;) {
		long n = call(SYS_write, fd, (long)(request.b + sent), (long)(request.n - sent), 0, 0);
		if (n <= 0)
			end(1, url, " takes no request");
		sent += (u64)n;
	}
	char line[13];
	u64 got = 0;
	while (got < 12) {
		long n = call(SYS_read, fd, (long)(line + got), (long)(12 - got), 0, 0);
		if (n <= 0)
			end(1, url, " does not answer");
		got += (u64)n;
	}
	line[12] = 0;
	if (!after(line, "HTTP/1.") || line[8] != ' ' || line[9] < '1' || line[9] > '9')
		end(1, url, " does not speak HTTP/1");
	if (!any && line[9] >= '4') {
		add(&out, "whittle-probe: ");
		add(&out, url);
		add(&out, " answers with ");
		add(&out, line + 9);
		add(&out, "\n");
		call(SYS_write, 2, (long)out.b, (long)out.n, 0, 0);
		quit(1);
	}
	quit(0);
}
