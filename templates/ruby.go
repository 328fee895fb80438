package templates

import (
	"regexp"
	"slices"
	"strings"
)

func claimRuby(p *project) (string, bool) { return p.first("Gemfile"), false }

// What a Gemfile and its lock file say.
func gemfileRuby() *regexp.Regexp { return regexp.MustCompile(`(?m)^\s*ruby\s*\(?\s*["']([^"']+)["']`) }
func gemfileGem() *regexp.Regexp  { return regexp.MustCompile(`(?m)^\s*gem\s*\(?\s*["']([^"']+)["']`) }
func lockRuby() *regexp.Regexp {
	return regexp.MustCompile(`(?m)^RUBY VERSION\n\s+ruby (\d+\.\d+\.\d+)`)
}
func lockGem() *regexp.Regexp { return regexp.MustCompile(`(?m)^    ([A-Za-z0-9_.-]+) \(`) }

// rubyLibraries are Debian's packages of the libraries that gems load.
func rubyLibraries() map[string]string {
	return map[string]string{"pg": "libpq5", "mysql2": "libmariadb3", "ruby-vips": "libvips42", "rmagick": "libmagickcore-6.q16-6"}
}

func rubyReleases() []string {
	return append(span("2.", 7, 7), append(span("3.", 0, 9), span("4.", 0, 5)...)...)
}

func fillRuby(p *project) (string, error) {
	gemfile, lock := p.text("Gemfile"), p.text("Gemfile.lock")
	if p.err != nil {
		return "", p.err
	}
	if lock == "" {
		return "", &Error{Problem: "there is a Gemfile without Gemfile.lock", Hint: "bundle lock writes it"}
	}
	wishes := []wish{{strings.TrimPrefix(p.line(".ruby-version"), "ruby-"), ".ruby-version", true}}
	if m := gemfileRuby().FindStringSubmatch(gemfile); m != nil {
		wishes = append(wishes, wish{strings.Replace(m[1], "~>", "~", 1), "Gemfile, ruby", parts(m[1]) != nil})
	}
	if m := lockRuby().FindStringSubmatch(lock); m != nil {
		wishes = append(wishes, wish{m[1], "Gemfile.lock, RUBY VERSION", true})
	}
	wishes = append(wishes, wish{p.toolVersion("ruby"), ".tool-versions", true})
	version, err := p.agree("Ruby", 3, rubyReleases(), wishes...)
	if err != nil {
		return "", err
	}
	if version == "" {
		version = "3"
		p.warn("nothing names a version of Ruby, so the image follows ruby:3; .ruby-version names one")
	}
	p.set("version", version)
	gems := map[string]bool{}
	for _, m := range lockGem().FindAllStringSubmatch(lock, -1) {
		gems[m[1]] = true
	}
	for _, m := range gemfileGem().FindAllStringSubmatch(gemfile, -1) {
		if !gems[m[1]] {
			return "", lockError("Gemfile.lock", m[1], "Gemfile", "it does not know it", "bundle lock")
		}
	}
	p.set("manifests", strings.Join(p.all("Gemfile", "Gemfile.lock", ".ruby-version"), " "))
	p.found("dependencies", "bundle install", "Gemfile.lock")
	var libraries []string
	for _, gem := range sorted(rubyLibraries()) {
		if gems[gem] {
			libraries = append(libraries, rubyLibraries()[gem])
			p.found("library", rubyLibraries()[gem], "Gemfile.lock: "+gem)
		}
	}
	p.set("libraries", strings.Join(libraries, " "))
	p.set("environment", "")
	rails := gems["railties"] && p.has("config/application.rb")
	if rails {
		p.set("rails", "yes")
		p.set("environment", " RAILS_ENV=production RAILS_LOG_TO_STDOUT=1")
		if (gems["sprockets-rails"] || gems["propshaft"]) && p.isDir("app/assets") {
			p.set("assets", "yes")
			p.found("build", "rails assets:precompile", "app/assets")
		}
	}
	start, err := p.rubyStart(gems, rails)
	p.command("start", start)
	return "ruby", err
}

func (p *project) rubyStart(gems map[string]bool, rails bool) ([]string, error) {
	p.set("port", "")
	if argv, err := p.asked(); argv != nil || err != nil {
		return argv, err
	}
	if argv := p.procfile(); argv != nil {
		return argv, nil
	}
	switch {
	case rails && gems["puma"]:
		p.set("port", "3000")
		p.found("start", "puma", "config/application.rb")
		argv := []string{"bundle", "exec", "puma", "--port", "3000"}
		if p.has("config/puma.rb") {
			argv = append(argv, "--config", "config/puma.rb")
		}
		return argv, nil
	case rails:
		p.set("port", "3000")
		p.found("start", "rails server", "config/application.rb")
		return []string{"bundle", "exec", "rails", "server", "--binding", "0.0.0.0", "--port", "3000"}, nil
	case p.has("config.ru"):
		p.set("port", "9292")
		p.found("start", "the application of config.ru", "config.ru")
		if gems["puma"] {
			return []string{"bundle", "exec", "puma", "--bind", "tcp://0.0.0.0:9292"}, nil
		}
		return []string{"bundle", "exec", "rackup", "--host", "0.0.0.0", "--port", "9292"}, nil
	}
	if f := p.all("main.rb", "app.rb", "server.rb"); len(f) == 1 {
		p.found("start", "ruby "+f[0], "the file is there, and nothing names another")
		return []string{"bundle", "exec", "ruby", f[0]}, nil
	}
	var own []string
	for _, e := range p.root {
		if strings.HasSuffix(e.Name(), ".rb") && p.has(e.Name()) {
			own = append(own, e.Name())
		}
	}
	if len(own) == 1 {
		p.found("start", "ruby "+own[0], "the only source file")
		return []string{"bundle", "exec", "ruby", own[0]}, nil
	}
	slices.Sort(own)
	return nil, &Error{Problem: "nothing shows what starts", Hint: `say it with --start "bundle exec ruby FILE"`, Choices: own}
}
