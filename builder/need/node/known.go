package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/tree"
)

// A knownPackage is what an installed package is known to use, by its own
// manual or source.
type knownPackage struct {
	name     string
	shell    bool     // it runs command lines by a shell
	programs []string // that it starts
	temp     bool     // it writes to the directory for temporary files
	runsTemp bool     // and runs programs from there
	write    string   // a directory that it writes to, below the application
	says     string   // what is said of it, "" for nothing more
	hint     string
	source   string
}

// knownPackages lists them. It counts where an application names the package
// among its dependencies, since nearly every package is a dependency of another.
// Read in 2026.
var knownPackages = sync.OnceValue(func() []knownPackage {
	return []knownPackage{
		{name: "shelljs", shell: true, says: "shelljs runs command lines by a shell (exec)", source: "github.com/shelljs/shelljs README"},
		{name: "zx", shell: true, programs: []string{"bash"}, says: "zx runs command lines by bash", source: "google.github.io/zx"},
		{name: "concurrently", shell: true, source: "github.com/open-cli-tools/concurrently README"},
		{name: "npm-run-all", shell: true, programs: []string{"npm"}, source: "github.com/mysticatea/npm-run-all docs"},
		{name: "npm-run-all2", shell: true, programs: []string{"npm"}, source: "github.com/bcomnes/npm-run-all2 docs"},
		{name: "@nestjs/cli", shell: true, source: "github.com/nestjs/nest-cli actions/start.action.ts"},
		{name: "nodemon", shell: true, source: "github.com/remy/nodemon lib/monitor/run.js"},
		{name: "fluent-ffmpeg", programs: []string{"ffmpeg", "ffprobe", "flvmeta", "flvtool2"}, source: "github.com/fluent-ffmpeg/node-fluent-ffmpeg README"},
		{name: "gm", programs: []string{"gm", "convert", "identify", "magick"}, source: "github.com/aheckmann/gm README"},
		{name: "imagemagick", programs: []string{"convert", "identify"}, source: "github.com/yourdeveloperfriend/node-imagemagick README"},
		{name: "simple-git", programs: []string{"git"}, source: "github.com/steveukx/git-js README"},
		{name: "wkhtmltopdf", shell: true, programs: []string{"wkhtmltopdf"}, source: "github.com/devongovett/node-wkhtmltopdf README"},
		{name: "node-poppler", programs: []string{"pdftotext", "pdftocairo", "pdftoppm", "pdfinfo", "pdfimages", "pdfunite", "pdfseparate", "pdftohtml"}, source: "github.com/Fdawgs/node-poppler README"},
		{name: "pdf-poppler", programs: []string{"pdftocairo", "pdfinfo"}, source: "github.com/kb47/pdf-poppler README"},
		{name: "node-tesseract-ocr", shell: true, programs: []string{"tesseract"}, source: "github.com/zapolnoch/node-tesseract-ocr README"},
		{name: "libreoffice-convert", programs: []string{"soffice", "libreoffice"}, temp: true, source: "github.com/elwerene/libreoffice-convert README"},
		{name: "unoconv-promise", programs: []string{"unoconv"}, source: "npmjs.com/package/unoconv-promise"},
		{name: "pidusage", programs: []string{"ps"}, source: "github.com/soyuka/pidusage README"},
		{name: "ps-list", programs: []string{"ps"}, source: "github.com/sindresorhus/ps-list README"},
		{name: "systeminformation", shell: true, programs: []string{"lscpu", "lsblk", "df", "ip", "ps", "dmidecode"}, says: "systeminformation runs many programs of the system, and answers less without them", source: "systeminformation.io"},
		{name: "snowflake-sdk", temp: true, source: "github.com/snowflakedb/snowflake-connector-nodejs README"},
		{name: "tmp", temp: true, source: "github.com/raszi/node-tmp README"},
		{name: "tmp-promise", temp: true, source: "github.com/benjamingr/tmp-promise README"},
		{name: "temp", temp: true, source: "github.com/bruce/node-temp README"},
		{name: "tempy", temp: true, source: "github.com/sindresorhus/tempy README"},
		{name: "formidable", temp: true, says: "formidable keeps uploads in the directory for temporary files unless uploadDir is set", source: "github.com/node-formidable/formidable README"},
		{name: "express-fileupload", temp: true, source: "github.com/richardgirges/express-fileupload README"},
		{name: "@sparticuz/chromium", temp: true, runsTemp: true, says: "@sparticuz/chromium unpacks a browser to /tmp, which has to allow programs", hint: "mount /tmp without noexec", source: "github.com/Sparticuz/chromium README"},
		{name: "puppeteer", says: "puppeteer starts a browser, which needs fonts and a home that can be written to", hint: "set PUPPETEER_EXECUTABLE_PATH to a browser of the distribution", source: "pptr.dev/troubleshooting"},
		{name: "playwright", says: "playwright starts a browser of PLAYWRIGHT_BROWSERS_PATH, which needs fonts", hint: "set PLAYWRIGHT_BROWSERS_PATH to a directory outside of a home, and include: it", source: "playwright.dev/docs/browsers"},
		{name: "pm2", says: "pm2 writes to PM2_HOME, which is ~/.pm2", hint: "start the program with node: containers are restarted by who runs them", source: "pm2.keymetrics.io/docs"},
		{name: "log4js", says: "log4js writes files where its configuration names them", hint: "log to standard output, or name the directory with writable:", source: "log4js-node.github.io"},
		{name: "next", write: ".next/cache", hint: "on a read-only root file system mount a volume there; pages that are rendered anew are written to .next/server, too, which writable: makes writable", source: "nextjs.org/docs/app/api-reference/config/next-config-js/incrementalCacheHandlerPath"},
	}
})

// PackagesTable lists for the manual what packages are known to use.
func PackagesTable() string {
	var b strings.Builder
	b.WriteString("| package | uses | source |\n| --- | --- | --- |\n")
	for _, k := range knownPackages() {
		var uses []string
		if k.shell {
			uses = append(uses, "a shell")
		}
		for _, p := range k.programs {
			uses = append(uses, "`"+p+"`")
		}
		if k.temp {
			uses = append(uses, "`/tmp`")
		}
		if k.write != "" {
			uses = append(uses, "`"+k.write+"`, made writable")
		}
		if k.says != "" && len(uses) == 0 {
			uses = append(uses, strings.TrimPrefix(k.says, k.name+" "))
		}
		if len(uses) > 0 {
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", k.name, strings.Join(uses, ", "), k.source)
		}
	}
	return b.String()
}

// known asks for what the packages use that applications name among their
// dependencies.
func (r *Runtime) known(ctx context.Context, env *need.Env, s *need.Set, _ *contents, out *need.Found) error {
	said := map[string]place{}
	for _, dir := range slices.Sorted(maps.Keys(r.roots)) {
		m, err := r.manifest(ctx, env, dir)
		if bad := (*badManifest)(nil); err != nil && !errors.As(err, &bad) {
			return err
		}
		names := maps.Clone(r.tools)
		if m != nil {
			maps.Copy(names, m.direct)
		}
		for _, k := range knownPackages() {
			if !names[k.name] {
				continue
			}
			if err := r.knownPackage(ctx, env, s, dir, k, said, out); err != nil {
				return err
			}
		}
		if names["prisma"] || names["@prisma/client"] {
			if err := r.prisma(ctx, env, s, out); err != nil {
				return err
			}
		}
	}
	out.Warnings = append(out.Warnings, told(said)...)
	return nil
}

func (r *Runtime) knownPackage(ctx context.Context, env *need.Env, s *need.Set, dir string, k knownPackage, said map[string]place, out *need.Found) error {
	by := path.Join(dir, "package.json")
	if k.shell {
		message := cmp.Or(k.says, k.name+" runs command lines by a shell")
		note(said, "shell "+k.name, message, "exclude: /bin/sh when it does not come to that")
		if _, ok, err := tree.FindFile(ctx, env.Tree, "/bin/sh"); err != nil {
			return err
		} else if ok {
			out.Needs = append(out.Needs, need.Need{Kind: need.Program, Path: "/bin/sh", By: by, Reason: message, Strength: need.Expected, Shell: true, Droppable: true})
		}
	}
	for _, name := range k.programs {
		found, ok, err := env.LookPath(ctx, name)
		if err != nil {
			return err
		}
		if ok {
			out.Needs = append(out.Needs, need.Need{Kind: need.Program, Path: found, By: by, Reason: k.name + " starts it", Strength: need.Expected, Droppable: true})
		}
	}
	if k.temp {
		out.Facts = append(out.Facts, need.Fact{Kind: need.Temp, Reason: k.name + " uses the directory for temporary files"})
		if k.runsTemp {
			out.Facts = append(out.Facts, need.Fact{Kind: need.TempPrograms, Reason: k.name + " unpacks programs"})
		}
		note(said, "temp", cmp.Or(k.says, k.name+" uses the directory for temporary files, /tmp"), cmp.Or(k.hint, temporary))
	}
	if k.write != "" && s.Holds(path.Join(dir, path.Dir(k.write))) {
		at := path.Join(dir, k.write)
		out.Facts = append(out.Facts, need.Fact{Kind: need.State, Subject: at, Reason: k.name + " writes there"})
		note(said, "write "+at, fmt.Sprintf("%s writes to %s, which has to be writable", k.name, at), cmp.Or(k.hint, "on a read-only root file system mount a volume there"))
	}
	if k.says != "" && !k.shell && !k.temp {
		note(said, "says "+k.name, k.says, k.hint)
	}
	return nil
}

// prisma carries what Prisma looks at to choose its engine: the release of the
// distribution (prisma.io/docs/orm/reference/environment-variables-reference).
func (r *Runtime) prisma(ctx context.Context, env *need.Env, s *need.Set, out *need.Found) error {
	for _, name := range []string{"/etc/os-release", "/usr/lib/os-release"} {
		if _, ok, err := tree.FindFile(ctx, env.Tree, name); err != nil {
			return err
		} else if ok {
			out.Needs = append(out.Needs, need.Need{Kind: need.Data, Path: name, By: "prisma", Reason: "prisma chooses its engine by it", Strength: need.Expected})
		}
	}
	engines := map[string]bool{}
	for _, f := range s.Files() {
		if base := path.Base(f.Path); strings.Contains(f.Path, "/.prisma/client/") && strings.HasPrefix(base, "libquery_engine-") && strings.HasSuffix(base, ".node") && !r.settled.other[f.Path] {
			engines[f.Path] = true
		}
	}
	if _, set := env.Getenv("PRISMA_QUERY_ENGINE_LIBRARY"); len(engines) > 0 && !set {
		one := slices.Sorted(maps.Keys(engines))[0]
		out.Warnings = append(out.Warnings, image.NewWarning("ENV", "prisma asks openssl and ldconfig, which are not in the image, which of its engines fits", "set PRISMA_QUERY_ENGINE_LIBRARY="+one))
	}
	return nil
}
