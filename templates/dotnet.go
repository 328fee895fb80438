package templates

import (
	"encoding/xml"
	"path"
	"strings"
)

func claimDotnet(p *project) (string, bool) {
	for _, e := range p.root {
		if strings.HasSuffix(e.Name(), ".csproj") || strings.HasSuffix(e.Name(), ".fsproj") {
			return e.Name(), false
		}
	}
	return "", false
}

type msbuild struct {
	SDK    string `xml:"Sdk,attr"`
	Groups []struct {
		Framework  string `xml:"TargetFramework"`
		Frameworks string `xml:"TargetFrameworks"`
		Assembly   string `xml:"AssemblyName"`
		Output     string `xml:"OutputType"`
		AOT        string `xml:"PublishAot"`
	} `xml:"PropertyGroup"`
}

// fillDotnet writes what the documentation of .NET's images says. No test runs
// it, as their registry was out of reach, and it says so.
func fillDotnet(p *project) (string, error) {
	var projects []string
	for _, e := range p.root {
		if strings.HasSuffix(e.Name(), "proj") && p.has(e.Name()) {
			projects = append(projects, e.Name())
		}
	}
	if len(projects) > 1 {
		return "", &Error{Problem: "there are several projects: " + strings.Join(projects, ", "), Hint: "give each a directory of its own, or write a Dockerfile", Choices: projects}
	}
	if len(projects) == 0 {
		return "", &Error{Problem: "there is no project file", Hint: "name the directory of one"}
	}
	var m msbuild
	if err := xml.Unmarshal([]byte(p.text(projects[0])), &m); err != nil {
		p.bad(projects[0], err)
	}
	if p.err != nil {
		return "", p.err
	}
	framework, assembly, output, aot := "", strings.TrimSuffix(projects[0], path.Ext(projects[0])), "", false
	for _, g := range m.Groups {
		framework = may2(framework, may2(g.Framework, strings.Split(g.Frameworks, ";")[0]))
		assembly = may2(g.Assembly, assembly)
		output = may2(g.Output, output)
		aot = aot || strings.EqualFold(strings.TrimSpace(g.AOT), "true")
	}
	version, ok := strings.CutPrefix(strings.TrimSpace(framework), "net")
	if !ok || parts(version) == nil || len(parts(version)) != 2 {
		return "", &Error{Problem: projects[0] + " targets " + may2(framework, "nothing") + ", for which there is no image", Hint: "target net8.0 or newer, or write a Dockerfile"}
	}
	web := strings.EqualFold(m.SDK, "Microsoft.NET.Sdk.Web")
	if aot || !web && !strings.EqualFold(output, "Exe") {
		return "", &Error{Problem: projects[0] + " makes no program that dotnet starts", Hint: "write a Dockerfile"}
	}
	p.set("runtime", "runtime")
	p.set("port", "")
	if web {
		p.set("runtime", "aspnet")
		p.set("port", "8080")
	}
	p.set("version", version)
	p.found("version", version, projects[0]+": "+framework)
	p.word("project", projects[0], projects[0])
	p.set("manifests", strings.Join(append(projects, p.all("packages.lock.json", "global.json", "Directory.Build.props", "Directory.Packages.props", "NuGet.config", "nuget.config")...), " "))
	p.set("locked", "")
	if p.has("packages.lock.json") {
		p.set("locked", " --locked-mode")
	} else {
		p.warn("there is no packages.lock.json, so each build may have other versions; RestorePackagesWithLockFile writes it")
	}
	p.command("start", []string{"dotnet", assembly + ".dll"})
	p.found("start", assembly+".dll", projects[0])
	p.warn("the template dotnet was not run in whittle's tests, as its base images were out of reach; look at what it makes")
	return "dotnet", nil
}
