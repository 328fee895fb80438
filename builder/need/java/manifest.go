package java

import (
	"net/url"
	"path"
	"strings"
)

// manifestName is where an archive has its manifest (JAR File Specification).
const manifestName = "META-INF/MANIFEST.MF"

// A manifest is the main section of a manifest: attributes by their names in
// lower case.
type manifest map[string]string

// parseManifest reads the main section: lines "Name: value", which go on where
// the next begins with a blank, up to an empty line.
func parseManifest(data []byte) manifest {
	out := manifest{}
	name := ""
	for line := range strings.Lines(strings.ReplaceAll(string(data), "\r\n", "\n")) {
		line = strings.TrimRight(line, "\r\n")
		switch {
		case line == "":
			if len(out) > 0 {
				return out
			}
		case strings.HasPrefix(line, " "):
			if name != "" {
				out[name] += line[1:]
			}
		default:
			key, value, ok := strings.Cut(line, ":")
			if name = ""; ok {
				name = strings.ToLower(strings.TrimSpace(key))
				out[name] = strings.TrimPrefix(value, " ")
			}
		}
	}
	return out
}

func (m manifest) get(name string) string { return strings.TrimSpace(m[strings.ToLower(name)]) }

// main is the class that "java -jar" starts.
func (m manifest) main() string { return m.get("Main-Class") }

// application is the class that the author wrote: behind the loaders of Spring
// Boot, Start-Class.
func (m manifest) application() string {
	if s := m.get("Start-Class"); s != "" {
		return s
	}
	return m.main()
}

// classPath gives the paths of Class-Path, as they are from the archive that
// has the manifest. URLs of other schemes than file are none.
func (m manifest) classPath(jar string) []string {
	var out []string
	for _, ref := range strings.Fields(m.get("Class-Path")) {
		u, err := url.Parse(ref)
		if err != nil || u.Scheme != "" && u.Scheme != "file" || u.Path == "" {
			continue
		}
		name := u.Path
		if !path.IsAbs(name) {
			name = path.Join(path.Dir(jar), name)
		}
		out = append(out, path.Clean(name))
	}
	return out
}
