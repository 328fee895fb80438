package families_test

import (
	"testing"

	"github.com/whittle-oci/whittle/lint/rules/internal/families"
)

func TestEnded(t *testing.T) {
	for image, want := range map[string]string{
		"debian:jessie":                 "debian 8, June 2020",
		"debian:8.11-slim":              "debian 8.11, June 2020",
		"debian:12":                     "",
		"debian:stable-slim":            "",
		"debian":                        "",
		"ubuntu:18.04":                  "ubuntu 18.04, May 2023",
		"ubuntu:16.10":                  "ubuntu 16.10, ",
		"ubuntu:focal-2023":             "ubuntu 20.04, May 2025",
		"ubuntu:24.04":                  "",
		"alpine:3.5":                    "alpine 3.5, November 2018",
		"alpine:2.6":                    "",
		"ubuntu:25.10":                  "ubuntu 25.10, July 2026",
		"ubuntu:questing":               "ubuntu 25.10, July 2026",
		"quay.io/centos/centos:stream8": "centos stream 8, May 2024",
		"quay.io/centos/centos:stream9": "",
		"redis:5":                       "redis 5, April 2022",
		"redis:6-alpine":                "",
		"redis:7.2":                     "",
		"eclipse-temurin:19-jre":        "eclipse-temurin 19, March 2023",
		"eclipse-temurin:21":            "",
		"eclipse-temurin:21.0.4_7-jdk":  "",
		"mcr.microsoft.com/windows/nanoserver:1809":     "nanoserver 1809, January 2024",
		"mcr.microsoft.com/windows/nanoserver:ltsc2022": "",
		"mcr.microsoft.com/windows/servercore:ltsc2019": "",
		"mcr.microsoft.com/dotnet/sdk:0.0.0":            "",
		"photon:3.0":                                    "photon 3.0, March 2024",
		"mariadb:10.6":                                  "mariadb 10.6, July 2026",
		"alpine:3.18.4":                                 "alpine 3.18.4, May 2025",
		"alpine:3":                                      "",
		"alpine:edge":                                   "",
		"alpine:20240807":                               "",
		"arm32v7/alpine:3.12":                           "alpine 3.12, May 2022",
		"centos":                                        "centos 8, December 2021",
		"centos:centos7":                                "centos 7, June 2024",
		"centos:7.9.2009":                               "centos 7.9.2009, June 2024",
		"node:18-alpine":                                "node 18, April 2025",
		"node:22":                                       "",
		"node:23":                                       "node 23, June 2025",
		"node:24-bullseye":                              "debian 11, August 2026 under it",
		"node:lts":                                      "",
		"python:2":                                      "python 2, January 2020",
		"python:3":                                      "",
		"python:3.8-slim":                               "python 3.8, October 2024",
		"python:3.13-alpine3.18":                        "alpine 3.18, May 2025 under it",
		"php:7-apache":                                  "php 7, November 2022",
		"mysql:8":                                       "",
		"mysql:8.0.36":                                  "mysql 8.0.36, April 2026",
		"mongo:6":                                       "mongo 6, July 2025",
		"openjdk:8-jre":                                 ", July 2022",
		"openjdk:28-ea-jdk":                             "",
		"mcr.microsoft.com/dotnet/sdk:6.0":              ".NET 6.0, November 2024",
		"mcr.microsoft.com/dotnet/aspnet:10.0":          "",
		"registry.access.redhat.com/ubi7/ubi:7.9":       "UBI 7, June 2024",
		"amazonlinux:2018.03":                           "amazonlinux 2018.03, December 2023",
		"amazonlinux:2023":                              "",
		"example.test/python:3.6":                       "",
		"ros:kinetic-ros-core":                          "",
		"ubuntu:lunar":                                  "ubuntu 23.04, January 2024",
		"mcr.microsoft.com/dotnet/framework/sdk:4.8": "",
		"mcr.microsoft.com/dotnet/core/sdk:3.1":      ".NET 3.1, December 2022",
		"gazebo:gzserver8-xenial":                    "ubuntu 16.04, April 2021 under it",
		"debian@sha256:0123456789abcdef0123456789a":  "",
	} {
		end, ended := families.Ended(image)
		got := ""
		if ended {
			got = end.What + ", " + end.When
			if end.Under {
				got += " under it"
			}
			if end.Next == "" || end.AsOf == "" {
				t.Errorf("%s: there is nothing after %s", image, end.What)
			}
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", image, got, want)
		}
	}
}
