package convert_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/whittle-oci/whittle/lint/buildkit"
	"github.com/whittle-oci/whittle/lint/convert"
	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rules"
	"github.com/whittle-oci/whittle/lint/source"
)

// cases are Dockerfiles with the places that BuildKit refuses, as line:column and
// the text that stands there.
var cases = []struct {
	text string
	want []string
}{
	// Mounts.
	{"FROM a:1\nRUN --mount=type=chache,target=/x true\n", []string{"2:13 type=chache"}},
	{"FROM a:1\nRUN --mount=type=cache,traget=/x true\n", []string{"2:24 traget=/x"}},
	{"FROM a:1\nRUN --mount=type=cache,target=/x,sharing=lokced true\n", []string{"2:34 sharing=lokced"}},
	{"FROM a:1\nRUN --mount=type=cache,target=/x,mode=rw true\n", []string{"2:34 mode=rw"}},
	{"FROM a:1\nRUN --mount=type=cache,target=/x,mode=9 true\n", []string{"2:34 mode=9"}},
	{"FROM a:1\nRUN --mount=type=cache,target=/x,uid=root true\n", []string{"2:34 uid=root"}},
	{"FROM a:1\nRUN --mount=type=tmpfs,target=/x,size=big true\n", []string{"2:34 size=big"}},
	{"FROM a:1\nRUN --mount=type=bind,target=/x,uid=1 true\n", []string{"2:33 uid=1"}},
	{"FROM a:1\nRUN --mount=type=cache,target=/x,readonl true\n", []string{"2:34 readonl"}},
	{"FROM a:1\nRUN --mount=type=secret true\n", []string{"2:13 type=secret"}},
	{"FROM a:1\nRUN --mount=type=secret,id=a,required=perhaps true\n", []string{"2:30 required=perhaps"}},
	{"FROM a:1\nRUN --mount=type=cache,target=/ true\n", []string{"2:13 type=cache,target=/"}},
	{"FROM a:1\nRUN --mount=type=ssh,source=/x true\n", []string{"2:13 type=ssh,source=/x"}},
	{"FROM a:1\nRUN --mount=type=bnid,target=/x --mount=type=cache,target=/y,sharing=l true\n", []string{"2:13 type=bnid", "2:62 sharing=l"}},
	{"FROM a:1\nRUN --mount=type=bind,from=Bad_Name.,target=/x true\n", []string{"2:28 Bad_Name."}},
	{"FROM a:1\nRUN --mount=type=bind,from=b,target=/x true\nFROM a:1 AS b\n", []string{"2:28 b"}},
	{"FROM a:1\nRUN --mount=type=cache,id=$ID,target=$D,sharing=$S,uid=$U,mode=$M true\n", nil},
	{"FROM a:1\nRUN --mount=type=$T,target=/x,sharing=locked true\n", nil},
	{"FROM a:1\nRUN --mount=type=cache,id=x-$TARGETARCH$TARGETVARIANT,target=/x true\n", nil},
	// COPY and ADD.
	{"FROM a:1\nCOPY --chmod=99 a /\nADD --chmod=10000 b /\nCOPY --chmod=u+q a /\n", []string{"2:14 99", "3:13 10000", "4:14 u+q"}},
	{"FROM a:1\nCOPY --chmod=0755 a /\nCOPY --chmod=u=rwX,go=rX a /\nCOPY --chmod=$MODE a /\nCOPY --chmod=0$M a /\n", nil},
	{"FROM scratch\nCOPY --chmod=0$M a /\nCOPY --chmod=9$M a /\n", []string{"3:14 9$M"}},
	{"FROM a:1\nCOPY --link --chown=app a /\nCOPY --link --chown=1:2 a /\nCOPY --chown=app a /\n", []string{"2:21 app"}},
	{"FROM a:1\nADD --checksum=sha256:abc https://x.test/a /a\n", []string{"2:16 sha256:abc"}},
	{"FROM a:1\nADD --checksum=md5:0123 https://x.test/a /a\n", []string{"2:16 md5:0123"}},
	{"FROM a:1\nADD --checksum=sha256:0000000000000000000000000000000000000000000000000000000000000000 a /a\n", []string{"2:16 sha256:0000000000000000000000000000000000000000000000000000000000000000"}},
	{"FROM a:1\nADD --checksum=0123 https://x.test/a.git /a\nADD --checksum=$SUM https://x.test/a /a\nADD --checksum=sha256:$SUM $URL /a\n", nil},
	{"FROM a:1\nCOPY https://x.test/a /a\nCOPY git@x.test:a/b /a\nCOPY https://x.test/a.git /a\n", []string{"2:6 https://x.test/a", "3:6 git@x.test:a/b", "4:6 https://x.test/a.git"}},
	{"FROM a:1\nCOPY --from=7 /a /a\n", []string{"2:13 7"}},
	{"FROM a:1\nCOPY --from=0 /a /a\n", []string{"2:13 0"}},
	{"FROM a:1\nFROM a:1\nCOPY --from=0 /a /a\n", nil},
	{"FROM a:1\nCOPY --from=$X /a /a\n", []string{"2:13 $X"}},
	{"FROM a:1 AS x\nCOPY --from=x /a /a\n", []string{"2:13 x"}},
	{"FROM a:1\nCOPY --from=Busybox /a /a\n", []string{"2:13 Busybox"}},
	{"FROM a:1\nCOPY <<E /a\n${A:foo}\nE\n", []string{"3:1 ${A:foo}\n"}},
	{"FROM a:1\nCOPY <<'E' /a\n${A:foo}\nE\n", nil},
	// The rest of the instructions.
	{"FROM a:1\nSTOPSIGNAL SIGFOO\nSTOPSIGNAL 0\nSTOPSIGNAL SIGRTMIN+16\n", []string{"2:12 SIGFOO", "3:12 0", "4:12 SIGRTMIN+16"}},
	{"FROM a:1\nSTOPSIGNAL term\nSTOPSIGNAL 99\nSTOPSIGNAL SIGRTMAX-14\nSTOPSIGNAL $SIG\nSTOPSIGNAL SIG$S\n", nil},
	{"FROM a:1\nEXPOSE abc 80/http 70000 90-80 1.2.3:80:80 80-\n", []string{"2:8 abc", "2:12 80/http", "2:20 70000", "2:26 90-80", "2:32 1.2.3:80:80", "2:44 80-"}},
	{"FROM a:1\nEXPOSE ${PORT}/tcp $A-$B $P/$PROTO 80/$PROTO 127.0.0.1:80:80 [::1]:8:80 80/UDP\n", nil},
	{"FROM a:1\nEXPOSE $P/http\n", []string{"2:8 $P/http"}},
	{"FROM scratch\nEXPOSE ${PORT}/tcp\n", []string{"2:8 ${PORT}/tcp"}},
	{"FROM scratch\nARG PORT\nEXPOSE ${PORT}/tcp\n", nil},
	{"FROM a:1\nVOLUME $DATA\nVOLUME [\"$DATA\"]\n", nil},
	{"FROM scratch\nVOLUME [\"/a\", \"$DATA\"]\n", []string{"2:15 \"$DATA\""}},
	{"FROM a:1\nENV A=${B:foo} C=1\nLABEL a=${B:?}\nWORKDIR ${B\nUSER \"a\n", []string{"2:7 ${B:foo}", "4:9 ${B", "5:6 \"a"}},
	{"FROM a:1\nENV A it's\n", []string{"2:7 it's"}},
	{"FROM a:1\nENV A=${B:?need} C=${D:-x} E=${F%x} G=${H//a/b}\n", nil},
	{"FROM scratch\nENV A=${B:?need}\n", []string{"2:7 ${B:?need}"}},
	{"FROM a:1\nARG A=${B:foo}\n", []string{"2:7 ${B:foo}"}},
	// FROM.
	{"FROM --platform=abc a:1\n", []string{"1:17 abc"}},
	{"FROM --platform=linux/amd64/v8/x a:1\n", []string{"1:17 linux/amd64/v8/x"}},
	{"FROM --platform=linux/ a:1\n", []string{"1:17 linux/"}},
	{"FROM --platform=$PLAT a:1\n", []string{"1:17 $PLAT"}},
	{"ARG PLAT\nFROM --platform=$PLAT a:1\nFROM --platform=$BUILDPLATFORM a:1\nFROM --platform=linux/${TARGETARCH} a:1\n", nil},
	{"ARG PLAT=abc\nFROM --platform=$PLAT a:1\n", []string{"2:17 $PLAT"}},
	{"ARG A=${B:foo}\nFROM a:1\n", []string{"1:7 ${B:foo}"}},
	{"FROM $NOBODY\n", []string{"1:6 $NOBODY"}},
	{"ARG A\nFROM $A\nFROM a:$A\nFROM $A/b:1\nFROM a@$A\n", nil},
	{"ARG A=Not/Valid\nFROM $A\n", []string{"2:6 $A"}},
	{"ARG A=${A}\nFROM a:$A\n", []string{"2:6 a:$A"}},
	{"FROM a.b-c/d1:e.f-g AS x\nFROM a--b\nFROM a_b:1\n", nil},
	{"FROM a..b:1\n", []string{"1:6 a..b:1"}},
	{"FROM -a\n", []string{"1:6 -a"}},
	{"FROM a/:1\n", []string{"1:6 a/:1"}},
	{"FROM a:1:2\n", []string{"1:6 a:1:2"}},
	{"FROM a:1 AS amd64\nFROM ${TARGETARCH}\n", nil},
	{"# check=frob=1\nFROM a:1\n", []string{"1:1 # check=frob=1"}},
}

func parse(t *testing.T, text string) *dockerfile.File {
	t.Helper()
	f, err := dockerfile.Parse(source.NewFile("Dockerfile", []byte(text)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestRefusals(t *testing.T) {
	for _, c := range cases {
		f := parse(t, c.text)
		if len(f.Problems) > 0 {
			t.Errorf("%q: the parser refuses it: %v", c.text, f.Problems[0].Err)
			continue
		}
		var got []string
		found := convert.Refusals(f, nil)
		for _, r := range found {
			at := f.Pos(r.Span.Start)
			got = append(got, fmt.Sprintf("%d:%d %s", at.Line, at.Col, f.Bytes[r.Span.Start:r.Span.End]))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%q\nwant %q\ngot  %q", c.text, c.want, got)
		}
		// BuildKit says the first of them in the same words.
		why, err := (&buildkit.Checker{}).Refusal(t.Context(), f)
		if err != nil {
			t.Error(err)
		}
		if len(found) > 0 && !said(why, found) {
			t.Errorf("%q\nBuildKit: %s\nours:     %v", c.text, why, found[0].Err)
		}
	}
}

// said reports whether one of the refusals is what BuildKit says, which comes
// with further words around it or behind it, and not always of the first place:
// BuildKit goes over FROMs before other instructions.
func said(why string, found []convert.Refusal) bool {
	return slices.ContainsFunc(found, func(r convert.Refusal) bool {
		words := strings.Fields(r.Err.Error())
		return strings.Contains(why, strings.Join(words[:min(len(words), 4)], " ")) || strings.HasPrefix(why, "circular dependency")
	})
}

// TestEnvironment knows what the base image sets.
func TestEnvironment(t *testing.T) {
	base := func(image string) ([]string, bool) { return []string{"PORT=80"}, image == "a:1" }
	for text, want := range map[string]int{
		"FROM a:1\nEXPOSE ${PORT}/tcp\n":           0,
		"FROM a:1\nEXPOSE ${OTHER}/tcp\n":          1,
		"FROM b:1\nEXPOSE ${OTHER}/tcp\n":          0,
		"FROM a:1 AS x\nFROM x\nSTOPSIGNAL $S\n":   1,
		"FROM a:1\nENV S=SIGTERM\nSTOPSIGNAL $S\n": 0,
	} {
		if got := convert.Refusals(parse(t, text), base); len(got) != want {
			t.Errorf("%q: want %d, got %v", text, want, got)
		}
	}
}

// FuzzRefusals looks for a file that only BuildKit or only we refuse.
func FuzzRefusals(f *testing.F) {
	for _, c := range cases {
		f.Add([]byte(c.text))
	}
	for _, r := range rules.All() {
		f.Add([]byte(r.Bad))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := dockerfile.Parse(source.NewFile("Dockerfile", b))
		if _, bad := errors.AsType[*dockerfile.SyntaxError](err); bad || err == nil && len(file.Problems) > 0 {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		found := convert.Refusals(file, nil)
		for _, r := range found {
			if r.Span.Start < 0 || r.Span.End < r.Span.Start || r.Span.End > len(b) {
				t.Errorf("%v has no place", r.Err)
			}
		}
		why, err := (&buildkit.Checker{}).Refusal(t.Context(), file)
		if err != nil {
			return // it failed inside
		}
		if why == "" && len(found) > 0 {
			t.Errorf("ours alone: %v", found[0].Err)
		}
	})
}
