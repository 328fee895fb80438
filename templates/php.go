package templates

import (
	"slices"
	"strings"
)

func claimPHP(p *project) (string, bool) {
	return p.first("composer.json", "index.php", "public/index.php"), false
}

type composerJSON struct {
	Require map[string]string `json:"require"`
	Config  struct {
		Platform map[string]any `json:"platform"`
	} `json:"config"`
}

// phpBuiltIn are the extensions that the official images have compiled in
// (php -m of php:8.3-apache, as its documentation says).
var phpBuiltIn = []string{"core", "ctype", "curl", "date", "dom", "fileinfo", "filter", "ftp", "hash", "iconv", "json", "libxml", "mbstring", "mysqlnd", "openssl", "pcre", "pdo", "pdo_sqlite", "phar", "posix", "random", "readline", "reflection", "session", "simplexml", "sodium", "spl", "sqlite3", "standard", "tokenizer", "xml", "xmlreader", "xmlwriter", "zlib", "opcache"}

// phpExtensions are those that docker-php-ext-install compiles, with Debian's
// packages of what they need.
func phpExtensions() map[string]string {
	return map[string]string{
		"bcmath": "", "calendar": "", "exif": "", "gettext": "", "mysqli": "", "pcntl": "", "pdo_mysql": "", "shmop": "", "sockets": "", "sysvmsg": "", "sysvsem": "", "sysvshm": "",
		"bz2": "libbz2-dev", "gd": "libpng-dev", "gmp": "libgmp-dev", "intl": "libicu-dev", "ldap": "libldap2-dev", "pdo_pgsql": "libpq-dev", "pgsql": "libpq-dev", "soap": "libxml2-dev", "tidy": "libtidy-dev", "xsl": "libxslt1-dev", "zip": "libzip-dev",
	}
}

func phpReleases() []string {
	return append(append(span("7.", 4, 4), span("8.", 0, 9)...), span("9.", 0, 3)...)
}

func fillPHP(p *project) (string, error) {
	var m composerJSON
	p.json("composer.json", &m)
	if p.err != nil {
		return "", p.err
	}
	platform, _ := m.Config.Platform["php"].(string)
	version, err := p.agree("PHP", 2, phpReleases(),
		wish{platform, "composer.json, config.platform.php", true},
		wish{p.toolVersion("php"), ".tool-versions", true},
		wish{m.Require["php"], "composer.json, require.php", false},
	)
	if err != nil {
		return "", err
	}
	if version == "" {
		version = "8"
		p.warn("nothing names a version of PHP, so the image follows php:8; require.php in composer.json names one")
	}
	p.set("version", version)
	if p.has("composer.json") {
		if err := p.composer(m); err != nil {
			return "", err
		}
	}
	var headers, extensions []string
	for _, name := range sorted(m.Require) {
		ext, ok := strings.CutPrefix(name, "ext-")
		ext = strings.ToLower(ext)
		if !ok || slices.Contains(phpBuiltIn, ext) || ext == "zend-opcache" {
			continue
		}
		header, known := phpExtensions()[ext]
		if !known {
			return "", &Error{Problem: "composer.json requires " + name + ", which is no extension of PHP itself", Hint: "write a Dockerfile that installs it with pecl"}
		}
		extensions = append(extensions, ext)
		if header != "" && !slices.Contains(headers, header) {
			headers = append(headers, header)
		}
		p.found("extension", ext, "composer.json, require."+name)
	}
	p.set("headers", strings.Join(headers, " "))
	p.set("extensions", strings.Join(extensions, " "))
	return "php", p.phpStart()
}

func (p *project) composer(m composerJSON) error {
	p.set("composer", "yes")
	p.set("manifests", strings.Join(p.all("composer.json", "composer.lock"), " "))
	if !p.has("composer.lock") {
		for name := range m.Require {
			if strings.Contains(name, "/") {
				return &Error{Problem: "composer.json requires packages, and there is no composer.lock", Hint: "composer update writes it"}
			}
		}
		p.found("dependencies", "none", "composer.json")
		return nil
	}
	var lock struct {
		Packages []struct {
			Name    string            `json:"name"`
			Replace map[string]string `json:"replace"`
			Provide map[string]string `json:"provide"`
		} `json:"packages"`
	}
	p.json("composer.lock", &lock)
	if p.err != nil {
		return p.err
	}
	known := map[string]bool{}
	for _, x := range lock.Packages {
		known[strings.ToLower(x.Name)] = true
		for _, also := range []map[string]string{x.Replace, x.Provide} {
			for name := range also {
				known[strings.ToLower(name)] = true
			}
		}
	}
	for _, name := range sorted(m.Require) {
		if strings.Contains(name, "/") && !known[strings.ToLower(name)] {
			return lockError("composer.lock", name, "composer.json", "it does not know it", "composer update "+name)
		}
	}
	p.found("dependencies", "composer install --no-dev", "composer.lock")
	return nil
}

func (p *project) phpStart() error {
	for _, dir := range []string{"var", "storage", "bootstrap/cache"} {
		if p.isDir(dir) || dir == "var" && p.has("bin/console") {
			p.set("writable", strings.TrimSpace(p.values["writable"]+" "+dir))
		}
	}
	if argv, err := p.asked(); argv != nil || err != nil {
		p.set("variant", "cli")
		p.command("start", argv)
		return err
	}
	for _, dir := range []string{"public", "web", "."} {
		f := strings.TrimPrefix(dir+"/index.php", "./")
		if !p.has(f) {
			continue
		}
		p.set("variant", "apache")
		p.set("web", "yes")
		p.set("public", strings.TrimSuffix("/"+dir, "/."))
		p.command("start", []string{"apache2-foreground"})
		p.found("start", "Apache with "+f, f)
		return nil
	}
	if f := p.all("main.php", "app.php", "server.php", "worker.php"); len(f) == 1 {
		p.set("variant", "cli")
		p.command("start", []string{"php", f[0]})
		p.found("start", "php "+f[0], "the file is there, and nothing names another")
		return nil
	}
	return &Error{Problem: "nothing shows what starts: there is no index.php", Hint: `say it with --start "php FILE"`}
}
