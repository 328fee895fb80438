package frontend

import (
	"context"
	"strings"
	"testing"

	"github.com/moby/buildkit/client/llb/sourceresolver"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"

	"github.com/whittle-oci/whittle/builder/graph"
	"github.com/whittle-oci/whittle/builder/tree"
)

// TestAboutFiles holds the look into the context to what COPY could take, and to
// a transfer of its own.
func TestAboutFiles(t *testing.T) {
	context1 := &tree.Memory{}
	context1.File("/.env", 0o644, []byte("TOKEN=x\n"))
	context1.File("/keys/large.pem", 0o644, []byte(strings.Repeat("x", 2*maxAboutBytes)))
	ignore := &tree.Memory{}
	ignore.File("/.dockerignore", 0o644, []byte("secret\n"))
	var attrs map[string]string
	b := &builder{t: t, opts: map[string]string{}, solve: func(_ context.Context, _ gateway.SolveRequest, g *graph.Graph) (tree.Tree, error) {
		src := g.Ops[g.Order[0]].GetSource()
		if strings.Contains(src.Attrs[pb.AttrFollowPaths], "dockerignore") {
			return ignore, nil
		}
		attrs = src.Attrs
		return context1, nil
	}}
	got := about{t.Context(), b.start("FROM scratch\n")}.Files([]string{".env", "*/*.pem"})
	if len(got) != 2 || string(got[".env"]) != "TOKEN=x\n" || len(got["keys/large.pem"]) != maxAboutBytes {
		t.Errorf("got %d files", len(got))
	}
	for name, want := range map[string]string{
		pb.AttrFollowPaths: `[".env","*/*.pem"]`, pb.AttrExcludePatterns: `["secret"]`, pb.AttrSharedKeyHint: "context-credentials",
	} {
		if attrs[name] != want {
			t.Errorf("%s is %q, want %q", name, attrs[name], want)
		}
	}
	attrs = nil
	b.opts["context"] = "https://example.test/x.git"
	if got := (about{t.Context(), b.start("FROM scratch\n")}).Files([]string{".env"}); len(got) > 0 || attrs != nil {
		t.Errorf("a remote context was fetched: %v", got)
	}
}

// users is a builder whose registry has one image.
type users struct {
	*builder
	asked []string
}

// ResolveImageConfig implements gateway.Client.
func (u *users) ResolveImageConfig(_ context.Context, ref string, opt sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	u.asked = append(u.asked, ref+" "+opt.LogName)
	if !strings.HasPrefix(ref, "docker.io/library/debian:") {
		return "", "", nil, context.DeadlineExceeded
	}
	return ref, "", []byte(`{"config":{"User":"app"}}`), nil
}

func TestAboutUser(t *testing.T) {
	b := (&builder{t: t, opts: map[string]string{"context:debian:named": "docker-image://other"}}).start("FROM scratch\n")
	u := &users{builder: b.client.(*builder)}
	b.client = u
	a := about{t.Context(), b}
	if user, ok := a.User("debian:12"); !ok || user != "app" {
		t.Errorf("got %q, %v", user, ok)
	}
	if _, ok := a.User("none:1"); ok {
		t.Error("an image that is not there is known")
	}
	if _, ok := a.User("No Image"); ok {
		t.Error("a name that is none is known")
	}
	if _, ok := a.User("debian:named"); ok {
		t.Error("a named context was taken for the registry's image")
	}
	if len(u.asked) != 2 || u.asked[0] != "docker.io/library/debian:12 [internal] load metadata for docker.io/library/debian:12" {
		t.Errorf("asked %q", u.asked)
	}
}
