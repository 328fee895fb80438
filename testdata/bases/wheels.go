package bases

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/csv"
	"errors"
	"fmt"
	"html"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// IndexAddr is where the Python package index of the tests listens. It stands
// in the pip.conf of base images, so that pip install runs unmodified.
const IndexAddr = "127.0.0.1:50801"

// wheels are Debian's Python packages that the index has as wheels.
var wheels = strings.Fields(`flask werkzeug jinja2 markupsafe itsdangerous click colorama gunicorn uvicorn h11 starlette anyio sniffio idna typing-extensions
django tz sqlparse asgiref psycopg2 numpy cryptography cffi cffi-backend pycparser requests urllib3 certifi charset-normalizer chardet simplejson setuptools wheel packaging yaml six`)

// Index serves wheels below dir/wheels on IndexAddr, and makes them first. Where
// another process serves them already, that one is used.
func Index(ctx context.Context, dir string) (func() error, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", IndexAddr)
	if err != nil {
		res, getErr := http.Get("http://" + IndexAddr + "/simple/")
		if getErr != nil {
			return nil, fmt.Errorf("the package index of the tests cannot listen: %w", err)
		}
		return func() error { return nil }, res.Body.Close()
	}
	at := filepath.Join(dir, "wheels")
	if _, err := os.Stat(at); err != nil {
		if err := makeWheels(ctx, at+".tmp"); err != nil {
			return nil, errors.Join(fmt.Errorf("making wheels: %w", err), l.Close())
		}
		if err := os.Rename(at+".tmp", at); err != nil {
			return nil, errors.Join(err, l.Close())
		}
	}
	s := &http.Server{Handler: index(at), ReadHeaderTimeout: time.Minute}
	go func() { _ = s.Serve(l) }()
	return s.Close, nil
}

// index answers as PEP 503 says.
func index(dir string) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /files/", http.StripPrefix("/files/", http.FileServer(http.Dir(dir))))
	mux.HandleFunc("GET /simple/", func(w http.ResponseWriter, r *http.Request) {
		project := strings.Trim(strings.TrimPrefix(r.URL.Path, "/simple/"), "/")
		files, err := filepath.Glob(filepath.Join(dir, "*.whl"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		for _, f := range files {
			base := filepath.Base(f)
			name, _, _ := strings.Cut(base, "-")
			if normalized(name) == normalized(project) {
				fmt.Fprintf(w, "<a href=\"/files/%s\">%s</a>\n", html.EscapeString(base), html.EscapeString(base))
			}
		}
	})
	return mux
}

func normalized(name string) string {
	return strings.ToLower(regexp.MustCompile(`[-_.]+`).ReplaceAllString(name, "-"))
}

// makeWheels makes wheels of Debian's packages: files of dist-packages, with
// the metadata that setuptools wrote.
func makeWheels(ctx context.Context, dir string) error {
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755)); err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "whittle-wheels-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	// apt's own user has to write here.
	if err := os.Chmod(work, 0o777); err != nil {
		return err
	}
	args := []string{"download", "-q"}
	for _, w := range wheels {
		args = append(args, "python3-"+w)
	}
	download := func() ([]byte, error) {
		cmd := exec.CommandContext(ctx, "apt-get", args...)
		cmd.Dir = work
		return cmd.CombinedOutput()
	}
	out, err := download()
	if err != nil { // the lists of packages may be missing, or be old
		if out, err := exec.CommandContext(ctx, "apt-get", "update", "-qq").CombinedOutput(); err != nil {
			return fmt.Errorf("apt-get update: %w\n%s", err, tail(string(out), 5))
		}
		out, err = download()
	}
	if err != nil {
		return fmt.Errorf("apt-get download: %w\n%s", err, tail(string(out), 5))
	}
	debs, err := filepath.Glob(filepath.Join(work, "*.deb"))
	if err != nil {
		return err
	}
	merged := map[string]string{"python3-cffi-backend": "python3-cffi"} // one project, two packages
	for _, deb := range debs {
		pkg, _, _ := strings.Cut(filepath.Base(deb), "_")
		if into, ok := merged[pkg]; ok {
			pkg = into
		}
		into := filepath.Join(work, "root", pkg)
		if err := os.MkdirAll(into, 0o755); err != nil {
			return err
		}
		if out, err := exec.CommandContext(ctx, "dpkg-deb", "-x", deb, into).CombinedOutput(); err != nil {
			return fmt.Errorf("dpkg-deb -x %s: %w\n%s", deb, err, out)
		}
	}
	roots, err := filepath.Glob(filepath.Join(work, "root", "*", "usr", "lib", "python3", "dist-packages"))
	if err != nil {
		return err
	}
	projects := map[string]*project{} // by package
	for _, root := range roots {
		rel, err := filepath.Rel(filepath.Join(work, "root"), root)
		if err != nil {
			return err
		}
		pkg, _, _ := strings.Cut(rel, "/")
		if projects[pkg], err = wheel(root); err != nil {
			return fmt.Errorf("%s: %w", root, err)
		}
	}
	for _, deb := range debs {
		pkg, _, _ := strings.Cut(filepath.Base(deb), "_")
		if err := projects[pkg].depends(ctx, deb, projects); err != nil {
			return err
		}
	}
	for _, p := range projects {
		if p.name == "" {
			continue
		}
		if err := p.write(dir); err != nil {
			return fmt.Errorf("writing the wheel of %s: %w", p.name, err)
		}
	}
	return nil
}

// depends adds what a package depends on: Debian moves the plain requirements
// of a project there (dh_python3(1)).
func (p *project) depends(ctx context.Context, deb string, projects map[string]*project) error {
	if p == nil || p.name == "" {
		return nil
	}
	out, err := exec.CommandContext(ctx, "dpkg-deb", "-f", deb, "Depends").Output()
	if err != nil {
		return fmt.Errorf("dpkg-deb -f %s: %w", deb, err)
	}
	var lines bytes.Buffer
	for _, name := range regexp.MustCompile(`python3-[a-z0-9.+-]+`).FindAllString(string(out), -1) {
		if strings.HasPrefix(name, "python3-cffi-backend") { // what provides it is named by its interface
			name = "python3-cffi"
		}
		if other := projects[name]; other != nil && other.name != "" && other != p {
			fmt.Fprintf(&lines, "Requires-Dist: %s\n", other.name)
		}
	}
	p.require(lines.Bytes())
	return nil
}

// require adds lines to the head of the metadata.
func (p *project) require(lines []byte) {
	head, body, _ := bytes.Cut(p.metadata, []byte("\n\n"))
	p.metadata = slices.Concat(bytes.TrimRight(head, "\n"), []byte("\n"), lines, []byte("\n"), body)
}

// A project is what one wheel is made of.
type project struct {
	name, version, entryPoints string
	metadata                   []byte
	files                      map[string][]byte
	tag                        string
}

// wheel reads a tree of packages.
func wheel(root string) (*project, error) {
	p := &project{files: map[string][]byte{}, tag: "py3-none-any"}
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		info, in, _ := strings.Cut(rel, "/")
		isInfo := strings.HasSuffix(info, ".egg-info") || strings.HasSuffix(info, ".dist-info")
		switch {
		case d.IsDir():
			return nil
		case isInfo:
			return p.describe(name, info, in)
		}
		data, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) && path.Base(rel) == "cacert.pem" {
			// Debian's certifi has a link to the system's authorities.
			data, err = os.ReadFile("/etc/ssl/certs/ca-certificates.crt")
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a link to what another package has
		}
		if strings.HasSuffix(rel, ".so") {
			p.tag = "cp311-cp311-linux_x86_64"
		}
		p.files[rel] = data
		return err
	})
	return p, err
}

// describe reads a file of the metadata of a package.
func (p *project) describe(name, info, in string) error {
	if in != "" && in != "METADATA" && in != "PKG-INFO" && in != "entry_points.txt" && in != "requires.txt" {
		return nil
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	switch in {
	case "entry_points.txt":
		p.entryPoints = string(data)
		return nil
	case "requires.txt":
		p.require(requirements(string(data)))
		return nil
	}
	field := func(f string) string {
		m := regexp.MustCompile(`(?m)^` + f + `: (.*)$`).FindSubmatch(data)
		if m == nil {
			return ""
		}
		return strings.TrimSpace(string(m[1]))
	}
	p.name, p.version, p.metadata = field("Name"), field("Version"), data
	if p.name == "" || p.version == "" {
		return fmt.Errorf("%s names no project", info)
	}
	return nil
}

// requirements are the lines before the first section of a requires.txt of
// setuptools, as metadata has them.
func requirements(text string) []byte {
	var out bytes.Buffer
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			break
		}
		if line != "" {
			fmt.Fprintf(&out, "Requires-Dist: %s\n", line)
		}
	}
	return out.Bytes()
}

// write writes the wheel (PEP 427).
func (p *project) write(dir string) error {
	stem := strings.ReplaceAll(p.name, "-", "_") + "-" + p.version
	info := stem + ".dist-info"
	p.files[path.Join(info, "METADATA")] = p.metadata
	p.files[path.Join(info, "WHEEL")] = []byte(fmt.Sprintf("Wheel-Version: 1.0\nGenerator: whittle\nRoot-Is-Purelib: %t\nTag: %s\n", p.tag == "py3-none-any", p.tag))
	if p.entryPoints != "" {
		p.files[path.Join(info, "entry_points.txt")] = []byte(p.entryPoints)
	}
	var out, record bytes.Buffer
	w, rows := zip.NewWriter(&out), csv.NewWriter(&record)
	names := make([]string, 0, len(p.files))
	for name := range p.files {
		names = append(names, name)
	}
	slices.Sort(names)
	add := func(name string, data []byte) error {
		f, err := w.Create(name)
		if err != nil {
			return err
		}
		_, err = f.Write(data)
		return err
	}
	for _, name := range names {
		sum := sha256.Sum256(p.files[name])
		if err := errors.Join(add(name, p.files[name]), rows.Write([]string{name, "sha256=" + base64.RawURLEncoding.EncodeToString(sum[:]), fmt.Sprint(len(p.files[name]))})); err != nil {
			return err
		}
	}
	rows.Flush()
	record.WriteString(path.Join(info, "RECORD") + ",,\n")
	if err := errors.Join(rows.Error(), add(path.Join(info, "RECORD"), record.Bytes()), w.Close()); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, stem+"-"+p.tag+".whl"), out.Bytes(), 0o644)
}
