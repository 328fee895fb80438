package outlook

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"flag"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whittle-oci/whittle/lint/discover"
)

var update = flag.Bool("update", false, "write the page anew")

func TestOf(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		kind       Kind
		language   string
		says       string // of the cause, or the command line of the image
	}{
		{"a program", "FROM scratch\nCOPY app /app\nENTRYPOINT [\"/app\"]\n", Minimal, "", ""},
		{"a shell form", "FROM debian\nCMD app --port 80\n", Minimal, "", "app --port 80"},
		{"one that needs its shell", "FROM debian\nCMD app --port $PORT\n", Shell, "", "CMD needs a shell"},
		{"a script", "FROM debian\nENTRYPOINT [\"/docker-entrypoint.sh\"]\nCMD [\"app\"]\n", Shell, "", "/docker-entrypoint.sh needs a shell"},
		{"a health check", "FROM debian\nHEALTHCHECK CMD curl -f http://localhost/ | grep ok\nCMD [\"app\"]\n", Shell, "", "HEALTHCHECK needs a shell"},
		{"an earlier stage", "FROM debian AS a\nWORKDIR /srv\nCMD [\"python\", \"main.py\"]\nFROM a\nENV A=1\n", Minimal, "Python", ""},
		{"another target", "FROM debian AS a\nCMD [\"python\", \"main.py\"]\nFROM debian\n", Nothing, "", "neither ENTRYPOINT nor CMD"},
		{"options for the base", "FROM nginx\nCMD [\"-g\", \"daemon off;\"]\n", Nothing, "", "options for an ENTRYPOINT"},
		{"an argument without a value", "ARG BASE\nFROM $BASE:1\nCMD [\"app\"]\n", Minimal, "", ""},

		{"python", "FROM python:3.12\nWORKDIR /app\nCMD [\"python\", \"-u\", \"manage.py\", \"runserver\"]\n", Minimal, "Python", ""},
		{"a version of python", "FROM debian\nCMD [\"/usr/bin/python3.11\", \"/srv/x.py\"]\n", Minimal, "Python", ""},
		{"a module", "FROM python\nWORKDIR /srv\nCMD [\"python3\", \"-m\", \"shop.web\"]\n", Minimal, "Python", ""},
		{"a package", "FROM python\nWORKDIR /srv\nCMD python shop\n", Minimal, "Python", "python shop"},
		{"gunicorn", "FROM python\nWORKDIR /srv\nCMD [\"gunicorn\", \"-b\", \"0.0.0.0:80\", \"shop.wsgi:application\"]\n", Minimal, "Python", ""},
		{"gunicorn with a variable", "FROM python\nWORKDIR /srv\nCMD exec gunicorn --bind :$PORT app:app\n", Shell, "Python", "CMD needs a shell"},
		{"an environment", "FROM python\nWORKDIR /srv\nCMD [\"/opt/venv/bin/uvicorn\", \"--app-dir\", \"src\", \"app:app\"]\n", Minimal, "Python", ""},
		{"python of an environment", "FROM python\nWORKDIR /srv\nENTRYPOINT [\"/opt/venv/bin/python\", \"-m\", \"shop\"]\n", Minimal, "Python", ""},
		{"a script of python", "FROM python\nENTRYPOINT [\"./run.py\"]\n", Minimal, "Python", ""},
		{"behind an init", "FROM python\nENTRYPOINT [\"tini\", \"--\"]\nCMD [\"celery\", \"-A\", \"shop\", \"worker\"]\n", Minimal, "Python", ""},
		{"uv", "FROM python\nWORKDIR /srv\nCMD [\"uv\", \"run\", \"uvicorn\", \"app:app\"]\n", Minimal, "Python", "uvicorn app:app"},
		{"uv that installs", "FROM python\nWORKDIR /srv\nCMD [\"uv\", \"run\", \"--with\", \"httpx\", \"app.py\"]\n", AsWritten, "Python", "options that change no environment"},
		{"poetry without an environment", "FROM python\nRUN poetry config virtualenvs.create false\nWORKDIR /srv\nCMD [\"poetry\", \"run\", \"python\", \"app.py\"]\n", AsWritten, "Python", "environment is not in the built image"},

		{"node", "FROM node:22\nWORKDIR /srv\nCMD [\"node\", \"--enable-source-maps\", \"dist/main\"]\n", Minimal, "Node.js", ""},
		{"the directory", "FROM node\nWORKDIR /srv\nCMD [\"node\", \".\"]\n", Minimal, "Node.js", ""},
		{"a preloaded module", "FROM node\nWORKDIR /srv\nCMD [\"node\", \"-r\", \"./tracing.js\", \"server.js\"]\n", Minimal, "Node.js", ""},
		{"npm start", "FROM node\nWORKDIR /srv\nCMD npm start\n", Minimal, "Node.js", "node server.js"},
		{"npm run", "FROM node\nWORKDIR /srv\nCMD [\"npm\", \"run\", \"start:prod\"]\n", Minimal, "Node.js", "node server.js"},
		{"npm elsewhere", "FROM node\nWORKDIR /srv\nCMD [\"npm\", \"--prefix\", \"api\", \"start\"]\n", Shell, "Node.js", "npm --prefix api start"},
		{"yarn", "FROM node\nWORKDIR /srv\nCMD [\"yarn\", \"start\"]\n", Minimal, "Node.js", "node server.js"},
		{"npx", "FROM node\nWORKDIR /srv\nCMD [\"npx\", \"serve\", \"-s\", \"build\"]\n", Minimal, "Node.js", ".bin/serve -s build"},
		{"a program of a package", "FROM node\nWORKDIR /srv\nCMD [\"node_modules/.bin/next\", \"start\"]\n", Minimal, "Node.js", ""},

		{"java", "FROM debian\nCMD [\"java\", \"-jar\", \"/app.jar\"]\n", Minimal, "Java", ""},
		{"java with options", "FROM debian\nWORKDIR /app\nENTRYPOINT java -Xmx1g -Djava.security.egd=file:/dev/./urandom -jar app.jar\n", Minimal, "Java", "java -Xmx1g"},
		{"java with a variable", "FROM debian\nENTRYPOINT [\"sh\", \"-c\", \"java $JAVA_OPTS -jar /app.jar\"]\n", Shell, "Java", "ENTRYPOINT needs a shell"},
		{"a class path of java", "FROM debian\nWORKDIR /app\nENTRYPOINT [\"java\", \"-cp\", \"app:app/lib/*\", \"hello.Application\"]\n", Minimal, "Java", ""},
		{"unpacked layers of java", "FROM debian\nWORKDIR /app\nENTRYPOINT [\"java\", \"org.springframework.boot.loader.launch.JarLauncher\"]\n", Minimal, "Java", ""},
		{"a module of java", "FROM debian\nCMD [\"java\", \"-p\", \"/mods\", \"-m\", \"shop/com.example.Main\"]\n", Minimal, "Java", ""},
		{"arguments of java in a file", "FROM debian\nCMD [\"java\", \"-javaagent:/agent.jar=x\", \"@/app/jib-args\"]\n", Minimal, "Java", ""},
		{"an agent of java", "FROM debian\nENV JAVA_TOOL_OPTIONS=-javaagent:/otel.jar\nCMD [\"java\", \"-jar\", \"/app.jar\"]\n", Minimal, "Java", ""},
		{"java by a script", "FROM tomcat\nCMD [\"catalina.sh\", \"run\"]\n", Minimal, "Java", "org.apache.catalina.startup.Bootstrap start"},
		{"java by a script that computes", "FROM tomcat\nCMD [\"catalina.sh\", \"start\"]\n", AsWritten, "Java", "other arguments than run"},
		{"dotnet", "FROM debian\nENTRYPOINT [\"dotnet\", \"shop.dll\"]\n", AsWritten, ".NET", "dotnet"},
		{"ruby", "FROM ruby\nCMD [\"bundle\", \"exec\", \"rails\", \"server\"]\n", Minimal, "Ruby", ""},
		{"a server of ruby", "FROM ruby\nWORKDIR /srv\nCMD bundle exec puma -C config/puma.rb\n", Minimal, "Ruby", ""},
		{"perl", "FROM perl\nWORKDIR /srv\nCMD [\"perl\", \"app.pl\"]\n", Minimal, "Perl", ""},
		{"a server of perl", "FROM perl\nCMD starman --port 5000\n", Minimal, "Perl", ""},
		{"a script of ruby", "FROM ruby\nCMD [\"./app.rb\"]\n", Minimal, "Ruby", ""},
		{"php", "FROM php\nCMD [\"php-fpm8.2\", \"-F\"]\n", Minimal, "PHP", ""},
		{"php-fpm with a configuration", "FROM php\nCMD php-fpm -y /etc/fpm.conf -F\n", Minimal, "PHP", ""},
		{"a script of php", "FROM php\nWORKDIR /srv\nCMD php artisan serve --host=0.0.0.0\n", Minimal, "PHP", ""},
		{"the server of php", "FROM php\nWORKDIR /srv\nCMD [\"php\", \"-S\", \"0.0.0.0:80\", \"-t\", \"public\", \"public/index.php\"]\n", Minimal, "PHP", ""},

		{"no program", "FROM debian\nCMD [\"Shop::Handler\"]\n", Refused, "", "not along PATH"},
		{"windows", "FROM mcr.microsoft.com/windows\nENTRYPOINT [\"C:\\\\app.exe\"]\n", Refused, "", "Windows"},
		{"not valid", "FROM debian\nRUNN x\n", Invalid, "", "unknown instruction: RUNN"},
		{"nothing", "", Invalid, "", "cannot be empty"},
		{"not text", "\x00\xff\x7fELF", Invalid, "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o, err := Of(t.Context(), "Dockerfile", []byte(tc.text))
			if err != nil {
				t.Fatal(err)
			}
			if o.Kind != tc.kind || o.Language != tc.language || !strings.Contains(o.Cause+"\n"+strings.Join(o.Image, " "), tc.says) {
				t.Errorf("%+v, want %s %s %q", o, tc.kind, tc.language, tc.says)
			}
			if tc.kind != Minimal && o.Group() == "" {
				t.Error("it belongs to no group")
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Of(ctx, "x", []byte("FROM debian\nCMD [\"app\"]\n")); err == nil {
		t.Error("a build that was interrupted has an outlook")
	}
}

func TestGroup(t *testing.T) {
	for cause, want := range map[string]string{
		`CMD starts ["uv","run","x"], and only "uv run COMMAND" is known`: "CMD starts …, and only … is known",
		"CMD: app is not along PATH (/bin); copy it":                      "what starts is not the name of a program",
		"/a/entrypoint.sh needs a shell":                                  "a script, which needs a shell",
		"CMD needs a shell":                                               "CMD needs a shell",
		"one\ntwo":                                                        "one",
	} {
		if got := (Outlook{Kind: Refused, Cause: cause}).Group(); got != want {
			t.Errorf("%q: %q, want %q", cause, got, want)
		}
	}
}

func TestCount(t *testing.T) {
	got := Count([]Outlook{
		{Kind: Minimal, Language: "Python"}, {Kind: Minimal}, {Kind: Nothing}, {Kind: Invalid, Cause: "x"},
		{Kind: AsWritten, Language: "Java", Cause: "b"}, {Kind: AsWritten, Language: "Java", Cause: "b"}, {Kind: Shell, Language: "Python", Cause: "c"}, {Kind: Refused, Cause: "a"},
	})
	want := Table{
		Files: 8, Nothing: 1, Invalid: 1,
		Languages: []Row{{"", 1, 0, 0, 1}, {"Java", 0, 0, 2, 0}, {"Python", 1, 1, 0, 0}},
		Causes:    []Cause{{AsWritten, "b", 2}, {Refused, "a", 1}, {Shell, "c", 1}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	if got.Languages[0].Sum() != 2 {
		t.Errorf("%d", got.Languages[0].Sum())
	}
}

// archive packs files, with gzip where packed is set.
func archive(t *testing.T, packed bool, files map[string]string) []byte {
	t.Helper()
	var b, z bytes.Buffer
	w := tar.NewWriter(&b)
	for name, text := range files {
		if err := w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Size: int64(len(text)), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if !packed {
		return b.Bytes()
	}
	g := gzip.NewWriter(&z)
	if _, err := g.Write(b.Bytes()); err != nil {
		t.Fatal(err)
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	return z.Bytes()
}

func TestReadArchive(t *testing.T) {
	named := func(p string) bool { return discover.Named(path.Base(p)) }
	for _, packed := range []bool{false, true} {
		data := archive(t, packed, map[string]string{"a/Dockerfile": "FROM a\n", "README.md": "x"})
		got, err := ReadArchive("x.tar", bytes.NewReader(data), named)
		if err != nil || len(got) != 1 || got[0].Name != "x.tar:a/Dockerfile" || string(got[0].Data) != "FROM a\n" {
			t.Errorf("%v %v", got, err)
		}
		if _, err := ReadArchive("x.tar", bytes.NewReader(data[:len(data)/2]), named); err == nil {
			t.Error("half an archive was read")
		}
	}
	huge := archive(t, true, map[string]string{"Dockerfile": strings.Repeat("#", maxFile+1)})
	if _, err := ReadArchive("x.tar", bytes.NewReader(huge), named); err == nil || !strings.Contains(err.Error(), "is no Dockerfile") {
		t.Errorf("%v", err)
	}
}

// FuzzOf reads Dockerfiles of any kind.
func FuzzOf(f *testing.F) {
	for _, s := range []string{
		"FROM debian\nCMD [\"python\", \"-m\", \"a.b\", \"c:d\"]\n", "FROM a\nWORKDIR ../x\nENTRYPOINT npm run x -- $A\n", "FROM a\nCMD [\"\"]\n",
		"FROM a\nCMD [\"node\", \"/\"]\nHEALTHCHECK CMD python3.11 /\n", "FROM a\nCMD [\"/\", \".\", \"..\", \"a/\"]\n", "FROM a\nENV VIRTUAL_ENV=/\nCMD uv run x\n",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > 4<<10 {
			return
		}
		o, err := Of(t.Context(), "Dockerfile", []byte(s))
		if err != nil || o.Kind == "" {
			t.Errorf("%q: %+v, %v", s, o, err)
		}
	})
}

// maxAsWritten is the bar for the images of a known language that are built as
// written, or refused, in percent.
const maxAsWritten = 5

// TestCorpus holds the archive of Dockerfiles that CORPUS names to the bar, and
// the table in docs/languages.md to what it gives.
func TestCorpus(t *testing.T) {
	dir := os.Getenv("CORPUS")
	if dir == "" {
		t.Skip("make outlook CORPUS=DIR reads an archive of Dockerfiles")
	}
	f, err := os.Open(filepath.Join(dir, "realworld.tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	files, err := ReadArchive("realworld.tar.gz", f, func(p string) bool { return discover.Named(path.Base(p)) })
	if err != nil {
		t.Fatal(err)
	}
	all, err := All(t.Context(), files, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	table := Count(all)
	page := "../../docs/languages.md"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, _ := strings.Cut(string(text), "<!-- outlook -->\n")
	_, after, ok := strings.Cut(rest, "<!-- /outlook -->")
	if !ok {
		t.Fatalf("%s has no place for the table", page)
	}
	want := before + "<!-- outlook -->\n" + markdown(table) + "<!-- /outlook -->" + after
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if want != string(text) {
		t.Errorf("%s is not current; CORPUS=DIR go test ./builder/outlook -update", page)
	}
	known := Row{}
	for _, r := range table.Languages {
		if r.Language == "Python" || r.Language == "Node.js" {
			known = Row{"", known.Minimal + r.Minimal, known.Shell + r.Shell, known.AsWritten + r.AsWritten, known.Refused + r.Refused}
		}
	}
	if bad := known.AsWritten + known.Refused; 100*bad > maxAsWritten*known.Sum() || known.Sum() == 0 {
		t.Errorf("%d of %d images of Node.js and Python are not minimal", bad, known.Sum())
	}
}

// markdown is the table as docs/languages.md has it.
func markdown(t Table) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d Dockerfiles, of which %d start something, %d start what their base image starts, and %d are not valid.\n\n", t.Files, t.Files-t.Nothing-t.Invalid, t.Nothing, t.Invalid)
	b.WriteString("| starts | minimal | with a shell | as written | refused |\n| --- | --: | --: | --: | --: |\n")
	for _, r := range t.Languages {
		name := r.Language
		if name == "" {
			name = "something else"
		}
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d |\n", name, r.Minimal, r.Shell, r.AsWritten, r.Refused)
	}
	b.WriteString("\n| files | become | because |\n| --: | --- | --- |\n")
	for _, c := range t.Causes {
		if c.Files > 1 {
			fmt.Fprintf(&b, "| %d | %s | %s |\n", c.Files, map[Kind]string{Shell: "minimal with a shell", AsWritten: "built as written", Refused: "refused"}[c.Kind], strings.ReplaceAll(c.Cause, "|", `\|`))
		}
	}
	return b.String()
}
