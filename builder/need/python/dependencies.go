package python

import (
	"path"
	"strings"
	"sync"
)

// A dependency is what an installed distribution is known to use that its files
// do not show by their names.
type dependency struct {
	find     []string // names for find_library and dlopen, without lib and .so
	programs []string // programs that it starts where they are installed
	zones    bool     // it reads /usr/share/zoneinfo
	mime     bool     // it reads /etc/mime.types
	modules  []string // pruned modules of the standard library
	shell    bool     // it starts commands by a shell
	writes   string   // what it writes where, for the report
}

// dependencies are known by the names of their distributions, in the form of
// PEP 503. From their sources and documentation; 2026-11.
var dependencies = sync.OnceValue(func() map[string]dependency {
	return map[string]dependency{
		"psycopg":            {find: []string{"pq"}},
		"python-magic":       {find: []string{"magic"}},
		"weasyprint":         {find: []string{"gobject-2.0", "pango-1.0", "harfbuzz", "harfbuzz-subset", "fontconfig", "pangoft2-1.0"}},
		"cairocffi":          {find: []string{"cairo"}},
		"cairosvg":           {find: []string{"cairo"}},
		"pyzbar":             {find: []string{"zbar"}},
		"pylibdmtx":          {find: []string{"dmtx"}},
		"soundfile":          {find: []string{"sndfile"}},
		"pyusb":              {find: []string{"usb-1.0"}},
		"pyvips":             {find: []string{"vips", "vips-cpp", "glib-2.0", "gobject-2.0"}},
		"pysodium":           {find: []string{"sodium"}},
		"libnacl":            {find: []string{"sodium"}},
		"shapely":            {find: []string{"geos_c"}},
		"rtree":              {find: []string{"spatialindex_c"}},
		"wand":               {find: []string{"MagickWand-6.Q16", "MagickWand-7.Q16", "MagickCore-6.Q16", "MagickCore-7.Q16"}},
		"oscrypto":           {find: []string{"crypto", "ssl"}},
		"pyopencl":           {find: []string{"OpenCL"}},
		"django":             {zones: true, mime: true},
		"celery":             {zones: true, writes: "celery beat keeps celerybeat-schedule in the working directory"},
		"apscheduler":        {zones: true},
		"pandas":             {zones: true},
		"tzlocal":            {zones: true},
		"python-dateutil":    {zones: true},
		"arrow":              {zones: true},
		"croniter":           {zones: true},
		"pendulum":           {zones: true},
		"backports-zoneinfo": {zones: true},
		"aiohttp":            {mime: true},
		"starlette":          {mime: true},
		"flask":              {mime: true},
		"tornado":            {mime: true},
		"whitenoise":         {mime: true},
		"bottle":             {mime: true},
		"gitpython":          {programs: []string{"git"}},
		"setuptools-scm":     {programs: []string{"git"}},
		"pydub":              {programs: []string{"ffmpeg", "ffprobe"}},
		"ffmpeg-python":      {programs: []string{"ffmpeg", "ffprobe"}},
		"moviepy":            {programs: []string{"ffmpeg"}},
		"imageio-ffmpeg":     {programs: []string{"ffmpeg"}},
		"openai-whisper":     {programs: []string{"ffmpeg"}},
		"yt-dlp":             {programs: []string{"ffmpeg", "ffprobe"}},
		"pytesseract":        {programs: []string{"tesseract"}},
		"ocrmypdf":           {programs: []string{"tesseract", "gs", "qpdf", "unpaper"}},
		"pdf2image":          {programs: []string{"pdftoppm", "pdftocairo", "pdfinfo"}},
		"pdfkit":             {programs: []string{"wkhtmltopdf"}},
		"imgkit":             {programs: []string{"wkhtmltoimage"}},
		"graphviz":           {programs: []string{"dot"}},
		"pydot":              {programs: []string{"dot"}},
		"pygraphviz":         {programs: []string{"dot"}},
		"pypandoc":           {programs: []string{"pandoc"}},
		"python-nmap":        {programs: []string{"nmap"}},
		"unoconv":            {programs: []string{"soffice"}},
		"ansible-core":       {programs: []string{"ssh", "scp", "sftp"}, shell: true},
		"fabric":             {shell: true},
		"invoke":             {shell: true},
		"plumbum":            {shell: true},
		"honcho":             {shell: true},
		"jupyter-server":     {shell: true},
		"notebook":           {shell: true},
		"yapf":               {modules: []string{"lib2to3"}},
		"fissix":             {modules: []string{"lib2to3"}},
		"virtualenv":         {modules: []string{"ensurepip"}},
		"matplotlib":         {writes: "matplotlib keeps its font list in MPLCONFIGDIR or below HOME"},
		"transformers":       {writes: "transformers keeps models in HF_HOME or below HOME"},
		"huggingface-hub":    {writes: "huggingface-hub keeps files in HF_HOME or below HOME"},
		"torch":              {writes: "torch keeps compiled code in TORCH_HOME and below /tmp"},
		"numba":              {writes: "numba keeps compiled code beside the sources or in NUMBA_CACHE_DIR"},
		"nltk":               {writes: "nltk keeps its data in NLTK_DATA or below HOME"},
		"gunicorn":           {writes: "gunicorn's workers keep a file in /tmp (--worker-tmp-dir /dev/shm)"},
		"playwright":         {writes: "playwright keeps browsers in PLAYWRIGHT_BROWSERS_PATH or below HOME"},
	}
})

// A distribution is an installed package as its metadata directory names it.
type distribution struct {
	name, version string
	metadata      string // path of the file with its metadata
}

// distributionOf reads a distribution off the path of its metadata:
// NAME-VERSION.dist-info/METADATA (PEP 376, PEP 427) or
// NAME-VERSION[-pyX.Y].egg-info[/PKG-INFO] of setuptools.
func distributionOf(name string) (distribution, bool) {
	dir, base := path.Split(name)
	dir = path.Base(dir)
	switch {
	case base == "METADATA" && strings.HasSuffix(dir, ".dist-info"):
		dir = strings.TrimSuffix(dir, ".dist-info")
	case base == "PKG-INFO" && strings.HasSuffix(dir, ".egg-info"):
		dir = strings.TrimSuffix(dir, ".egg-info")
	case strings.HasSuffix(base, ".egg-info"):
		dir = strings.TrimSuffix(base, ".egg-info")
	default:
		return distribution{}, false
	}
	project, version, ok := strings.Cut(dir, "-")
	if !ok || project == "" {
		return distribution{}, false
	}
	if i := strings.LastIndex(version, "-py"); i > 0 {
		version = version[:i]
	}
	return distribution{normal(project), version, name}, version != ""
}

// normal is the normalised name of a distribution (PEP 503).
func normal(name string) string {
	name = strings.ToLower(strings.NewReplacer("_", "-", ".", "-").Replace(name))
	for strings.Contains(name, "--") {
		name = strings.ReplaceAll(name, "--", "-")
	}
	return name
}
