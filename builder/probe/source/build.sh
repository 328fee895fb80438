#!/bin/sh
# Compiles whittle-probe for the platforms that have one. It takes gcc for both;
# on Debian those are gcc and gcc-aarch64-linux-gnu.
set -eu
cd "$(dirname "$0")"
build() { # PLATFORM COMPILER PAGE_SIZE, the largest that the platform's kernels have
	"$2" -std=c11 -Os -Wall -Wextra -Werror -static -nostdlib -ffreestanding \
		-fno-pie -no-pie -fno-stack-protector -fno-asynchronous-unwind-tables -fno-ident \
		-Wl,--build-id=none -Wl,-z,noexecstack -Wl,-z,norelro -Wl,-z,max-page-size="$3" -s \
		-o "../whittle-probe-$1" probe.c
}
build amd64 x86_64-linux-gnu-gcc 4096
build arm64 aarch64-linux-gnu-gcc 65536
