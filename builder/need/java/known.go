package java

import (
	"fmt"
	"slices"
	"strings"
)

// A knownLibrary is what a library is known to use, by its own manual or
// source.
type knownLibrary struct {
	name     string
	prefix   string // of its classes
	fonts    bool   // it draws text
	temp     string // what it makes in /tmp when it starts, "" for nothing
	programs []string
	opens    []string // libraries, without lib and .so
	shell    bool
	source   string
}

// knownLibraries lists them. Read in 2026.
var knownLibraries = []knownLibrary{
	{name: "Apache POI", prefix: "org/apache/poi/ss/", fonts: true, source: "poi.apache.org, autoSizeColumn"},
	{name: "EasyExcel", prefix: "com/alibaba/excel/", fonts: true, source: "easyexcel#1614"},
	{name: "FastExcel", prefix: "cn/idev/excel/", fonts: true, source: "of the same source as EasyExcel"},
	{name: "JasperReports", prefix: "net/sf/jasperreports/", fonts: true, source: "community.jaspersoft.com"},
	{name: "Apache PDFBox", prefix: "org/apache/pdfbox/", fonts: true, source: "pdfbox.apache.org, dependencies"},
	{name: "Apache FOP", prefix: "org/apache/fop/", fonts: true, source: "xmlgraphics.apache.org/fop, fonts"},
	{name: "Apache Batik", prefix: "org/apache/batik/", fonts: true, source: "xmlgraphics.apache.org/batik"},
	{name: "Flying Saucer", prefix: "org/xhtmlrenderer/", fonts: true, source: "github.com/flyingsaucerproject"},
	{name: "JFreeChart", prefix: "org/jfree/chart/", fonts: true, source: "github.com/jfree/jfreechart"},
	{name: "XChart", prefix: "org/knowm/xchart/", fonts: true, source: "github.com/knowm/XChart"},
	{name: "docx4j", prefix: "org/docx4j/", fonts: true, source: "docx4java.org"},
	{name: "Aspose", prefix: "com/aspose/", fonts: true, source: "docs.aspose.com, fonts"},
	{name: "Barbecue", prefix: "net/sourceforge/barbecue/", fonts: true, source: "barbecue.sourceforge.net"},
	{name: "Barcode4J", prefix: "org/krysalis/barcode4j/", fonts: true, source: "barcode4j.sourceforge.net"},
	{name: "Kaptcha", prefix: "com/google/code/kaptcha/", fonts: true, source: "code.google.com/archive/p/kaptcha"},
	{name: "EasyCaptcha", prefix: "com/wf/captcha/", fonts: true, source: "github.com/whvcse/EasyCaptcha"},
	{name: "Hutool", prefix: "cn/hutool/captcha/", fonts: true, source: "hutool.cn, captcha"},
	{name: "Tomcat", prefix: "org/apache/catalina/startup/", temp: "a directory of its own", source: "spring-boot#8578"},
	{name: "Jetty", prefix: "org/eclipse/jetty/webapp/", temp: "a directory of its own", source: "jetty.project#11667"},
	{name: "Undertow", prefix: "io/undertow/servlet/", temp: "a directory of its own", source: "spring-boot#9670"},
	{name: "ffmpeg-cli-wrapper", prefix: "net/bramp/ffmpeg/", programs: []string{"ffmpeg", "ffprobe"}, source: "github.com/bramp/ffmpeg-cli-wrapper README"},
	{name: "im4java", prefix: "org/im4java/", programs: []string{"convert", "identify", "composite", "mogrify", "gm"}, source: "im4java.sourceforge.net"},
	{name: "JODConverter", prefix: "org/jodconverter/local/", programs: []string{"soffice"}, source: "github.com/jodconverter README"},
	{name: "graphviz-java", prefix: "guru/nidi/graphviz/", programs: []string{"dot"}, source: "github.com/nidi3/graphviz-java README"},
	{name: "PlantUML", prefix: "net/sourceforge/plantuml/", fonts: true, programs: []string{"dot"}, source: "plantuml.com/graphviz-dot"},
	{name: "Tess4J", prefix: "net/sourceforge/tess4j/", opens: []string{"tesseract"}, source: "tess4j.sourceforge.net"},
	{name: "gst1-java-core", prefix: "org/freedesktop/gstreamer/", opens: []string{"gstreamer-1.0", "gobject-2.0", "glib-2.0"}, source: "github.com/gstreamer-java README"},
	{name: "jep", prefix: "jep/", opens: []string{"jep"}, source: "github.com/ninia/jep README"},
	{name: "Selenium", prefix: "org/openqa/selenium/chrome/", programs: []string{"chromedriver", "chromium", "google-chrome"}, source: "selenium.dev"},
	{name: "OSHI", prefix: "oshi/", opens: []string{"udev"}, source: "github.com/oshi/oshi README"},
}

// Libraries lists for the manual what libraries are known to use.
func Libraries() string {
	var b strings.Builder
	b.WriteString("| library | uses | source |\n| --- | --- | --- |\n")
	for _, k := range knownLibraries {
		var uses []string
		if k.fonts {
			uses = append(uses, "fonts")
		}
		if k.temp != "" {
			uses = append(uses, "`/tmp`")
		}
		for _, p := range k.programs {
			uses = append(uses, "`"+p+"`")
		}
		for _, o := range k.opens {
			uses = append(uses, "`lib"+o+".so`")
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", k.name, strings.Join(uses, ", "), k.source)
	}
	return b.String()
}

// knownAs gives a library by its name.
func knownAs(name string) knownLibrary {
	return knownLibraries[slices.IndexFunc(knownLibraries, func(k knownLibrary) bool { return k.name == name })]
}
