package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"text/template"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/rogpeppe/go-internal/testscript"
)

// scriptCommands are the commands of the scripts beside testscript's own.
var scriptCommands = map[string]func(*testscript.TestScript, bool, []string){
	"exits":  exits,
	"index":  makeIndex,
	"flood":  flood,
	"only":   onlyPath,
	"docker": fakeDocker,
}

// exits CODE PROGRAM ARGS: runs a program, which must end with the code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM [ARG...]")
	}
	code := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := err.(*exec.ExitError)
		if !ok {
			ts.Fatalf("%v", err)
		}
		code = exit.ExitCode()
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("%s exits with %d, want %s", args[1], code, args[0])
	}
}

// scriptLayout is an OCI layout that a script makes.
type scriptLayout struct {
	ts  *testscript.TestScript
	dir string
}

// put writes a blob and gives the first fields of a descriptor of it.
func (l scriptLayout) put(mediaType types.MediaType, data []byte) string {
	h, n, err := v1.SHA256(bytes.NewReader(data))
	l.ts.Check(err)
	file := filepath.Join(l.dir, "blobs", "sha256", h.Hex)
	l.ts.Check(os.MkdirAll(filepath.Dir(file), 0o755))
	l.ts.Check(os.WriteFile(file, data, 0o644))
	return fmt.Sprintf(`"mediaType":%q,"digest":%q,"size":%d`, mediaType, h, n)
}

// manifest writes an image manifest with one layer; layer are the fields of its
// descriptor.
func (l scriptLayout) manifest(config, layer string) string {
	return l.put(types.OCIManifestSchema1, fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":%q,"config":{%s},"layers":[{%s}]}`,
		types.OCIManifestSchema1, l.put(types.OCIConfigJSON, []byte(config)), layer))
}

// image makes an image of that name; the same name is the same image.
func (l scriptLayout) image(name string) string {
	return l.manifest(`{"os":"linux","architecture":"amd64"}`, l.put(types.OCILayer, []byte(name)))
}

// digest is the digest of the image of that name.
func (l scriptLayout) digest(name string) string {
	var d v1.Descriptor
	l.ts.Check(json.Unmarshal([]byte("{"+l.image(name)+"}"), &d))
	return d.Digest.String()
}

// attestation makes an attestation manifest of the image with a statement of
// the predicate type. more is added to its subject.
func (l scriptLayout) attestation(about, predicateType, more string) string {
	_, hex, _ := bytes.Cut([]byte(l.digest(about)), []byte(":"))
	statement := fmt.Appendf(nil, `{"_type":"https://in-toto.io/Statement/v1","predicateType":%q,"subject":[{"digest":{"sha256":%q}%s}]}`, predicateType, hex, more)
	return l.manifest("{}", l.put("application/vnd.in-toto+json", statement)+fmt.Sprintf(`,"annotations":{"in-toto.io/predicate-type":%q}`, predicateType))
}

// index DIR FILE: makes an OCI layout of one index. FILE is a template of the
// index's JSON.
func makeIndex(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: index DIR FILE")
	}
	l := scriptLayout{ts, ts.MkAbs(args[0])}
	t, err := template.New("index").Funcs(template.FuncMap{"image": l.image, "digest": l.digest, "attestation": l.attestation, "nested": func(text string) string { return l.put(types.OCIImageIndex, []byte(text)) }}).Parse(ts.ReadFile(args[1]))
	ts.Check(err)
	var text bytes.Buffer
	ts.Check(t.Execute(&text, nil))
	ts.Check(os.MkdirAll(l.dir, 0o755))
	ts.Check(os.WriteFile(filepath.Join(l.dir, "oci-layout"), []byte(`{"imageLayoutVersion":"1.0.0"}`), 0o644))
	ts.Check(os.WriteFile(filepath.Join(l.dir, "index.json"), fmt.Appendf(nil, `{"schemaVersion":2,"manifests":[{%s}]}`, l.put(types.OCIImageIndex, text.Bytes())), 0o644))
}

// flood DIR N: attaches the last thing that is attached in a layout once more,
// N times.
func flood(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: flood DIR N")
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	l := scriptLayout{ts, ts.MkAbs(args[0])}
	file := filepath.Join(l.dir, "index.json")
	var index v1.IndexManifest
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(file)), &index))
	last := index.Manifests[len(index.Manifests)-1]
	var m map[string]any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(filepath.Join(l.dir, "blobs", "sha256", last.Digest.Hex))), &m))
	for i := range n {
		m["annotations"] = map[string]string{"n": strconv.Itoa(i)}
		raw, err := json.Marshal(m)
		ts.Check(err)
		var d v1.Descriptor
		ts.Check(json.Unmarshal([]byte("{"+l.put(types.OCIManifestSchema1, raw)+"}"), &d))
		d.ArtifactType = last.ArtifactType
		index.Manifests = append(index.Manifests, d)
	}
	raw, err := json.Marshal(index)
	ts.Check(err)
	ts.Check(os.WriteFile(file, raw, 0o644))
}
