package cli

import (
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/plugins/content/local"
	"github.com/distribution/reference"
	dockerconfig "github.com/docker/cli/cli/config"
	"github.com/moby/buildkit/client"
	buildctl "github.com/moby/buildkit/cmd/buildctl/build"
	"github.com/moby/buildkit/frontend/dockerfile/dfgitutil"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/auth/authprovider"
	"github.com/moby/buildkit/session/sshforward/sshprovider"
	"github.com/tonistiigi/fsutil"
	"github.com/tonistiigi/go-csvvalue"

	"github.com/whittle-oci/whittle/builder/engine"
	"github.com/whittle-oci/whittle/builder/frontend"
	"github.com/whittle-oci/whittle/builder/oci"
	"github.com/whittle-oci/whittle/builder/tree"
	"github.com/whittle-oci/whittle/templates"
)

// buildRequest is a build in BuildKit's terms.
type buildRequest struct {
	solve      client.SolveOpt
	names      []string // normalised names of the image
	progress   string
	configName string
	config     []byte
	commands   [][]string           // that Compose files start the image with
	dirs       []string             // of the Dockerfile and the context, where they are directories here
	local      map[string]*tree.Dir // what is shared with the builder, by name
	program    string               // base name of this program, which is shared, too
	temporary  []string             // directories that are removed at the end
	places     *oci.Places          // what -o writes to
	cacheOnly  bool                 // an output asks for nothing
	docker     *engine.Docker       // that --load hands the image to
	load       io.ReadCloser
	loaded     chan error
}

// request translates the flags.
func (f *buildFlags) request(ctx context.Context, a *app, dir string) (*buildRequest, error) {
	r := &buildRequest{progress: f.progress, local: map[string]*tree.Dir{}, solve: client.SolveOpt{
		FrontendAttrs: map[string]string{}, LocalMounts: map[string]fsutil.FS{}, OCIStores: map[string]content.Store{},
		AllowedEntitlements: f.allow,
	}}
	if a.quiet {
		r.progress = "quiet"
	}
	for _, step := range []func(*buildRequest) error{
		func(r *buildRequest) error { return f.context(a, r, dir) },
		f.names, f.attributes, f.attestations, f.contextsAttr, f.caches, f.session,
		func(r *buildRequest) error { return f.output(ctx, a, r) },
		(*buildRequest).shareProgram,
		f.readConfig,
	} {
		if err := step(r); err != nil {
			r.discard()
			return nil, err
		}
	}
	return r, nil
}

// context finds the context and the Dockerfile.
func (f *buildFlags) context(a *app, r *buildRequest, dir string) error {
	attrs := r.solve.FrontendAttrs
	if _, isGit, err := dfgitutil.ParseGitRef(dir); err == nil && isGit && !exists(dir) || strings.HasPrefix(dir, "https://") || strings.HasPrefix(dir, "http://") {
		attrs["context"] = dir
		if f.file != "" {
			attrs["filename"] = f.file
		}
		return nil
	}
	if dir == "-" {
		return f.standardInput(a, r)
	}
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return usage{fmt.Errorf("the context %s does not exist", dir)}
	case err != nil:
		return fmt.Errorf("opening the context: %w", err)
	case !info.IsDir():
		return usage{hinted{fmt.Errorf("the context %s is a file", dir), "name its directory, and the Dockerfile with -f"}}
	}
	file := f.file
	if file == "" {
		file = filepath.Join(dir, "Dockerfile")
	}
	if file == "-" {
		return f.inlineDockerfile(a, r, dir)
	}
	if f.file == "" && dockerfileIn(dir) == "" {
		return f.fromTemplate(a, r, dir)
	}
	if info, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) && (f.file != "" || !exists(filepath.Join(dir, "dockerfile"))) {
		return refused{hinted{fmt.Errorf("there is no %s", file), "correct the path of the Dockerfile"}}
	} else if err == nil && info.IsDir() {
		return usage{hinted{fmt.Errorf("the Dockerfile %s is a directory", file), "name a file in it"}}
	}
	attrs["filename"] = filepath.Base(file)
	r.commands = composeCommands(a, file)
	r.dirs = []string{filepath.Dir(file), dir}
	return r.mount(map[string]string{"context": dir, "dockerfile": filepath.Dir(file)})
}

// shareProgram lets the builder have this program, and nothing that lies beside
// it. It asks for it when an image is to be tried.
func (r *buildRequest) shareProgram() error {
	exe, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	r.program = filepath.Base(exe)
	dir, err := fsutil.NewFS(filepath.Dir(exe))
	if err != nil {
		return fmt.Errorf("opening this program: %w", err)
	}
	if r.solve.LocalMounts[frontend.ProgramLocal], err = fsutil.NewFilterFS(dir, &fsutil.FilterOpt{IncludePatterns: []string{r.program}}); err != nil {
		return fmt.Errorf("opening this program: %w", err)
	}
	return nil
}

func (r *buildRequest) mount(dirs map[string]string) error {
	for name, dir := range dirs {
		x, err := fsutil.NewFS(dir)
		if err != nil {
			return fmt.Errorf("opening %s: %w", dir, err)
		}
		r.solve.LocalMounts[name] = x
		d, err := tree.OpenDir(dir)
		if err != nil {
			return err
		}
		if before := r.local[name]; before != nil {
			_ = before.Close()
		}
		r.local[name] = d
	}
	return nil
}

// trees are the shared directories as the frontend reads them.
func (r *buildRequest) trees() map[string]tree.Tree {
	out := map[string]tree.Tree{}
	for name, dir := range r.local {
		out[name] = dir
	}
	return out
}

// fromTemplate builds a directory without a Dockerfile by what whittle init would
// write there.
func (f *buildFlags) fromTemplate(a *app, r *buildRequest, dir string) error {
	p, err := readProject(dir, templates.Options{})
	if errors.Is(err, templates.ErrNone) {
		return refused{hinted{fmt.Errorf("there is no %s, and %w", filepath.Join(dir, "Dockerfile"), templates.ErrNone), "name the Dockerfile with -f; " + hint(err)}}
	}
	if err != nil {
		if h := hint(err); h != "" {
			return refused{hinted{fmt.Errorf("there is no Dockerfile, and none can be written: %w", err), strings.NewReplacer("--template", "whittle init --template", "--start", "whittle init --start").Replace(h)}}
		}
		return err
	}
	tmp, err := os.MkdirTemp("", "whittle-dockerfile-")
	if err != nil {
		return err
	}
	r.temporary = append(r.temporary, tmp)
	files := map[string][]byte{"Dockerfile": p.Dockerfile}
	if !exists(filepath.Join(dir, ".dockerignore")) {
		files["Dockerfile.dockerignore"] = p.Ignore
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(tmp, name), text, 0o600); err != nil {
			return err
		}
	}
	var chosen []string
	for _, e := range p.Evidence {
		if e.What == "version" || e.What == "start" || e.What == "site" {
			chosen = append(chosen, e.What+" "+e.Value)
		}
	}
	a.log.Infof("there is no Dockerfile, so this is built by the template %s (%s); whittle init writes it", p.Template, strings.Join(chosen, ", "))
	for _, w := range p.Warnings {
		a.log.Warn(w)
	}
	r.solve.FrontendAttrs["filename"] = "Dockerfile"
	r.dirs = []string{dir}
	return r.mount(map[string]string{"context": dir, "dockerfile": tmp})
}

// inlineDockerfile takes the Dockerfile from standard input.
func (f *buildFlags) inlineDockerfile(a *app, r *buildRequest, dir string) error {
	tmp, err := os.MkdirTemp("", "whittle-dockerfile-")
	if err != nil {
		return err
	}
	r.temporary = append(r.temporary, tmp)
	data, err := io.ReadAll(io.LimitReader(a.In, 16<<20))
	if err != nil {
		return fmt.Errorf("reading the Dockerfile from standard input: %w", err)
	}
	if err := os.WriteFile(filepath.Join(tmp, "Dockerfile"), data, 0o600); err != nil {
		return err
	}
	r.solve.FrontendAttrs["filename"] = "Dockerfile"
	return r.mount(map[string]string{"context": dir, "dockerfile": tmp})
}

// standardInput is a Dockerfile without a context.
func (f *buildFlags) standardInput(a *app, r *buildRequest) error {
	empty, err := os.MkdirTemp("", "whittle-context-")
	if err != nil {
		return err
	}
	r.temporary = append(r.temporary, empty)
	return f.inlineDockerfile(a, r, empty)
}

// names normalises the names of the image as docker does.
func (f *buildFlags) names(r *buildRequest) error {
	for _, t := range f.tags {
		named, err := reference.ParseNormalizedNamed(t)
		if err != nil {
			return usage{fmt.Errorf("-t %s: %w", t, err)}
		}
		r.names = append(r.names, reference.TagNameOnly(named).String())
	}
	return nil
}

func (f *buildFlags) attributes(r *buildRequest) error {
	attrs := r.solve.FrontendAttrs
	for _, kv := range f.buildArgs {
		if name, v, ok := nameValue(kv); ok {
			attrs["build-arg:"+name] = v
		}
	}
	if epoch := os.Getenv("SOURCE_DATE_EPOCH"); epoch != "" && attrs["build-arg:SOURCE_DATE_EPOCH"] == "" {
		attrs["build-arg:SOURCE_DATE_EPOCH"] = epoch
	}
	for _, kv := range f.labels {
		name, v, _ := strings.Cut(kv, "=")
		attrs["label:"+name] = v
	}
	for name, v := range map[string]string{
		"target": f.target, "platform": strings.Join(f.platforms, ","), "shm-size": f.shmSize,
		"ulimit": strings.Join(f.ulimits, ","), "cgroup-parent": f.cgroupParent,
	} {
		if v != "" {
			attrs[name] = v
		}
	}
	if f.noCache {
		attrs["no-cache"] = ""
	} else if len(f.noCacheFilter) > 0 {
		attrs["no-cache"] = strings.Join(f.noCacheFilter, ",")
	}
	if f.pull {
		attrs["image-resolve-mode"] = "pull"
	}
	switch f.network {
	case "", "default":
	case "host":
		attrs["force-network-mode"] = "host"
		r.solve.AllowedEntitlements = append(r.solve.AllowedEntitlements, "network.host")
		f.allow = append(f.allow, "network.host")
	case "none":
		attrs["force-network-mode"] = "none"
	default:
		return usage{fmt.Errorf("--network %s: want default, none or host", f.network)}
	}
	return f.hosts(attrs)
}

func (f *buildFlags) hosts(attrs map[string]string) error {
	var hosts []string
	for _, h := range f.addHosts {
		name, ip, ok := strings.Cut(h, ":")
		if !ok {
			name, ip, ok = strings.Cut(h, "=")
		}
		ip = strings.Trim(ip, "[]")
		if !ok || net.ParseIP(ip) == nil {
			return usage{fmt.Errorf("--add-host %s: want NAME:IP", h)}
		}
		hosts = append(hosts, name+"="+ip)
	}
	if len(hosts) > 0 {
		attrs["add-hosts"] = strings.Join(hosts, ",")
	}
	return nil
}

// attestations reads --attest and its short forms, which are records of CSV as
// for buildx. A bare build asks for none: an attestation turns a single image
// into an index.
func (f *buildFlags) attestations(r *buildRequest) error {
	for _, s := range f.attest {
		kind, parameters, err := attestation(s)
		if err != nil {
			return err
		}
		r.solve.FrontendAttrs["attest:"+kind] = parameters
	}
	for kind, v := range map[string]string{"sbom": f.sbom, "provenance": f.provenance} {
		switch v {
		case "", "false":
		case "true":
			r.solve.FrontendAttrs["attest:"+kind] = ""
		default:
			r.solve.FrontendAttrs["attest:"+kind] = v
		}
	}
	return nil
}

// attestation gives the kind of an --attest, and its parameters as BuildKit
// reads them, as CSV again.
func attestation(s string) (kind, parameters string, err error) {
	fields, err := csvvalue.Fields(s, nil)
	if err != nil {
		return "", "", usage{fmt.Errorf("--attest %s: %w", s, err)}
	}
	var rest []string
	for _, field := range fields {
		if v, ok := strings.CutPrefix(field, "type="); ok {
			kind = v
		} else {
			rest = append(rest, field)
		}
	}
	if kind != "sbom" && kind != "provenance" {
		return "", "", usage{fmt.Errorf("--attest %s: want type=sbom or type=provenance", s)}
	}
	if len(rest) == 0 {
		return kind, "", nil
	}
	var b strings.Builder
	w := csv.NewWriter(&b)
	if err := w.Write(rest); err != nil {
		return "", "", err
	}
	w.Flush()
	return kind, strings.TrimSuffix(b.String(), "\n"), w.Error()
}

// contextsAttr hands over further contexts, the last of each name.
func (f *buildFlags) contextsAttr(r *buildRequest) error {
	contexts := map[string]string{}
	for _, c := range f.contexts {
		name, value, ok := strings.Cut(c, "=")
		if !ok || name == "" || value == "" {
			return usage{fmt.Errorf("--build-context %s: want NAME=PATH", c)}
		}
		name, err := contextName(name)
		if err != nil {
			return usage{fmt.Errorf("--build-context %s: %w", c, err)}
		}
		contexts[name] = value
	}
	for _, name := range slices.Sorted(maps.Keys(contexts)) {
		if err := r.namedContext(name, contexts[name]); err != nil {
			return err
		}
	}
	return nil
}

// contextName writes the name of a context as BuildKit looks for it: that of an
// image without what a bare name has by default (docker buildx does the same).
func contextName(s string) (string, error) {
	named, err := reference.ParseNormalizedNamed(s)
	if err != nil {
		return "", fmt.Errorf("no name of a context: %w", err)
	}
	return strings.TrimSuffix(reference.FamiliarString(named), ":latest"), nil
}

// localPrefix begins the names under which further contexts are shared, so that
// none of them takes the place of the Dockerfile's directory or of the context.
const localPrefix = "_"

// namedContext hands over one further context.
func (r *buildRequest) namedContext(name, value string) error {
	attrs := r.solve.FrontendAttrs
	switch {
	case strings.HasPrefix(value, "oci-layout://"):
		return r.layoutContext(name, value)
	case strings.Contains(value, "://") || strings.HasPrefix(value, "git@"):
		attrs["context:"+name] = value
		return nil
	}
	if info, err := os.Stat(value); err != nil || !info.IsDir() {
		return usage{fmt.Errorf("--build-context %s=%s: %s is not a directory", name, value, value)}
	}
	if err := r.mount(map[string]string{localPrefix + name: value}); err != nil {
		return err
	}
	attrs["context:"+name] = "local:" + localPrefix + name
	return nil
}

// layoutContext shares an OCI layout directory. BuildKit asks for it by an
// identifier of the store and a digest.
func (r *buildRequest) layoutContext(name, value string) error {
	dir, digest, _ := strings.Cut(strings.TrimPrefix(value, "oci-layout://"), "@")
	dir, tag, _ := cutTag(dir)
	store, err := local.NewStore(dir)
	if err != nil {
		return fmt.Errorf("opening the layout %s: %w", dir, err)
	}
	if digest == "" {
		if digest, err = layoutDigest(dir, tag); err != nil {
			return usage{err}
		}
	}
	// Of the name's digest: a/b, a:b and a-b are three contexts.
	id := fmt.Sprintf("whittle-%x", sha256.Sum256([]byte(name)))
	r.solve.OCIStores[id] = store
	r.solve.FrontendAttrs["context:"+name] = "oci-layout://" + id + "@" + digest
	return nil
}

func cutTag(s string) (dir, tag string, ok bool) {
	i := strings.LastIndex(s, ":")
	if i < 0 || strings.Contains(s[i:], "/") {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

// layoutDigest finds the image in a layout by its name, or the only one.
func layoutDigest(dir, tag string) (string, error) {
	data, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil {
		return "", fmt.Errorf("reading the layout: %w", err)
	}
	var index struct {
		Manifests []struct {
			Digest      string
			Annotations map[string]string
		}
	}
	if err := json.Unmarshal(data, &index); err != nil {
		return "", fmt.Errorf("reading the layout %s: %w", dir, err)
	}
	for _, m := range index.Manifests {
		if m.Annotations["org.opencontainers.image.ref.name"] == tag || tag == "" && len(index.Manifests) == 1 {
			return m.Digest, nil
		}
	}
	return "", fmt.Errorf("the layout %s has no image %q; name one by @DIGEST", dir, tag)
}

func (f *buildFlags) caches(r *buildRequest) error {
	imports, err := buildctl.ParseImportCache(shortCaches(f.cacheFrom))
	if err != nil {
		return usage{fmt.Errorf("--cache-from: %w", err)}
	}
	exports, err := buildctl.ParseExportCache(shortCaches(f.cacheTo))
	if err != nil {
		return usage{fmt.Errorf("--cache-to: %w", err)}
	}
	r.solve.CacheImports, r.solve.CacheExports = imports, exports
	return nil
}

// shortCaches writes NAME as type=registry,ref=NAME, and NAME,NAME as two of
// them, as buildx does.
func shortCaches(list []string) []string {
	var out []string
	for _, c := range list {
		fields, err := csvvalue.Fields(c, nil)
		if err != nil || strings.Contains(c, "=") {
			out = append(out, c) // the parser of the others says what is wrong
			continue
		}
		for _, name := range fields {
			out = append(out, "type=registry,ref="+name)
		}
	}
	return out
}

// session shares credentials, secrets and SSH agents with the builder.
func (f *buildFlags) session(r *buildRequest) error {
	config := dockerconfig.LoadDefaultConfigFile(io.Discard)
	r.solve.Session = []session.Attachable{authprovider.NewDockerAuthProvider(authprovider.DockerAuthProviderConfig{
		AuthConfigProvider: authprovider.LoadAuthConfig(config),
	})}
	if len(f.secrets) > 0 {
		secrets, err := buildctl.ParseSecret(f.secrets)
		if err != nil {
			return usage{fmt.Errorf("--secret: %w", err)}
		}
		r.solve.Session = append(r.solve.Session, secrets)
	}
	if len(f.ssh) > 0 {
		agents, err := buildctl.ParseSSH(f.ssh)
		if err != nil {
			return usage{fmt.Errorf("--ssh: %w", err)}
		}
		provider, err := sshprovider.NewSSHAgentProvider(agents)
		if err != nil {
			return usage{fmt.Errorf("--ssh: %w", err)}
		}
		r.solve.Session = append(r.solve.Session, provider)
	}
	return nil
}

// readConfig reads the configuration: the file of --config, else the one beside
// the Dockerfile, else the one at the root of the context. Of a context that is
// not a directory here, the frontend finds it.
func (f *buildFlags) readConfig(r *buildRequest) error {
	if f.configFile != "" {
		data, err := os.ReadFile(f.configFile)
		if err != nil {
			return usage{fmt.Errorf("--config: %w", err)}
		}
		r.configName, r.config = f.configFile, data
		return nil
	}
	for _, dir := range r.dirs {
		name := filepath.Join(dir, ".whittle.yaml")
		data, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return usage{err}
		}
		r.configName, r.config = name, data
		return nil
	}
	if len(r.dirs) > 0 {
		r.configName = ".whittle.yaml" // looked for and not there
	}
	return nil
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}
