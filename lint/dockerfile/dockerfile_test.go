package dockerfile_test

import (
	"testing"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/source"
)

func parse(t *testing.T, text string) *dockerfile.File {
	t.Helper()
	f, err := dockerfile.Parse(source.NewFile("Dockerfile", []byte(text)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestTriggers holds ONBUILD to be the instruction that it triggers, with its
// bytes.
func TestTriggers(t *testing.T) {
	f := parse(t, "FROM a\nonbuild  \\\n  run --mount=type=cache,target=/c apt-get \\\n install curl\nONBUILD RUN <<EOF\nyum install -y b\nEOF\n")
	for i, want := range []struct{ keyword, command, arg string }{{"run", "apt-get", "curl"}, {"run", "yum", "b"}} {
		in := f.Instructions[i+1]
		if !in.Trigger || in.Keyword != want.keyword {
			t.Fatalf("instruction %d is %s, trigger %v", i, in.Keyword, in.Trigger)
		}
		cmds := f.Commands(in)
		if len(cmds) != 1 || cmds[0].Name != want.command {
			t.Fatalf("commands of %d: %+v", i, cmds)
		}
		span := cmds[0].Args[len(cmds[0].Args)-1].Span
		if got := string(f.Bytes[span.Start:span.End]); got != want.arg {
			t.Errorf("the last argument of %d stands at %q, want %q", i, got, want.arg)
		}
	}
}

// TestScope fills variables as BuildKit does.
func TestScope(t *testing.T) {
	f := parse(t, `ARG V=1
ARG W=$V.2
FROM a:$W AS base
ENV E=env
ARG E=arg
ARG V
ARG N
FROM base
ENV X=$E-$V
ONBUILD ENV X=never
RUN last
`)
	last := f.Instructions[len(f.Instructions)-1]
	for word, want := range map[string]string{"$X": "env-1", "$E": "env", "$V": "1", "${N:-d}": "d"} {
		if got, known := f.Expand(last, word); got != want || !known {
			t.Errorf("%s is %q (known %v), want %q", word, got, known, want)
		}
	}
	if _, known := f.Expand(last, "$N"); known {
		t.Error("an ARG without a default has a value")
	}
	if name, _ := f.BaseName(&f.Stages[0]); name != "a:1.2" {
		t.Errorf("the base is %q", name)
	}
}

// TestAt finds the instruction of every line.
func TestAt(t *testing.T) {
	f := parse(t, "# c\nFROM a\n\nRUN x \\\n # c\n y\n# d\nRUN z\n")
	for line, want := range map[int]int{1: -1, 2: 0, 3: -1, 4: 1, 5: 1, 6: 1, 7: -1, 8: 2} {
		in, ok := f.At(line)
		if got := in.Index; !ok && want != -1 || ok && got != want {
			t.Errorf("line %d belongs to %d (%v), want %d", line, got, ok, want)
		}
	}
}
