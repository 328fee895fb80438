package templates

import (
	"path"
	"strings"
)

// siteDirs are where the files of a site lie.
var siteDirs = []string{".", "public", "dist", "site", "www", "html", "docs", "_site"}

// claimStatic takes a site of files that nobody else has a claim on: any file of
// another language says that it is more than that.
func claimStatic(p *project) (string, bool) {
	if p.has("package.json") {
		if maker, _ := p.site(p.packageJSON()); maker != "" {
			return "package.json", false
		}
	}
	for _, dir := range siteDirs {
		if f := path.Join(dir, "index.html"); p.has(f) {
			for _, t := range known() {
				if t.name == "static" {
					continue
				}
				if file, weak := t.claim(p); file != "" && !weak {
					return "", false
				}
			}
			return f, dir != "." && p.has("package.json")
		}
	}
	return "", false
}

func fillStatic(p *project) (string, error) {
	m := p.packageJSON()
	if p.err != nil {
		return "", p.err
	}
	if p.options.Start != "" {
		return "", &Error{Problem: "a site of files starts nothing but its server, so --start has no meaning", Hint: "leave it out"}
	}
	if maker, out := p.site(m); maker != "" {
		version, err := p.nodeVersion(m)
		if err != nil {
			return "", err
		}
		p.set("node", version)
		x, err := p.nodeManager(m)
		if err != nil {
			return "", err
		}
		x.prune = ""
		p.set("fallback", "/index.html")
		p.set("out", out)
		p.found("site", out, "package.json: "+maker+" leaves it there")
		return "static", p.nodeInstall(m, x, true)
	}
	claimed, _ := claimStatic(p)
	if claimed == "" {
		claimed = "index.html"
	}
	dir := path.Dir(claimed)
	p.set("fallback", "=404")
	p.set("source", dir)
	p.set("out", "site")
	if dir == "." {
		p.found("site", "this directory", claimed)
		for _, e := range p.root {
			if name := strings.ToLower(e.Name()); strings.HasSuffix(name, ".pem") || strings.HasSuffix(name, ".key") {
				p.ignore = append(p.ignore, e.Name())
				p.warn("%s is left out of the site", e.Name())
			}
		}
	} else {
		p.found("site", dir, claimed)
	}
	return "static", nil
}
