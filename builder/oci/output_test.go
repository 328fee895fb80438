package oci_test

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/whittle-oci/whittle/builder/oci"
)

// TestParseOutput has buildx's meanings, and refuses what contradicts itself.
func TestParseOutput(t *testing.T) {
	type attrs = map[string]string
	for _, c := range []struct {
		text string
		want oci.Output
		err  string
	}{
		{text: "out", want: oci.Output{Type: "local", Dest: "out", Dir: true}},
		{text: "./a=b", want: oci.Output{Type: "local", Dest: "./a=b", Dir: true}},
		{text: `"a,b"`, want: oci.Output{Type: "local", Dest: "a,b", Dir: true}},
		{text: "-", want: oci.Output{Type: "tar", Dest: "-"}},
		{text: "type=tar", want: oci.Output{Type: "tar", Dest: "-"}},
		{text: "type=tar,dest=x", want: oci.Output{Type: "tar", Dest: "x"}},
		{text: "type=local,dest=x", want: oci.Output{Type: "local", Dest: "x", Dir: true}},
		{text: "type=oci", want: oci.Output{Type: "oci", Dest: "-"}},
		{text: "type=oci,dest=-", want: oci.Output{Type: "oci", Dest: "-"}},
		{text: "type=oci,dest=a=b", want: oci.Output{Type: "oci", Dest: "a=b"}},
		{text: `type=oci,"dest=a,b"`, want: oci.Output{Type: "oci", Dest: "a,b"}},
		{text: `"type=oci","dest=say ""x"""`, want: oci.Output{Type: "oci", Dest: `say "x"`}},
		{text: "TYPE=oci, Dest=x,Tar=1", want: oci.Output{Type: "oci", Dest: "x", Attrs: attrs{"tar": "1"}}},
		{text: "type=oci,tar=false,dest=x", want: oci.Output{Type: "oci", Dest: "x", Dir: true, Attrs: attrs{"tar": "false"}}},
		{text: `type=image,"name=a,b",push=true`, want: oci.Output{Type: "image", Attrs: attrs{"name": "a,b", "push": "true"}}},
		{text: "type=registry,compression=zstd", want: oci.Output{Type: "image", Attrs: attrs{"push": "true", "compression": "zstd"}}},
		{text: "type=docker", want: oci.Output{Type: "docker"}},
		{text: "type=docker,dest=-", want: oci.Output{Type: "docker", Dest: "-"}},
		{text: "type=cacheonly", want: oci.Output{Type: "cacheonly"}},

		{text: "dest=x", err: "the type is missing"},
		{text: "tar=false,dest=x", err: "the type is missing"},
		{text: "out,type=oci", err: `"out" is not NAME=VALUE`},
		{text: "type=oci,", err: `"" is not NAME=VALUE`},
		{text: "type=", err: "the type is missing"},
		{text: "type=zip,dest=x", err: `the type "zip" is none of registry, image, oci, docker, local, tar, cacheonly`},
		{text: "type=local", err: "want dest=DIR"},
		{text: "type=local,dest=-", err: "a directory cannot go to standard output"},
		{text: "type=oci,tar=false", err: "want dest=DIR"},
		{text: "type=oci,tar=perhaps,dest=x", err: "tar=perhaps is neither true nor false"},
		{text: "type=image,dest=x", err: "type=image has no dest"},
		{text: `type=oci,"dest=x`, err: "quote"},
		{text: "type=oci,dest=a\x00b", err: "NUL"},
	} {
		got, err := oci.ParseOutput(c.text)
		if c.err != "" {
			if bad, ok := errors.AsType[*oci.OutputError](err); !ok || bad.ExitCode() != 2 || !strings.HasPrefix(err.Error(), "-o "+c.text+": ") || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%q: %v, want %q", c.text, err, c.err)
			}
			continue
		}
		if err != nil || got.Type != c.want.Type || got.Dest != c.want.Dest || got.Dir != c.want.Dir || !maps.Equal(got.Attrs, c.want.Attrs) || got.String() != c.text {
			t.Errorf("%q: %+v, %v, want %+v", c.text, got, err, c.want)
		}
	}
}

// TestParseOutputs lets no two outputs write to the same place.
func TestParseOutputs(t *testing.T) {
	for _, c := range []struct {
		list []string
		n    int
		err  string
	}{
		{nil, 0, ""},
		{[]string{"", "type=oci,dest=x", "type=docker,dest=y", "type=registry", "type=registry"}, 4, ""},
		{[]string{"type=oci,dest=x", "type=docker,dest=./x"}, 0, "it goes where -o type=oci,dest=x goes"},
		{[]string{"-", "type=oci"}, 0, "it goes where -o - goes"},
		{[]string{"out", "type=oci,tar=false,dest=out/"}, 0, "it goes where -o out goes"},
	} {
		got, err := oci.ParseOutputs(c.list)
		if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) || len(got) != c.n {
			t.Errorf("%q: %d outputs, %v", c.list, len(got), err)
		}
	}
}

// TestCheckDirect refuses what only a builder can write.
func TestCheckDirect(t *testing.T) {
	tag, err := oci.ParseTag("app:1")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"type=oci,dest=x":                       "",
		"out":                                   "",
		"-":                                     "",
		"type=docker":                           "",
		"type=registry":                         "",
		"type=local,dest=x,mode=delete":         "",
		"type=oci,dest=x,compression=zstd":      "",
		"type=oci,dest=x,compress=1":            `"compress=1" is not known here`,
		"type=oci,dest=x,compression=lz":        "compression=lz: want gzip or zstd",
		"type=oci,dest=x,oci-mediatypes=false":  "oci-mediatypes=false: want true",
		"type=image":                            "no image store here",
		"type=cacheonly":                        "no build cache here",
		"type=docker,tar=false,dest=x":          "a docker image is a tar",
		"type=registry,push=maybe,dest=":        "",
		"type=image,push=maybe":                 "push=maybe: want true or false",
		"type=docker,dest=x,name=a b":           "",
		"nameless type=docker,dest=x":           "needs a name",
		"nameless type=registry":                "needs a name",
		"nameless type=registry,name=Q":         "repository",
		"nameless type=docker,dest=x,name=q":    "",
		`nameless type=docker,dest=x,"name=,q"`: "reference",
	} {
		names := []name.Tag{tag}
		if rest, ok := strings.CutPrefix(text, "nameless "); ok {
			text, names = rest, nil
		}
		o, err := oci.ParseOutput(text)
		if err != nil {
			t.Fatal(err)
		}
		err = oci.CheckDirect([]oci.Output{o}, names)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// FuzzParseOutput never fails but with an OutputError, and what it accepts has
// a place to go that fits its type.
func FuzzParseOutput(f *testing.F) {
	for _, s := range []string{"out", "-", "type=oci,tar=false,dest=x", `type=image,"name=a,b",push=true`, "type=docker", "dest=x", `"`, "type=local,dest=", "a=b", ",", "type=tar\x00,dest=\x00", " TYPE = oci"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		o, err := oci.ParseOutput(s)
		if err != nil {
			if _, ok := errors.AsType[*oci.OutputError](err); !ok {
				t.Fatalf("%q: %T", s, err)
			}
			return
		}
		switch o.Type {
		case oci.TypeImage, oci.TypeCacheOnly:
			if o.Dest != "" || o.Dir {
				t.Fatalf("%q: %+v", s, o)
			}
		case oci.TypeLocal:
			if !o.Dir || o.Dest == "" {
				t.Fatalf("%q: %+v", s, o)
			}
		case oci.TypeTar, oci.TypeOCI, oci.TypeDocker:
			if o.Dest == "" && o.Type != oci.TypeDocker || o.Dir && (o.Dest == "-" || o.Type == oci.TypeTar) {
				t.Fatalf("%q: %+v", s, o)
			}
		default:
			t.Fatalf("%q: the type is %q", s, o.Type)
		}
		if strings.ContainsRune(o.Dest, 0) || o.String() != s {
			t.Fatalf("%q: %+v", s, o)
		}
	})
}
