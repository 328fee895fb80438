package outlook

import (
	"archive/zip"
	"bytes"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// className matches a class as command lines name it.
var className = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z_$][\w$]*([./][A-Za-z_$][\w$]*)*$`) })

// tomcat is what tells the script of Tomcat from others.
const tomcat = "#!/bin/sh\n# CATALINA_HOME CATALINA_BASE org.apache.catalina.startup.Bootstrap\n"

// java puts what a command line of java names: archives, directories along the
// class path with the class in them, files of arguments.
func (v *vision) java(words []string) {
	at := slices.IndexFunc(words, func(w string) bool { return path.Base(w) == "java" })
	if at < 0 {
		return
	}
	args := words[at+1:]
	var classes, places []string
	for i, w := range args {
		before := ""
		if i > 0 {
			before = args[i-1]
		}
		option, value, attached := strings.Cut(w, "=")
		switch {
		case strings.HasPrefix(w, "@") && len(w) > 1:
			v.file(v.at(w[1:]), "")
		case before == "-jar":
			places = append(places, w)
		case slices.Contains([]string{"-cp", "-classpath", "--class-path", "-p", "--module-path"}, before):
			places = append(places, strings.Split(w, ":")...)
		case attached && slices.Contains([]string{"--class-path", "--module-path"}, option):
			places = append(places, strings.Split(value, ":")...)
		case strings.HasPrefix(w, "-javaagent:"):
			agent, _, _ := strings.Cut(strings.TrimPrefix(w, "-javaagent:"), "=")
			v.archive(v.at(agent), nil)
		case before == "-m" || before == "--module":
			_, class, _ := strings.Cut(w, "/")
			classes = append(classes, class)
		case className().MatchString(w):
			classes = append(classes, w)
		}
	}
	if len(places) == 0 {
		places = []string{"."}
	}
	for _, p := range places {
		switch {
		case strings.ContainsAny(p, "$`"):
		case strings.HasSuffix(p, "*"):
			v.archive(path.Join(v.at(strings.TrimSuffix(p, "*")), "all.jar"), classes)
		case slices.Contains([]string{".jar", ".war"}, path.Ext(p)):
			v.archive(v.at(p), classes)
		default:
			for _, c := range classes {
				v.file(path.Join(v.at(p), strings.ReplaceAll(c, ".", "/")+".class"), "")
			}
		}
	}
}

// archive puts an archive that has some classes and starts one.
func (v *vision) archive(name string, classes []string) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	put := func(name, text string) {
		if f, err := w.Create(name); err == nil { // a buffer does not fail
			_, _ = f.Write([]byte(text))
		}
	}
	put("META-INF/MANIFEST.MF", "Main-Class: Main\n")
	for _, c := range append([]string{"Main"}, classes...) {
		put(strings.ReplaceAll(c, ".", "/")+".class", "")
	}
	_ = w.Close()
	if !v.has(name) || path.Ext(name) != "" {
		v.File(name, 0o755, b.Bytes())
	}
}
