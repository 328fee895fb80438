package rootfs

import (
	"archive/zip"
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

func TestCertificatesAreMozillasWithoutTheConstrained(t *testing.T) {
	data, left := Certificates()
	constrained, free := 0, 0
	for r := range bundle.Roots() {
		if r.Constraint != nil {
			constrained++
		} else {
			free++
		}
	}
	if len(left) != constrained {
		t.Errorf("%d roots were left out, %d are constrained", len(left), constrained)
	}
	for _, subject := range left {
		if !bytes.Contains(data, []byte(subject+"\n")) {
			t.Errorf("the header does not name %s", subject)
		}
	}
	n := 0
	for rest := data; ; n++ {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			t.Error(err)
		}
	}
	if n != free || n < 100 {
		t.Errorf("the bundle holds %d certificates, want %d", n, free)
	}
	if again, _ := Certificates(); !bytes.Equal(again, data) {
		t.Error("two calls give different bytes")
	}
}

func TestCertificatesNameTheModuleInUse(t *testing.T) {
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(mod), "\t"+bundleSource+"\n") {
		t.Errorf("go.mod does not require %s: correct bundleSource", bundleSource)
	}
}

func TestZoneinfoZipIsAnArchiveOfZones(t *testing.T) {
	data := ZoneinfoZip()
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Open("Europe/Berlin"); err != nil {
		t.Error(err)
	}
	data[0] ^= 0xff
	if ZoneinfoZip()[0] == data[0] {
		t.Error("the caller can change the embedded archive")
	}
}

func TestParsePasswd(t *testing.T) {
	in := "root:x:0:0:root:/root:/bin/bash\r\n" +
		"# a comment\n+nis\n-nis:x:1:1:::\n:x:1:1:::\nword\nno:x\n" +
		"neg:x:-1:0:::\nlast:x:4294967295:0:::\nword:x:one:0:::\nshort:x:1000:1001\nshorter:x:7\nlong:x:8:9:g:/h:/s:more:fields\n" +
		"app:x:4294967294:4294967294:App,,,:/home/app:"
	got, err := ParsePasswd([]byte(in))
	if err != nil {
		t.Fatal(err)
	}
	want := []User{
		{Name: "root", Gecos: "root", Home: "/root", Shell: "/bin/bash"},
		{Name: "short", UID: 1000, GID: 1001},
		{Name: "shorter", UID: 7},
		{Name: "long", UID: 8, GID: 9, Gecos: "g", Home: "/h", Shell: "/s"},
		{Name: "app", UID: 4294967294, GID: 4294967294, Gecos: "App,,,", Home: "/home/app"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff("root:x:0:0:root:/root:/bin/bash\nshort:x:1000:1001:::\nshorter:x:7:0:::\nlong:x:8:9:g:/h:/s\napp:x:4294967294:4294967294:App,,,:/home/app:\n", string(FormatPasswd(got))); d != "" {
		t.Error(d)
	}
}

func TestParseGroup(t *testing.T) {
	got, err := ParseGroup([]byte("root:x:0:\n+\nbad:x\nvideo:*:44:ann, bob,,\nshort:x:7\nlong:x:8:ann:more\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []Group{{Name: "root"}, {Name: "video", GID: 44, Members: []string{"ann", "bob"}}, {Name: "short", GID: 7}, {Name: "long", GID: 8, Members: []string{"ann"}}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff("root:x:0:\nvideo:x:44:ann,bob\nshort:x:7:\nlong:x:8:ann\n", string(FormatGroup(got))); d != "" {
		t.Error(d)
	}
}

func TestParseRefusesEndlessFiles(t *testing.T) {
	if _, err := ParsePasswd(bytes.Repeat([]byte("\n"), maxAccounts+1)); err == nil {
		t.Error("no error for a file with too many lines")
	}
}

func TestFormatKeepsFieldsApart(t *testing.T) {
	got := string(FormatPasswd([]User{{Name: "a:0:0\nroot", Gecos: "g:h", Home: "/\x00", Shell: "s\r\n"}}))
	if got != "a00root:x:0:0:gh:/:s\n" {
		t.Errorf("got %q", got)
	}
}

func FuzzAccounts(f *testing.F) {
	f.Add([]byte("root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:::\n"))
	f.Add([]byte("\r::4:"))
	f.Add([]byte("video:*:44:ann,bob\n+::\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		users, err := ParsePasswd(data)
		if err == nil {
			again, err := ParsePasswd(FormatPasswd(users))
			if err != nil || len(again) != len(users) {
				t.Fatalf("%d users became %d: %v", len(users), len(again), err)
			}
		}
		groups, err := ParseGroup(data)
		if err == nil {
			again, err := ParseGroup(FormatGroup(groups))
			if err != nil || len(again) != len(groups) {
				t.Fatalf("%d groups became %d: %v", len(groups), len(again), err)
			}
		}
	})
}
