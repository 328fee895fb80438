package reftree_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	fstypes "github.com/tonistiigi/fsutil/types"

	"github.com/whittle-oci/whittle/builder/tree"
	"github.com/whittle-oci/whittle/builder/tree/reftree"
	"github.com/whittle-oci/whittle/builder/tree/reftree/reftest"
)

// pattern is content in which every place is known.
func pattern(n int) []byte {
	out := make([]byte, n)
	for i := range out {
		out[i] = byte(i ^ i>>8 ^ i>>16)
	}
	return out
}

func ref(files map[string][]byte) *reftest.Ref {
	t := &tree.Memory{}
	for name, data := range files {
		t.File(name, 0o755, data)
	}
	t.Symlink("/lib", "usr/lib")
	return &reftest.Ref{Tree: t}
}

// TestLists asks for each directory once, and not for one that the listing of
// a directory above shows not to be there.
func TestLists(t *testing.T) {
	r := ref(map[string][]byte{"/usr/lib/libz.so": []byte("z"), "/app": []byte("a")})
	tr := reftree.New(t.Context(), r)
	for _, tc := range []struct {
		name  string
		err   error
		calls []string
	}{
		{"/app", nil, []string{"list /"}},
		{"/nothing", fs.ErrNotExist, nil},
		{"/var/lib/dpkg/status", fs.ErrNotExist, nil},
		{"/app/below", fs.ErrNotExist, nil},
		{"/usr/lib/libz.so", nil, []string{"list /usr/lib"}},
		{"/usr/lib/libz.so", nil, nil},
		{"/usr/share/zoneinfo/UTC", fs.ErrNotExist, []string{"list /usr/share/zoneinfo"}},
		{"/usr/lib/x/y/z", fs.ErrNotExist, nil},
		{"/lib/libz.so", nil, []string{"list /lib"}},
	} {
		_, err := tr.Lstat(t.Context(), tc.name)
		if !errors.Is(err, tc.err) {
			t.Errorf("%s: error %v, want %v", tc.name, err, tc.err)
		}
		if calls := r.Calls(); !slices.Equal(calls, tc.calls) {
			t.Errorf("%s: calls %q, want %q", tc.name, calls, tc.calls)
		}
	}
}

func TestRead(t *testing.T) {
	const big = 20<<20 + 5
	data := map[string][]byte{"/small": pattern(5000), "/big": pattern(big), "/empty": nil}
	for _, tc := range []struct {
		name   string
		off, n int
		calls  string
	}{
		{"/small", 0, 16, "read /small 0+5000"},
		{"/small", 4990, 10, "read /small 0+5000"},
		{"/small", 4990, 100, "read /small 0+5000"}, // beyond the end
		{"/small", 6000, 1, ""},
		{"/empty", 0, 1, ""},
		{"/big", 16384, 16384, "read /big 16384+16384"},
		{"/big", 16380, 8, "read /big 0+16384, read /big 16384+16384"}, // over the edge of a block
		{"/big", 100, 20 << 20, "read /big 100+8388608, read /big 8388708+8388608, read /big 16777316+4194209"},
		{"/big", big - 3, 3, "read /big 20971520+5"},
	} {
		r := ref(data)
		f, err := reftree.New(t.Context(), r).Open(t.Context(), tc.name)
		if err != nil {
			t.Fatal(err)
		}
		r.Calls()
		want := data[tc.name][min(tc.off, len(data[tc.name])):min(tc.off+tc.n, len(data[tc.name]))]
		for range 2 {
			got := make([]byte, tc.n)
			n, err := f.ReadAt(got, int64(tc.off))
			if !bytes.Equal(got[:n], want) {
				t.Errorf("%s %d+%d: %d bytes that are not the file's", tc.name, tc.off, tc.n, n)
			}
			if wantErr := n < tc.n; errors.Is(err, io.EOF) != wantErr || err != nil && !wantErr {
				t.Errorf("%s %d+%d: error %v", tc.name, tc.off, tc.n, err)
			}
			if calls := strings.Join(r.Calls(), ", "); calls != tc.calls {
				t.Errorf("%s %d+%d: calls %q, want %q", tc.name, tc.off, tc.n, calls, tc.calls)
			}
			if tc.n <= 16384 {
				tc.calls = "" // the second time it is there
			}
		}
	}
}

// slow is a reference that answers when it is told to, and that ends with its
// caller.
type slow struct {
	*reftest.Ref
	asked   chan struct{}
	answers chan struct{}
}

func (s slow) ReadDir(ctx context.Context, req gateway.ReadDirRequest) ([]*fstypes.Stat, error) {
	s.asked <- struct{}{}
	select {
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-s.answers:
		return s.Ref.ReadDir(ctx, req)
	}
}

// TestShared lets one of two callers that wait for the same directory give up,
// the first or the second. The other gets its answer.
func TestShared(t *testing.T) {
	for _, quits := range []int{0, 1} {
		s := slow{ref(map[string][]byte{"/app": []byte("a")}), make(chan struct{}, 10), make(chan struct{})}
		tr := reftree.New(t.Context(), s)
		var stop [2]context.CancelFunc
		var done [2]chan error
		for i := range 2 {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			stop[i], done[i] = cancel, make(chan error, 1)
			go func() {
				_, err := tr.Lstat(ctx, "/app")
				done[i] <- err
			}()
			if i == 0 {
				<-s.asked
			}
		}
		time.Sleep(10 * time.Millisecond) // the second waits for the first
		stop[quits]()
		if err := <-done[quits]; !errors.Is(err, context.Canceled) {
			t.Errorf("%d gave up with %v", quits, err)
		}
		close(s.answers)
		if err := <-done[1-quits]; err != nil {
			t.Errorf("%d gave up, and %d failed: %v", quits, 1-quits, err)
		}
	}
}

// TestHardLinks knows the names of a file within a directory, as BuildKit does.
func TestHardLinks(t *testing.T) {
	m := &tree.Memory{}
	m.File("/bin/box", 0o755, []byte("box"))
	for _, n := range []string{"/bin/a", "/bin/z", "/sbin/b"} {
		m.Link(n, "/bin/box")
	}
	m.File("/bin/own", 0o755, []byte("own"))
	tr := reftree.New(t.Context(), &reftest.Ref{Tree: m})
	for name, want := range map[string]string{"/bin/a": "/bin/a", "/bin/box": "/bin/a", "/bin/z": "/bin/a", "/bin/own": "", "/sbin/b": ""} {
		e, err := tr.Lstat(t.Context(), name)
		if err != nil || e.LinkID != want || e.Size != 3 || e.Linkname != "" {
			t.Errorf("%s: %+v, %v, want %q", name, e, err, want)
		}
	}
}

// TestName lists a directory with a name that does not travel.
func TestName(t *testing.T) {
	m := &tree.Memory{}
	m.File("/srv/\xff\xfe", 0o644, nil)
	_, err := reftree.New(t.Context(), &reftest.Ref{Tree: m}).ReadDir(t.Context(), "/srv")
	if !errors.Is(err, reftree.ErrName) || !strings.Contains(err.Error(), "/srv") {
		t.Errorf("error %v", err)
	}
}
