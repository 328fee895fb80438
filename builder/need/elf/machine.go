package elf

import (
	"debug/elf"
	"io"
)

// A machine is an architecture under the names that it has.
type machine struct {
	oci      string // in images, which is Go's (GOARCH)
	triplet  string // in Debian's library paths (multiarch tuples)
	musl     string // in the name of musl's loader
	platform string // what the loader puts for $PLATFORM (AT_PLATFORM), where it is always the same
}

// machines by the number in the ELF header. Sources: Go's internal/platform,
// wiki.debian.org/Multiarch/Tuples, the configure script of musl 1.2.5, and
// arch/*/include/asm/elf.h of Linux 6.12; read in 2026. All are little-endian
// where both exist.
var machines = map[elf.Machine]machine{
	elf.EM_X86_64:  {"amd64", "x86_64-linux-gnu", "x86_64", "x86_64"},
	elf.EM_AARCH64: {"arm64", "aarch64-linux-gnu", "aarch64", "aarch64"},
	elf.EM_ARM:     {"arm", "arm-linux-gnueabihf", "armhf", ""},
	elf.EM_386:     {"386", "i386-linux-gnu", "i386", ""},
	elf.EM_RISCV:   {"riscv64", "riscv64-linux-gnu", "riscv64", ""},
	elf.EM_S390:    {"s390x", "s390x-linux-gnu", "s390x", ""},
	elf.EM_PPC64:   {"ppc64le", "powerpc64le-linux-gnu", "powerpc64le", ""},
}

// Architecture reads from its header for which architecture a program is, in
// the words of an image configuration. ok is false for what is no ELF file; the
// name is "" for a machine that is not known.
func Architecture(r io.ReaderAt) (name string, ok bool) {
	f, err := elf.NewFile(r)
	if err != nil {
		return "", false
	}
	return machines[f.Machine].oci, true
}
