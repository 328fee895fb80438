package inspect

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need/elf/elftest"
	"github.com/whittle-oci/whittle/builder/report"
)

// pair are two images of one program, and the second with what is given.
func pair(t *testing.T, change func(*v1.ConfigFile, *[]file)) (a, b Side) {
	t.Helper()
	side := func(change func(*v1.ConfigFile, *[]file)) Side {
		c := v1.ConfigFile{OS: "linux", Architecture: "amd64", Config: v1.Config{User: "65532:65532", Env: []string{"PATH=/bin", "TOKEN=hunter2hunter2"}, Cmd: []string{"/app"}}}
		files := []file{{name: "app", mode: 0o755, data: string(elftest.File{Needed: []string{"libc.so.6"}}.Bytes())}, {name: "etc/app.conf", mode: 0o644, data: "a=1"}, {name: "lib/libc.so.6", mode: 0o755, data: "c"}}
		change(&c, &files)
		return Side{Source: source(t, c, layer(t, files...))}
	}
	return side(func(*v1.ConfigFile, *[]file) {}), side(change)
}

func TestDiff(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*v1.ConfigFile, *[]file)
		want   string // differences, as kind name
		same   string
		meets  string
		made   string
	}{
		"nothing":                  {func(*v1.ConfigFile, *[]file) {}, "", "image", "", ""},
		"order":                    {func(_ *v1.ConfigFile, f *[]file) { (*f)[0], (*f)[1] = (*f)[1], (*f)[0] }, "", "content", "", "the order of entries in layers, or what else their archives say"},
		"history":                  {func(c *v1.ConfigFile, _ *[]file) { c.Author = "ann" }, "", "content", "", "author, versions or other fields of the configuration"},
		"content of the same size": {func(_ *v1.ConfigFile, f *[]file) { (*f)[1].data = "a=2" }, "content /etc/app.conf", "", "files", ""},
		"mode and owner":           {func(_ *v1.ConfigFile, f *[]file) { (*f)[1].mode, (*f)[1].uid = 0o600, 7 }, "mode /etc/app.conf,owner /etc/app.conf", "", "files", ""},
		"a file more":              {func(_ *v1.ConfigFile, f *[]file) { *f = append(*f, file{name: "srv", mode: 0o644, data: "x"}) }, "file /srv", "", "files size=0%", ""},
		"another user":             {func(c *v1.ConfigFile, _ *[]file) { c.Config.User = "" }, "config User", "", "config user", ""},
		"a port":                   {func(c *v1.ConfigFile, _ *[]file) { c.Config.ExposedPorts = map[string]struct{}{"80/tcp": {}} }, "config ExposedPorts", "", "config", ""},
		"variables":                {func(c *v1.ConfigFile, _ *[]file) { c.Config.Env = []string{"TOKEN=hunter3hunter3", "NEW=1"} }, "environment NEW,environment PATH,environment TOKEN", "", "config", ""},
		"needs": {func(_ *v1.ConfigFile, f *[]file) {
			(*f)[0].data = string(elftest.File{Needed: []string{"libm.so.6"}}.Bytes())
		}, "content /app,needs /app", "", "files", ""},
		"a package of Python": {func(_ *v1.ConfigFile, f *[]file) {
			*f = append(*f, file{name: "usr/lib/python3/dist-packages/flask/app.py", mode: 0o644, data: strings.Repeat("x", 2000)})
		}, "file /usr,file /usr/lib,file /usr/lib/python3,file /usr/lib/python3/dist-packages,file /usr/lib/python3/dist-packages/flask,file /usr/lib/python3/dist-packages/flask/app.py,package pypi:flask", "", "files packages size=0% size=50%", ""},
		"times": {func(_ *v1.ConfigFile, f *[]file) { (*f)[0].time, (*f)[2].time = 7, 7 }, "", "content", "", "times of 2 files"},
		"creation": {func(c *v1.ConfigFile, _ *[]file) {
			c.Created, c.History = v1.Time{Time: time.Unix(7, 0)}, []v1.History{{CreatedBy: "RUN"}}
		}, "", "content", "", "the time of creation; the history"},
		"a capability": {func(_ *v1.ConfigFile, f *[]file) { (*f)[0].caps = netBind }, "capability /app", "", "files", ""},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := pair(t, tc.change)
			d, err := Diff(t.Context(), a, b)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, x := range d.Differences {
				got = append(got, x.Kind+" "+x.Name)
			}
			if strings.Join(got, ",") != tc.want || d.Same != tc.same {
				t.Errorf("%s, same %q; want %s, %q", strings.Join(got, ","), d.Same, tc.want, tc.same)
			}
			var meets []string
			for _, s := range []string{"files", "packages", "config", "user", "size=0%", "size=50%"} {
				c, err := ParseCondition(s)
				if err != nil {
					t.Fatal(err)
				}
				if d.Meets(c) {
					meets = append(meets, s)
				}
			}
			if made := strings.Join(d.Made, "; "); made != tc.made {
				t.Errorf("they were made differently in %q, want %q", made, tc.made)
			}
			if strings.Join(meets, " ") != tc.meets {
				t.Errorf("it meets %q, want %s", meets, tc.meets)
			}
			var text, markdown bytes.Buffer
			data, err := json.Marshal(d)
			if err != nil || d.Text(&text, TextOptions{}) != nil || d.Markdown(&markdown) != nil {
				t.Fatal(err)
			}
			if all := text.String() + markdown.String() + string(data); strings.Contains(all, "hunter") || strings.Contains(string(data), "null") {
				t.Errorf("a value is told, or a list is none:\n%s", all)
			}
		})
	}
}

// TestDiffText writes a comparison with reasons, and with names that are no
// text.
func TestDiffText(t *testing.T) {
	a, b := pair(t, func(c *v1.ConfigFile, f *[]file) {
		c.Config.User = ""
		*f = append((*f)[1:], file{name: "srv/<b>`|@all\x1b[2J", mode: 0o644, data: "x"})
		for i := range maxMarkdown + 5 {
			*f = append(*f, file{name: "many/" + strings.Repeat("f", i+1), mode: 0o644, data: "x"})
		}
	})
	a.Contents = &report.Report{Files: []report.File{{Path: "/etc/app.conf", Reason: "COPY"}}}
	b.Contents = &report.Report{Files: []report.File{{Path: "/etc/app.conf", Reason: "include:"}}}
	d, err := Diff(t.Context(), a, b)
	if err != nil {
		t.Fatal(err)
	}
	var text, all, markdown bytes.Buffer
	if d.Text(&text, TextOptions{}) != nil || d.Text(&all, TextOptions{All: true}) != nil || d.Markdown(&markdown) != nil {
		t.Fatal("a buffer fails")
	}
	golden(t, "diff.txt", text.Bytes())
	golden(t, "diff.md", markdown.Bytes())
	if strings.Count(all.String(), "/many/f") != maxMarkdown+5 {
		t.Errorf("not all is told:\n%s", all.String())
	}
}

func TestParseCondition(t *testing.T) {
	if c, err := ParseCondition("size=2.5%"); err != nil || c.Percent != 2.5 {
		t.Errorf("%+v %v", c, err)
	}
	for _, s := range []string{"", "file", "size", "files=1", "size=", "size=x", "size=-1%", "size=nan", "size=inf%", "size=5%%"} {
		if c, err := ParseCondition(s); err == nil {
			t.Errorf("%q: %+v", s, c)
		}
	}
}

func FuzzParseCondition(f *testing.F) {
	f.Add("size=5%")
	f.Add("files")
	f.Fuzz(func(t *testing.T, s string) {
		if c, err := ParseCondition(s); err == nil && !(c.Percent >= 0 && c.Percent <= 1e6) {
			t.Errorf("%q: %+v", s, c)
		}
	})
}

func TestAttached(t *testing.T) {
	ann, bob := Thing{"signature", "signature (bundle) by [ann] on the index"}, Thing{"attestation", "attestation x by [bob] on the image"}
	got := Attached(map[Thing]int{ann: 1, bob: 1}, map[Thing]int{bob: 3, {"artifact", "scan"}: 1})
	want := []image.Difference{{Kind: "signature", Name: ann.Name, From: "attached"}, {Kind: "attestation", Name: bob.Name, From: "attached", To: "attached 3 times"}, {Kind: "artifact", Name: "scan", To: "attached"}}
	if !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := Attached(map[Thing]int{ann: 2}, map[Thing]int{ann: 2}); len(got) > 0 {
		t.Errorf("%+v", got)
	}
}
