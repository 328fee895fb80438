package buildkit_test

import (
	"strings"
	"testing"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/solver/pb"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/source"
)

// TestScope asks BuildKit what variables are worth: in each file the last
// WORKDIR shows it.
func TestScope(t *testing.T) {
	for _, text := range []string{
		"FROM scratch\nENV A=1\nARG A=2\n",
		"FROM scratch\nARG A=2\nENV A=1\n",
		"FROM scratch\nENV A=1\nARG A\n",
		"FROM scratch\nARG A=1 B=$A\nENV C=$B A=3 D=$A\n",
		"FROM scratch\nENV A=1 B=$A\n",
		"ARG A=g\nFROM scratch\nARG A\nARG B=$A\n",
		"ARG A=g\nFROM scratch\nENV B=$A\n",
		"ARG A=g\nFROM scratch AS x\nARG A=x\nENV B=y\nFROM x\nARG C=$A$B\nARG A\n",
		"FROM scratch AS x\nENV A=1\nFROM x\nARG A=2\nENV B=$A\n",
		"FROM scratch AS x\nARG A=2\nENV A=3\nFROM x\nARG A\n",
		"FROM scratch\nENV A='$B' B=\"$C\" C=\\$D\nENV D=${A:-d}${X:-e}\n",
		"FROM scratch\nENV A  b \"c d\"   e\nENV B=$A\n",
	} {
		text += "WORKDIR /A-$A/B-$B/C-$C/D-$D\n"
		f, err := dockerfile.Parse(source.NewFile("Dockerfile", []byte(text)))
		if err != nil {
			t.Fatal(err)
		}
		caps, platform := pb.Caps.CapSet(pb.Caps.All()), platforms.MustParse("linux/amd64")
		main := llb.Scratch()
		res, err := dockerfile2llb.Dockerfile2LLB(t.Context(), f.Bytes, dockerfile2llb.ConvertOpt{MainContext: &main, TargetPlatform: &platform, LLBCaps: &caps})
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		last := f.Instructions[len(f.Instructions)-1]
		got := "/"
		for part := range strings.SplitSeq(last.Command.(*instructions.WorkdirCommand).Path[1:], "/") {
			name, _, _ := strings.Cut(part, "-")
			value, _ := f.Expand(last, "$"+name)
			got += name + "-" + value + "/"
		}
		if want := res.Image.Config.WorkingDir; strings.TrimSuffix(got, "/") != want {
			t.Errorf("%s got %s\nwant %s", text, got, want)
		}
	}
}
