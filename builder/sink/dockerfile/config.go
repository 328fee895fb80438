package dockerfile

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/moby/buildkit/util/system"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
)

// config writes the configuration of the image. It comes after the copies: a
// variable would be expanded in them, and WORKDIR makes a directory that is not
// there yet.
func (w *writer) config() {
	c, u := w.plan.Config, w.user
	add := func(format string, args ...any) { w.after = append(w.after, fmt.Sprintf(format, args...)) }
	lines := func(words []string) { w.after = append(w.after, fill(words, width, string(u.escape))...) }
	w.env(lines)
	w.labels(lines)
	for _, v := range []struct {
		name string
		keys []string
	}{{"EXPOSE", slices.Sorted(maps.Keys(c.ExposedPorts))}} {
		if len(v.keys) > 0 {
			add("%s %s", v.name, strings.Join(v.keys, " "))
		}
	}
	if len(c.Volumes) > 0 {
		lines(append([]string{"VOLUME"}, u.list(slices.Sorted(maps.Keys(c.Volumes)))...))
	}
	if c.StopSignal != "" {
		add("STOPSIGNAL %s", u.word(c.StopSignal))
	}
	if c.WorkingDir != "" && c.WorkingDir != "/" {
		if _, is := w.dirs.plan[c.WorkingDir]; !is && !w.leads(c.WorkingDir) {
			w.said = append(w.said, "WORKDIR makes "+c.WorkingDir+", which the image of whittle build does not have.")
		}
		add("WORKDIR %s", u.word(c.WorkingDir))
	}
	if c.User != "" {
		add("USER %s", u.word(c.User))
	}
	if len(c.Shell) > 0 {
		add("SHELL %s", exec(c.Shell))
	}
	if c.Healthcheck != nil && len(c.Healthcheck.Test) > 0 {
		add("HEALTHCHECK %s", health(c.Healthcheck))
	}
	for _, s := range c.OnBuild {
		add("ONBUILD %s", s)
	}
	if len(c.Entrypoint) > 0 {
		add("ENTRYPOINT %s", exec(c.Entrypoint))
	}
	if len(c.Cmd) > 0 {
		add("CMD %s", exec(c.Cmd))
	}
}

// leads reports whether a link of the image stands at a path or above it, so
// that the directory is there under another name.
func (w *writer) leads(name string) bool {
	for _, dir := range append(ancestors(name), name) {
		if e, ok := w.plan.Find(dir); ok && e.Linkname != "" {
			return true
		}
	}
	return false
}

// env writes the variables. PATH has a value in every image of BuildKit.
func (w *writer) env(lines func([]string)) {
	words := []string{"ENV"}
	path := ""
	for _, kv := range w.plan.Config.Env {
		name, value, _ := strings.Cut(kv, "=")
		if name == "PATH" {
			path = value
			if value == system.DefaultPathEnvUnix {
				continue
			}
		}
		if strings.ContainsAny(value, "\r\n") {
			w.said = append(w.said, "The variable "+name+", whose value has several lines.")
			continue
		}
		words = append(words, name+"="+w.user.quoted(value))
	}
	if path == "" {
		w.said = append(w.said, "PATH is not set in the image of whittle build; here it has its usual value.")
	}
	if len(words) > 1 {
		lines(words)
	}
}

func (w *writer) labels(lines func([]string)) {
	words := []string{"LABEL"}
	for _, name := range slices.Sorted(maps.Keys(w.plan.Config.Labels)) {
		value := w.plan.Config.Labels[name]
		if strings.ContainsAny(name+value, "\r\n") {
			w.said = append(w.said, "The label "+name+", which has several lines.")
			continue
		}
		words = append(words, w.user.quoted(name)+"="+w.user.quoted(value))
	}
	if len(words) > 1 {
		lines(words)
	}
}

// health writes the arguments of HEALTHCHECK.
func health(h *dockerspec.HealthcheckConfig) string {
	var flags []string
	for _, f := range []struct {
		name string
		d    time.Duration
	}{{"interval", h.Interval}, {"timeout", h.Timeout}, {"start-period", h.StartPeriod}, {"start-interval", h.StartInterval}} {
		if f.d != 0 {
			flags = append(flags, fmt.Sprintf("--%s=%s", f.name, f.d))
		}
	}
	if h.Retries != 0 {
		flags = append(flags, fmt.Sprintf("--retries=%d", h.Retries))
	}
	switch test := h.Test; {
	case test[0] == "NONE":
		return "NONE"
	case test[0] == "CMD-SHELL" && len(test) == 2 && !strings.ContainsAny(test[1], "\r\n"):
		flags = append(flags, "CMD "+test[1])
	case test[0] == "CMD-SHELL":
		flags = append(flags, "CMD "+exec(append([]string{"/bin/sh", "-c"}, test[1:]...)))
	default:
		flags = append(flags, "CMD "+exec(test[1:]))
	}
	return strings.Join(flags, " ")
}
