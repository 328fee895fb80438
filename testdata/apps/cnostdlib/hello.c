__attribute__((section(".text"))) static const char text[] = "Hello, world!\n";

static long call(long n, long a, long b, long c) {
	long r;
	__asm__ volatile("syscall" : "=a"(r) : "a"(n), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
	return r;
}

__attribute__((noreturn)) void _start(void) {
	call(1, 1, (long)text, sizeof text - 1);
	call(60, 0, 0, 0);
	__builtin_unreachable();
}
