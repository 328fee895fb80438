package java

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"errors"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need/elf"
	"github.com/whittle-oci/whittle/builder/tree"
)

// Limits on what is looked at in the archives of an image.
const (
	maxClasses = 5000     // of the application itself
	maxFiles   = 400      // classes in directories, each of which may be a request to a builder
	maxNatives = 200      // libraries in archives
	maxNative  = 64 << 20 // bytes of one, inflated
)

// contents is what an archive, or a class in a directory, shows.
type contents struct {
	components []image.Component
	natives    []native
	known      map[string]bool // names of known libraries
	usages     []usage
	unread     string // why it could not be read to its end, "" when it could
	nested     bool   // it is an archive with archives in it
}

// A native is a library in an archive.
type native struct {
	name string // of the entry, behind that of the archive in the archive
	info *elf.Info
}

// A usage is what one class of the application is seen to use.
type usage struct {
	class   string
	fonts   bool     // it draws text
	windows bool     // it makes windows
	sound   bool     // it plays sound
	starts  string   // the method by which it starts programs, "" for none
	loads   bool     // it loads libraries by name
	strings []string // its constants, where it starts programs or loads libraries
	paths   []string // absolute paths among its constants
}

// scan looks into the archive at a real path, once.
func (r *Runtime) scan(ctx context.Context, t tree.Tree, real string, size int64) (*contents, error) {
	if c, ok := r.seen[real]; ok {
		return c, nil
	}
	c := &contents{known: map[string]bool{}}
	r.seen[real] = c
	a, err := r.open(ctx, t, real, size)
	if err == nil {
		err = r.look(a, c, real, 0)
	}
	if unreadable(err) {
		if errors.Is(err, errMuch) {
			c.unread = err.Error()
		}
		return c, nil
	}
	return c, err
}

// look reads what matters of one archive. where is its name.
func (r *Runtime) look(a *archive, c *contents, where string, depth int) error {
	own := r.own(nil)
	for _, dir := range r.started.whole {
		if strings.HasPrefix(where, dir+"/") {
			own = func(string) bool { return true }
		}
	}
	attributes := manifest{}
	if m := a.manifest(); m != nil {
		data, err := a.read(m, maxManifest)
		if err != nil {
			return err
		}
		attributes = parseManifest(data)
	}
	if len(r.started.mains) == 0 && len(r.started.whole) == 0 {
		own = r.own([]string{attributes.application()})
	}
	described := false
	for _, f := range a.File {
		described = described || strings.HasPrefix(f.Name, "META-INF/maven/") && path.Base(f.Name) == "pom.properties"
		if err := r.file(a, c, f, where, own, depth); err != nil {
			return err
		}
	}
	if d, ok := describe(attributes, where); ok && !described {
		c.components = append(c.components, d)
	}
	return nil
}

// file looks at one entry of an archive.
func (r *Runtime) file(a *archive, c *contents, f *zip.File, where string, own func(string) bool, depth int) error {
	name := f.Name
	switch {
	case strings.HasSuffix(name, "/"):
	case strings.HasSuffix(name, ".class"):
		class, inside := inApplication(name)
		mark(c.known, class)
		if (inside || own(class)) && r.classes < maxClasses {
			r.classes++
			data, err := a.read(f, maxClass)
			if err != nil {
				return err
			}
			c.use(strings.TrimSuffix(class, ".class"), data)
		}
	case strings.HasPrefix(name, "META-INF/maven/") && path.Base(name) == "pom.properties":
		data, err := a.read(f, 64<<10)
		if err != nil {
			return err
		}
		if d, ok := coordinates(data, where); ok {
			c.components = append(c.components, d)
		}
	case library().MatchString(path.Base(name)):
		return r.native(a, c, f, where)
	case isArchive(name) && depth < maxDepth:
		c.nested = true
		inner, err := a.nested(f)
		if unreadable(err) {
			if errors.Is(err, errMuch) {
				c.unread = f.Name + " " + err.Error()
			}
			return nil
		}
		if err != nil {
			return err
		}
		if err := r.look(inner, c, where+"!/"+name, depth+1); err != nil && !errors.Is(err, errNotZip) {
			return err
		}
	}
	return nil
}

// library matches the names of libraries of Linux.
var library = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\.so(\.[0-9]+)*$`) })

// native reads the headers of a library in an archive.
func (r *Runtime) native(a *archive, c *contents, f *zip.File, where string) error {
	if r.natives++; r.natives > maxNatives || f.UncompressedSize64 > maxNative {
		return nil
	}
	head, err := a.read(f, 64)
	if err != nil || !bytes.HasPrefix(head, []byte("\x7fELF")) || len(head) < 20 {
		return err
	}
	if !ours(head) {
		return nil
	}
	data, err := a.read(f, maxNative)
	if err != nil {
		return err
	}
	info, err := elf.Read(bytes.NewReader(data))
	if err != nil {
		return nil // nor could a loader read it
	}
	c.natives = append(c.natives, native{where + "!/" + f.Name, info})
	return nil
}

// ours reports whether an ELF header is for a machine that images are made for
// of which the tree's own programs decide: those of 64 bits and least
// significant bytes first (x86-64, AArch64, RISC-V, POWER).
func ours(head []byte) bool { return head[4] == 2 && head[5] == 1 }

// inApplication gives the name of a class in the layouts of Spring Boot and of
// web applications, and whether it lies where these have their own classes.
func inApplication(name string) (string, bool) {
	for _, dir := range []string{"BOOT-INF/classes/", "WEB-INF/classes/"} {
		if rest, ok := strings.CutPrefix(name, dir); ok {
			return rest, true
		}
	}
	if rest, ok := strings.CutPrefix(name, "META-INF/versions/"); ok {
		_, rest, _ = strings.Cut(rest, "/")
		return rest, false
	}
	return name, false
}

// publicPrefixes are the first two parts of packages that many projects share.
var publicPrefixes = strings.Fields("org/apache org/eclipse org/springframework org/jboss org/wildfly org/glassfish io/github com/github com/google com/sun com/oracle com/ibm com/microsoft com/amazonaws io/quarkus io/micronaut io/helidon io/vertx org/codehaus jakarta/servlet net/sf net/sourceforge org/scala")

// loaders are packages of classes that start others.
var loaders = strings.Fields("org/springframework/boot/loader/ io/quarkus/bootstrap/ com/simontuffs/onejar/ org/apache/catalina/startup/ org/eclipse/jetty/start/")

// own tells the classes of the application itself: those of the packages of the
// classes that are started, by the first two parts of their names, three where
// many share two. mains are used instead of those of command lines.
func (r *Runtime) own(mains []string) func(name string) bool {
	if mains == nil {
		mains = r.started.mains
	}
	var prefixes []string
	bare := false
	for _, main := range mains {
		parts := strings.Split(strings.ReplaceAll(main, ".", "/"), "/")
		parts = parts[:len(parts)-1]
		if slices.ContainsFunc(loaders, func(l string) bool { return strings.HasPrefix(strings.Join(parts, "/")+"/", l) }) || main == "" {
			continue
		}
		n := 2
		if len(parts) > 2 && slices.Contains(publicPrefixes, path.Join(parts[0], parts[1])) {
			n = 3
		}
		if len(parts) == 0 {
			bare = true
			continue
		}
		prefixes = append(prefixes, path.Join(parts[:min(n, len(parts))]...)+"/")
	}
	return func(name string) bool {
		return bare && !strings.Contains(name, "/") || slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) })
	}
}

// use notes what a class of the application shows.
func (c *contents) use(name string, data []byte) {
	k, err := parseClass(data)
	if err != nil {
		return
	}
	u := usage{class: strings.ReplaceAll(name, "/", ".")}
	for used := range k.uses {
		switch {
		case drawing(used):
			u.fonts = true
		case strings.HasPrefix(used, "javax/sound/"):
			u.sound = true
		}
		u.windows = u.windows || slices.Contains([]string{"java/awt/Frame", "java/awt/Window", "java/awt/Robot", "javax/swing/JFrame"}, used)
	}
	for _, call := range []string{"java/lang/ProcessBuilder.<init>", "java/lang/Runtime.exec"} {
		if k.calls[call] {
			u.starts = strings.TrimPrefix(strings.ReplaceAll(strings.TrimSuffix(call, ".<init>"), "/", "."), "java.lang.")
		}
	}
	for _, call := range []string{"java/lang/System.loadLibrary", "java/lang/System.load", "java/lang/Runtime.loadLibrary", "com/sun/jna/Native.load", "com/sun/jna/Native.loadLibrary", "com/sun/jna/Native.register", "java/lang/foreign/SymbolLookup.libraryLookup"} {
		u.loads = u.loads || k.calls[call]
	}
	for _, s := range k.strings {
		if len(s) > 1024 {
			continue
		}
		if path.IsAbs(s) && !strings.ContainsAny(s, "\n{}*?<>|% ") && len(u.paths) < 100 {
			u.paths = append(u.paths, s)
		}
		if u.starts != "" || u.loads {
			u.strings = append(u.strings, s)
		}
	}
	if u.fonts || u.windows || u.sound || u.starts != "" || u.loads || len(u.paths) > 0 {
		c.usages = append(c.usages, u)
	}
}

// drawing reports whether a class of the platform draws text, for which it
// asks for fonts.
func drawing(used string) bool {
	for _, p := range []string{"java/awt/font/", "javax/swing/"} {
		if strings.HasPrefix(used, p) {
			return true
		}
	}
	return slices.Contains([]string{"java/awt/Font", "java/awt/FontMetrics", "java/awt/Graphics", "java/awt/Graphics2D", "java/awt/GraphicsEnvironment", "java/awt/Toolkit"}, used)
}

// coordinates reads pom.properties, which Maven puts into archives.
func coordinates(data []byte, where string) (image.Component, bool) {
	values := map[string]string{}
	for line := range strings.Lines(string(data)) {
		if key, value, ok := strings.Cut(line, "="); ok && !strings.HasPrefix(line, "#") {
			values[strings.TrimSpace(key)] = strings.TrimSpace(value)
		}
	}
	group, artifact, version := values["groupId"], values["artifactId"], values["version"]
	return component(cmp.Or(group, artifact), artifact, version, where)
}

// versioned matches the name of an archive with a version.
var versioned = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^([A-Za-z0-9_.+-]*?[A-Za-z_+]?)-([0-9][A-Za-z0-9_.+-]*)\.[jwe]ar$`)
})

// describe names an archive without pom.properties: by its manifest, else by
// its file.
func describe(m manifest, where string) (image.Component, bool) {
	file := path.Base(where)
	name, version := "", ""
	if found := versioned().FindStringSubmatch(file); found != nil {
		name, version = found[1], found[2]
	}
	symbolic, _, _ := strings.Cut(m.get("Bundle-SymbolicName"), ";")
	group := m.get("Implementation-Vendor-Id")
	artifact := cmp.Or(name, m.get("Implementation-Title"), m.get("Automatic-Module-Name"), symbolic)
	version = cmp.Or(version, m.get("Implementation-Version"), m.get("Bundle-Version"), m.get("Specification-Version"))
	if group == "" && strings.Contains(symbolic, ".") {
		group = symbolic[:strings.LastIndexByte(symbolic, '.')]
	}
	return component(cmp.Or(group, artifact), artifact, version, where)
}

// named matches what a part of Maven's coordinates is made of.
var named = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_.+-]{1,200}$`) })

// component is an artifact of Maven in an archive, whose file is the outermost
// one. ok is false where its name is none.
func component(group, artifact, version, where string) (image.Component, bool) {
	for _, s := range []string{group, artifact, version} {
		if !named().MatchString(s) {
			return image.Component{}, false
		}
	}
	file, _, _ := strings.Cut(where, "!/")
	return image.Component{Type: "maven", Name: group + "/" + artifact, Version: version, Program: file}, true
}

// mark notes the known library that a class belongs to.
func mark(known map[string]bool, class string) {
	for i := range knownLibraries {
		if strings.HasPrefix(class, knownLibraries[i].prefix) {
			known[knownLibraries[i].name] = true
		}
	}
}

// names lists known libraries in order.
func names(known map[string]bool) []string { return slices.Sorted(maps.Keys(known)) }
