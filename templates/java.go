package templates

import (
	"encoding/xml"
	"fmt"
	"path"
	"regexp"
	"strings"
)

func claimJava(p *project) (string, bool) {
	return p.first("pom.xml", "build.gradle", "build.gradle.kts"), false
}

type pom struct {
	Parent struct {
		Artifact string `xml:"artifactId"`
		Version  string `xml:"version"`
	} `xml:"parent"`
	Artifact   string   `xml:"artifactId"`
	Version    string   `xml:"version"`
	Packaging  string   `xml:"packaging"`
	Modules    []string `xml:"modules>module"`
	Properties struct {
		All []struct {
			XMLName xml.Name
			Text    string `xml:",chardata"`
		} `xml:",any"`
	} `xml:"properties"`
	Dependencies []struct {
		Artifact string `xml:"artifactId"`
		Scope    string `xml:"scope"`
	} `xml:"dependencies>dependency"`
	FinalName string `xml:"build>finalName"`
	Plugins   []struct {
		Artifact string `xml:"artifactId"`
		Release  string `xml:"configuration>release"`
		Source   string `xml:"configuration>source"`
		Main     string `xml:"configuration>archive>manifest>mainClass"`
	} `xml:"build>plugins>plugin"`
}

func (m pom) property(names ...string) string {
	for _, n := range names {
		for _, x := range m.Properties.All {
			if x.XMLName.Local == n {
				return strings.TrimSpace(x.Text)
			}
		}
	}
	return ""
}

func (m pom) plugin(name string) bool {
	for _, x := range m.Plugins {
		if x.Artifact == name {
			return true
		}
	}
	return false
}

// javaDefault is the release where nothing names one: the long-term one of 2025.
const javaDefault = "21"

func fillJava(p *project) (string, error) {
	gradle := p.first("build.gradle.kts", "build.gradle")
	if p.has("pom.xml") && gradle != "" {
		return "", &Error{Problem: "there are both pom.xml and " + gradle, Hint: "delete the one that is not kept up to date", Choices: []string{"pom.xml", gradle}}
	}
	if p.options.Start != "" {
		return "", &Error{Problem: "the build of a Java project says what starts, so --start has no meaning", Hint: "leave it out"}
	}
	p.set("port", "")
	if gradle != "" {
		return "gradle", p.gradle(gradle)
	}
	return "maven", p.maven()
}

// javaVersion chooses the release; 1.8 is 8.
func (p *project) javaVersion(text, from string) error {
	text = strings.TrimPrefix(text, "1.")
	version, err := p.agree("Java", 1, nil, wish{text, from, true}, wish{p.line(".java-version"), ".java-version", true})
	if err != nil {
		return err
	}
	if version == "" {
		version = javaDefault
		p.warn("nothing names a release of Java, so it is %s; maven.compiler.release or a Java toolchain name one", javaDefault)
	}
	p.set("version", version)
	return nil
}

func (p *project) maven() error {
	var m pom
	if err := xml.Unmarshal([]byte(p.text("pom.xml")), &m); err != nil {
		p.bad("pom.xml", err)
	}
	if p.err != nil {
		return p.err
	}
	if len(m.Modules) > 0 {
		return &Error{Problem: "pom.xml has several modules: " + strings.Join(m.Modules, ", "), Hint: "write a Dockerfile that says which one starts", Choices: m.Modules}
	}
	release, from := m.property("maven.compiler.release", "java.version", "maven.compiler.source", "maven.compiler.target"), "pom.xml, properties"
	for _, x := range m.Plugins {
		if release == "" && x.Artifact == "maven-compiler-plugin" {
			release, from = may2(x.Release, x.Source), "pom.xml, maven-compiler-plugin"
		}
	}
	if strings.HasPrefix(release, "${") {
		release = m.property(strings.Trim(release, "${}"))
	}
	if err := p.javaVersion(release, from); err != nil {
		return err
	}
	p.set("tool", "mvn")
	p.set("image", "maven:3.9-eclipse-temurin-"+p.values["version"])
	if p.has("mvnw") && p.has(".mvn/wrapper/maven-wrapper.properties") {
		p.set("tool", "sh ./mvnw")
		p.set("image", "eclipse-temurin:"+p.values["version"]+"-jdk")
	}
	p.found("dependencies", p.values["tool"]+" package", "pom.xml")
	if m.Packaging != "" && m.Packaging != "jar" {
		return &Error{Problem: "pom.xml makes a " + m.Packaging + ", which does not start by itself", Hint: "write a Dockerfile on the server that runs it"}
	}
	jar := "target/" + may2(m.FinalName, m.Artifact+"-"+may2(m.Version, m.Parent.Version)) + ".jar"
	if strings.Contains(jar, "${") {
		return &Error{Problem: "the name of the jar in pom.xml has variables: " + jar, Hint: "set finalName in its build"}
	}
	main := false
	for _, x := range m.Plugins {
		main = main || x.Main != ""
	}
	switch {
	case m.plugin("quarkus-maven-plugin"):
		p.set("collect", "mv target/quarkus-app /out")
		p.command("start", []string{"java", "-jar", "/app/quarkus-run.jar"})
		p.set("port", "8080")
		p.found("start", "quarkus-run.jar", "pom.xml: quarkus-maven-plugin")
	case m.plugin("spring-boot-maven-plugin"):
		p.word("collect", jar, "pom.xml")
		p.set("collect", "install -D "+jar+" /out/app.jar")
		p.spring(m.Parent.Version, "pom.xml: spring-boot-maven-plugin")
	case m.plugin("maven-shade-plugin"), main && len(m.Dependencies) == 0, main && m.plugin("maven-assembly-plugin"):
		p.word("collect", jar, "pom.xml")
		p.set("collect", "install -D "+jar+" /out/app.jar")
		p.command("start", []string{"java", "-jar", "/app/app.jar"})
		p.found("start", path.Base(jar), "pom.xml: its manifest has a main class")
	default:
		return &Error{Problem: "pom.xml makes no jar that starts by itself", Hint: "add spring-boot-maven-plugin, quarkus-maven-plugin, or maven-shade-plugin with a mainClass, or write a Dockerfile"}
	}
	return p.err
}

// spring starts an executable jar of Spring Boot. Since 3.3 it unpacks itself,
// which starts faster and keeps libraries in a layer of their own.
func (p *project) spring(version, why string) {
	p.set("port", "8080")
	p.command("start", []string{"java", "-jar", "/app/app.jar"})
	p.found("start", "app.jar", why)
	if r, err := parseRange(">=3.3"); err == nil && parts(version) != nil && r.allows(upTo(version, 3)) {
		p.set("layered", "yes")
		p.found("layers", "jarmode=tools", "Spring Boot "+version)
	}
}

// What a build script of Gradle says, in Groovy and in Kotlin.
func gradleRelease() *regexp.Regexp {
	return regexp.MustCompile(`(?:JavaLanguageVersion\.of\(\s*["']?|jvmToolchain\(\s*|(?:sourceCompatibility|targetCompatibility)\s*=\s*["']?(?:JavaVersion\.VERSION_)?)(\d+(?:[._]\d+)?)`)
}
func gradleBoot() *regexp.Regexp {
	return regexp.MustCompile(`org\.springframework\.boot["']\)?(?:\s+version\s*\(?["']([\d.]+))?`)
}
func gradleMain() *regexp.Regexp {
	return regexp.MustCompile(`mainClass(?:Name)?(?:\.set\(|\s*=)\s*["']([\w.$]+)["']`)
}
func gradleProject() *regexp.Regexp {
	return regexp.MustCompile(`rootProject\.name\s*=\s*["']([^"']+)["']`)
}
func gradlePlugin() *regexp.Regexp {
	return regexp.MustCompile(`(?m)^\s*(?:application\b|id\s*\(?["']application["'])`)
}
func gradleInclude() *regexp.Regexp { return regexp.MustCompile(`(?m)^\s*include\b[^\n]*`) }

func (p *project) gradle(script string) error {
	text, settings := p.text(script), p.text("settings.gradle")+p.text("settings.gradle.kts")
	if p.err != nil {
		return p.err
	}
	if m := gradleInclude().FindString(settings); m != "" {
		return &Error{Problem: "the build of Gradle has several projects: " + strings.TrimSpace(m), Hint: "write a Dockerfile that says which one starts"}
	}
	release := ""
	if m := gradleRelease().FindStringSubmatch(text); m != nil {
		release = strings.ReplaceAll(m[1], "_", ".")
	}
	if err := p.javaVersion(release, script); err != nil {
		return err
	}
	p.set("tool", "gradle")
	p.set("image", "gradle:8-jdk"+p.values["version"])
	if p.has("gradlew") && p.has("gradle/wrapper/gradle-wrapper.jar") {
		p.set("tool", "sh ./gradlew")
		p.set("image", "eclipse-temurin:"+p.values["version"]+"-jdk")
	}
	boot := gradleBoot().FindStringSubmatch(text)
	main := gradleMain().FindStringSubmatch(text)
	switch {
	case boot != nil:
		p.set("task", "bootJar")
		// Beside the jar that starts there may be the plain one.
		p.set("collect", "rm -f build/libs/*-plain.jar && install -D build/libs/*.jar /out/app.jar")
		p.spring(boot[1], script+": org.springframework.boot")
	case gradlePlugin().MatchString(text) && main != nil:
		name := gradleProject().FindStringSubmatch(settings)
		if name == nil {
			return &Error{Problem: "settings.gradle names no project, so the directory of its distribution is not known", Hint: "set rootProject.name there"}
		}
		p.word("collect", name[1], "settings.gradle, rootProject.name")
		p.set("task", "installDist")
		p.set("collect", fmt.Sprintf("mkdir /out && mv build/install/%s/lib /out/lib", name[1]))
		p.command("start", []string{"java", "-cp", "/app/lib/*", main[1]})
		p.found("start", main[1], script+": application")
	default:
		return &Error{Problem: script + " makes nothing that starts by itself", Hint: "add the plugin org.springframework.boot, or application with a mainClass, or write a Dockerfile"}
	}
	p.found("dependencies", p.values["tool"]+" "+p.values["task"], script)
	return p.err
}
