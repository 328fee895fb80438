package elf

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// machineCache is this machine's cache.
func machineCache(t testing.TB) []byte {
	t.Helper()
	data, err := os.ReadFile(CachePath)
	if err != nil {
		t.Skip("this machine's loader has no cache: ", err)
	}
	return data
}

// TestPruneCache lets ldconfig read what is left of this machine's cache.
func TestPruneCache(t *testing.T) {
	ldconfig, err := exec.LookPath("/sbin/ldconfig")
	if err != nil {
		t.Skip("this machine has no ldconfig: ", err)
	}
	keep := func(file string) bool { return strings.Contains(file, "libc.so") || strings.Contains(file, "libm.so") }
	pruned := pruneCache(machineCache(t), keep)
	file := filepath.Join(t.TempDir(), "cache")
	if err := os.WriteFile(file, pruned, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), ldconfig, "-C", file, "-p").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var got []string
	for _, m := range regexp.MustCompile(`(?m)^\t(\S+) .* => (\S+)$`).FindAllStringSubmatch(string(out), -1) {
		got = append(got, m[1])
		if !keep(m[2]) {
			t.Errorf("ldconfig lists %s", m[2])
		}
	}
	libraries, ok := parseCache(pruned)
	want := slices.Sorted(maps.Keys(libraries))
	if slices.Sort(got); !ok || !slices.Equal(slices.Compact(got), want) || !slices.Contains(want, "libc.so.6") {
		t.Errorf("ldconfig lists %v, and we read %v", got, want)
	}
}

func FuzzCache(f *testing.F) {
	f.Add([]byte(cacheMagic))
	f.Add(append([]byte(cacheMagic), make([]byte, cacheHeader)...))
	f.Add(pruneCache(machineCache(f), func(file string) bool { return strings.HasSuffix(file, "libc.so.6") }))
	f.Fuzz(func(t *testing.T, data []byte) {
		before, ok := parseCache(data)
		pruned := pruneCache(data, func(file string) bool { return len(file)%2 == 0 })
		if pruned == nil {
			return
		}
		after, still := parseCache(pruned)
		if !ok || !still {
			t.Fatal("a pruned cache is none")
		}
		for name, files := range after {
			for _, file := range files {
				if len(file)%2 != 0 || !slices.Contains(before[name], file) {
					t.Fatalf("%s of %s was not to be kept", file, name)
				}
			}
		}
	})
}
