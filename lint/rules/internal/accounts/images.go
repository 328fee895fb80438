package accounts

import (
	"slices"
	"strings"
)

// Runs gives the user that a well-known image runs as, by the image's
// documentation. ok is false for images that run as root or are not known.
func Runs(ref string) (user string, ok bool) {
	name, tag := repository(ref)
	switch {
	case strings.Contains(tag, "nonroot") || strings.Contains(name, "nonroot"):
		return "65532", true
	case strings.Contains(tag, "rootless") || strings.Contains(name, "rootless"), strings.Contains(tag, "unprivileged") || strings.Contains(name, "unprivileged"):
		return "a user of its own", true
	case strings.HasPrefix(name, "mcr.microsoft.com/dotnet/") && (strings.Contains(tag, "chiseled") || strings.Contains(tag, "distroless")):
		return "1654", true
	case strings.HasPrefix(name, "cgr.dev/"):
		// Those to build with run as root, so that they can install packages.
		return "65532", !slices.Contains([]string{"wolfi-base", "go", "rust", "gcc-glibc", "maven", "gradle", "jdk", "dotnet-sdk"}, name[strings.LastIndexByte(name, '/')+1:])
	case strings.HasPrefix(name, "dhi.io/"): // Docker Hardened Images
		return "65532", !strings.HasSuffix(tag, "-dev")
	case strings.HasPrefix(name, "bitnami/"), strings.HasPrefix(name, "bitnamilegacy/"), strings.HasPrefix(name, "public.ecr.aws/bitnami/"):
		return "1001", !slices.Contains([]string{"bitnami/minideb", "bitnami/git"}, name)
	case strings.HasPrefix(name, "registry.access.redhat.com/") || strings.HasPrefix(name, "registry.redhat.io/"):
		return "1001", !bareRedHat(name)
	}
	user, ok = runs[name]
	return user, ok
}

// StepsDown reports whether the entrypoint of a well-known image starts as root
// and hands over to an ordinary user before it runs the program.
func StepsDown(ref string) bool {
	name, _ := repository(ref)
	return slices.Contains(stepsDown, name)
}

var stepsDown = []string{
	"cassandra", "consul", "couchdb", "ghost", "hashicorp/consul", "hashicorp/vault", "influxdb", "mariadb", "mongo", "mysql", "neo4j", "percona", "pgvector/pgvector",
	"postgis/postgis", "postgres", "rabbitmq", "redis", "redmine", "timescale/timescaledb", "valkey/valkey", "vault", "zookeeper",
}

// bareRedHat reports whether one of Red Hat's images is a bare system. Those
// with a language or a server run as 1001.
func bareRedHat(name string) bool {
	base := name[strings.LastIndexByte(name, '/')+1:]
	for _, w := range []string{"ubi", "ubi-minimal", "ubi-micro", "ubi-init", "minimal", "micro", "init", "rhel7", "rhel8", "rhel9", "rhel10", "toolbox"} {
		for _, version := range []string{"", "7", "8", "9", "10"} {
			if base == w || base == strings.Replace(w, "ubi", "ubi"+version, 1) {
				return true
			}
		}
	}
	return false
}

// runs are images whose documentation says that they run as an ordinary user.
var runs = map[string]string{
	"apache/airflow":                  "airflow",
	"apache/kafka":                    "appuser",
	"camunda/camunda-bpm-platform":    "camunda",
	"cimg/base":                       "circleci",
	"cimg/go":                         "circleci",
	"cimg/node":                       "circleci",
	"cimg/openjdk":                    "circleci",
	"cimg/python":                     "circleci",
	"cimg/ruby":                       "circleci",
	"confluentinc/cp-kafka":           "appuser",
	"confluentinc/cp-kafka-connect":   "appuser",
	"confluentinc/cp-schema-registry": "appuser",
	"confluentinc/cp-server":          "appuser",
	"curlimages/curl":                 "curl_user",
	"dependencytrack/apiserver":       "1000",
	"docker.elastic.co/elasticsearch/elasticsearch": "1000:0",
	"docker.elastic.co/kibana/kibana":               "1000",
	"docker.elastic.co/logstash/logstash":           "1000",
	"docker.n8n.io/n8nio/n8n":                       "node",
	"elasticsearch":                                 "1000:0",
	"ghcr.io/actions/actions-runner":                "runner",
	"ghcr.io/homebrew/brew":                         "linuxbrew",
	"ghcr.io/puppeteer/puppeteer":                   "pptruser",
	"gitpod/workspace-full":                         "gitpod",
	"grafana/grafana":                               "472",
	"grafana/loki":                                  "10001",
	"grafana/tempo":                                 "10001",
	"homebrew/brew":                                 "linuxbrew",
	"jenkins/agent":                                 "jenkins",
	"jenkins/inbound-agent":                         "jenkins",
	"jenkins/jenkins":                               "jenkins",
	"jupyter/base-notebook":                         "jovyan",
	"jupyter/datascience-notebook":                  "jovyan",
	"jupyter/minimal-notebook":                      "jovyan",
	"jupyter/scipy-notebook":                        "jovyan",
	"keycloak/keycloak":                             "1000",
	"kibana":                                        "1000",
	"kong":                                          "kong",
	"logstash":                                      "1000",
	"mcr.microsoft.com/mssql/server":                "mssql",
	"memcached":                                     "memcache",
	"n8nio/n8n":                                     "node",
	"nginxinc/nginx-unprivileged":                   "101",
	"openpolicyagent/opa":                           "1000:1000",
	"opensearchproject/opensearch":                  "1000",
	"opensearchproject/opensearch-dashboards":       "1000",
	"prom/alertmanager":                             "nobody",
	"prom/node-exporter":                            "nobody",
	"prom/prometheus":                               "nobody",
	"quay.io/curl/curl":                             "curl_user",
	"quay.io/jupyter/base-notebook":                 "jovyan",
	"quay.io/jupyter/datascience-notebook":          "jovyan",
	"quay.io/jupyter/minimal-notebook":              "jovyan",
	"quay.io/jupyter/scipy-notebook":                "jovyan",
	"quay.io/keycloak/keycloak":                     "1000",
	"quay.io/prometheus/alertmanager":               "nobody",
	"quay.io/prometheus/node-exporter":              "nobody",
	"quay.io/prometheus/prometheus":                 "nobody",
	"selenium/base":                                 "1200",
	"selenium/node-chrome":                          "1200",
	"selenium/standalone-chrome":                    "1200",
	"selenium/standalone-firefox":                   "1200",
	"solr":                                          "solr",
	"sonarqube":                                     "sonarqube",
	"sonatype/nexus3":                               "nexus",
	"varnish":                                       "varnish",
	"zenika/alpine-chrome":                          "chrome",
}

// numbers are those of users of runs that are names, where they are known.
var numbers = map[string]string{
	"airflow": "50000", "circleci": "3434", "jenkins": "1000", "jovyan": "1000", "nexus": "200", "node": "1000", "sonarqube": "1000", "solr": "8983",
}

// Number gives the number of a user that a well-known image has, "" when it is
// not known.
func Number(ref, user string) string {
	name, tag := repository(ref)
	if runs[name] == user {
		return numbers[user]
	}
	switch user {
	case "nonroot":
		if strings.HasPrefix(name, "gcr.io/distroless/") || strings.HasPrefix(name, "cgr.dev/") {
			return "65532"
		}
	case "nobody":
		for _, system := range []string{"debian", "ubuntu", "alpine", "busybox", "node", "python", "golang", "rust", "ruby", "php", "nginx", "gcr.io/distroless/"} {
			if name == system || strings.HasSuffix(system, "/") && strings.HasPrefix(name, system) {
				return "65534"
			}
		}
	case "node":
		if name == "node" {
			return "1000"
		}
	case "www-data":
		if strings.Contains(tag, "alpine") {
			return "82"
		}
		if slices.Contains([]string{"debian", "ubuntu", "php", "httpd", "wordpress"}, name) {
			return "33"
		}
	case "nginx":
		if name == "nginx" || name == "nginxinc/nginx-unprivileged" {
			return "101"
		}
	case "app":
		if strings.HasPrefix(name, "mcr.microsoft.com/dotnet/") {
			return "1654"
		}
	}
	return ""
}
