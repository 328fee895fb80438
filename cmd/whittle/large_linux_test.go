package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// The bars of BenchmarkLarge, on two cores that do nothing else.
const (
	maxInspect       = 6 * time.Second
	maxDiff          = 10 * time.Second
	maxInspectMemory = 200 << 20
)

// BenchmarkLarge looks at images of 60,000 files and 1 GB in a registry on this
// machine. A machine that does other things takes longer, so the best of three
// counts, and processor time where that is less than the time that passed.
func BenchmarkLarge(b *testing.B) {
	bin, _ := command(b)
	blobs := registry.NewDiskBlobHandler(b.TempDir())
	server := httptest.NewServer(registry.New(registry.WithBlobHandler(blobs), registry.Logger(log.New(io.Discard, "", 0))))
	b.Cleanup(server.Close)
	repo := strings.TrimPrefix(server.URL, "http://") + "/large"
	base := largeLayers(b, 4, 60_000, 1<<30)
	one, two := pushed(b, repo+":1", base...), pushed(b, repo+":2", append(base[:3:3], largeLayers(b, 1, 15_000, 256<<20)...)...)
	for _, bc := range []struct {
		name   string
		args   []string
		time   time.Duration
		memory int64
	}{{"inspect", []string{"inspect", one}, maxInspect, maxInspectMemory}, {"diff", []string{"diff", one, two}, maxDiff, 0}} {
		b.Run(bc.name, func(b *testing.B) {
			took, memory := time.Hour, int64(0)
			for b.Loop() {
				for range 3 {
					wall, cpu, peak := large(b, bin, bc.args...)
					b.Logf("%v: %s, %s of processor time, %d MB", bc.args, wall.Round(time.Millisecond), cpu.Round(time.Millisecond), peak>>20)
					took, memory = min(took, wall, cpu), max(memory, peak)
				}
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(took.Seconds(), "s")
			b.ReportMetric(float64(memory>>20), "MB")
			if took > bc.time || bc.memory > 0 && memory > bc.memory {
				b.Errorf("%s takes %s and %d MB, want at most %s and %d MB", bc.name, took, memory>>20, bc.time, bc.memory>>20)
			}
		})
	}
}

// large runs the command and gives the time that passed, that of processors, and
// the peak of its memory. That is asked of the kernel while it runs: what it says
// at the end counts this process, which started it, too.
func large(b *testing.B, bin string, args ...string) (wall, cpu time.Duration, peak int64) {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), bin, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	began := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	status := fmt.Sprintf("/proc/%d/status", cmd.Process.Pid)
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	for {
		select {
		case err := <-done:
			if err != nil {
				b.Fatalf("%v: %v\n%s", args, err, out.Bytes())
			}
			return time.Since(began), cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), peak
		case <-time.After(20 * time.Millisecond):
			text, _ := os.ReadFile(status) // it may have ended
			_, after, _ := strings.Cut(string(text), "VmHWM:")
			var kB int64
			if _, err := fmt.Sscanf(after, "%d kB", &kB); err == nil {
				peak = max(peak, kB<<10)
			}
		}
	}
}

// largeLayers are files in so many layers, which gzip takes about a third off:
// fewer matches and more literals than most images have.
func largeLayers(b *testing.B, layers, files, bytes int) []v1.Layer {
	b.Helper()
	r := rand.New(rand.NewPCG(uint64(layers), uint64(files))) //nolint:gosec // for contents
	words := make([][]byte, 4096)
	for i := range words {
		words[i] = make([]byte, 2+r.IntN(14))
		for j := range words[i] {
			words[i][j] = byte(r.Uint32())
		}
	}
	var out []v1.Layer
	for l := range layers {
		name := filepath.Join(b.TempDir(), fmt.Sprint(l, ".tar.gz"))
		f, err := os.Create(name)
		if err != nil {
			b.Fatal(err)
		}
		buffered := bufio.NewWriterSize(f, 1<<20)
		z, _ := gzip.NewWriterLevel(buffered, gzip.BestSpeed) // a level that there is
		w := tar.NewWriter(z)
		for i := range files / layers {
			content := make([]byte, 0, bytes/files+16)
			for len(content) < bytes/files {
				content = append(content, words[r.IntN(len(words))]...)
			}
			h := &tar.Header{Typeflag: tar.TypeReg, Name: fmt.Sprintf("usr/lib/d%d/e%d/f%d/file%d.so", l, i%7, i%97, i), Mode: int64(0o644 | 0o111*(i&1)), Size: int64(len(content))}
			if i%40 == 0 {
				h.Name = fmt.Sprintf("srv/d%d/settings%d.json", l, i)
			}
			if err := w.WriteHeader(h); err != nil {
				b.Fatal(err)
			}
			if _, err := w.Write(content); err != nil {
				b.Fatal(err)
			}
		}
		for _, c := range []interface{ Close() error }{w, z} {
			if err := c.Close(); err != nil {
				b.Fatal(err)
			}
		}
		if err := buffered.Flush(); err != nil {
			b.Fatal(err)
		}
		if err := f.Close(); err != nil {
			b.Fatal(err)
		}
		layer, err := tarball.LayerFromFile(name)
		if err != nil {
			b.Fatal(err)
		}
		out = append(out, layer)
	}
	return out
}

// pushed puts an image into a registry.
func pushed(b *testing.B, ref string, layers ...v1.Layer) string {
	b.Helper()
	img, err := mutate.AppendLayers(empty.Image, layers...)
	if err == nil {
		img, err = mutate.ConfigFile(img, largeConfig(b, img))
	}
	if err != nil {
		b.Fatal(err)
	}
	to, err := name.ParseReference(ref)
	if err != nil {
		b.Fatal(err)
	}
	if err := remote.Write(to, img); err != nil {
		b.Fatal(err)
	}
	return ref
}

func largeConfig(b *testing.B, img v1.Image) *v1.ConfigFile {
	b.Helper()
	c, err := img.ConfigFile()
	if err != nil {
		b.Fatal(err)
	}
	c = c.DeepCopy()
	c.OS, c.Architecture, c.Config.Cmd = "linux", runtime.GOARCH, []string{"/usr/lib/d0/e0/f0/file1.so"}
	return c
}
