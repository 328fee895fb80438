package credential

import (
	"bytes"
	"math"
	"strings"
)

// A Match is text that has the form of a credential.
type Match struct {
	Start, End int
	What       string // with its article: "a GitHub token"
}

// A form is what the keys of one service look like: a prefix that the service
// chose so that its keys can be found, and a body.
type form struct {
	what, prefix string
	chars        string // of the body
	least, most  int    // characters of the body
}

const (
	upper  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	lower  = "abcdefghijklmnopqrstuvwxyz"
	digits = "0123456789"
	word   = upper + lower + digits + "_"
	dashed = word + "-"
	base32 = upper + "234567"
	hexa   = "0123456789abcdef"
)

var forms = []form{
	{"a GitHub token", "ghp_", upper + lower + digits, 36, 255},
	{"a GitHub token", "gho_", upper + lower + digits, 36, 255},
	{"a GitHub token", "ghu_", upper + lower + digits, 36, 255},
	{"a GitHub token", "ghs_", upper + lower + digits, 36, 255},
	{"a GitHub token", "ghr_", upper + lower + digits, 36, 255},
	{"a GitHub token", "github_pat_", word, 22, 255},
	{"a GitLab token", "glpat-", dashed + ".", 20, 64},
	{"an AWS access key", "AKIA", base32, 16, 16},
	{"an AWS access key", "ASIA", base32, 16, 16},
	{"a Slack token", "xoxb-", dashed, 10, 250},
	{"a Slack token", "xoxp-", dashed, 10, 250},
	{"a Slack token", "xoxa-", dashed, 10, 250},
	{"a Slack webhook", "hooks.slack.com/services/", upper + lower + digits + "+/", 43, 56},
	{"a Slack webhook", "hooks.slack.com/workflows/", upper + lower + digits + "+/", 43, 56},
	{"a Slack webhook", "hooks.slack.com/triggers/", upper + lower + digits + "+/", 43, 56},
	{"a Google API key", "AIza", dashed, 35, 35},
	{"an npm token", "npm_", upper + lower + digits, 36, 36},
	{"a PyPI token", "pypi-AgEIcHlwaS5vcmc", dashed, 50, 1000},
	{"a Stripe key", "sk_live_", upper + lower + digits, 16, 247},
	{"a Stripe key", "rk_live_", upper + lower + digits, 16, 247},
	{"a Docker token", "dckr_pat_", dashed, 27, 64},
	{"a Hugging Face token", "hf_", upper + lower + digits, 34, 40},
	{"an OpenAI key", "sk-proj-", dashed, 40, 250},
	{"an Anthropic key", "sk-ant-", dashed, 40, 250},
	{"a SendGrid key", "SG.", dashed + ".", 60, 80},
	{"a DigitalOcean token", "dop_v1_", hexa, 64, 64},
	{"a Vault token", "hvs.", dashed, 24, 200},
	{"a Doppler token", "dp.pt.", upper + lower + digits, 40, 44},
}

// Find gives the credentials of well-known services in text, and private keys,
// by their form alone.
func Find(text []byte) []Match {
	var out []Match
	for _, f := range forms {
		out = f.find(out, text)
	}
	const begin = "-----BEGIN "
	for at := 0; ; {
		i := bytes.Index(text[at:], []byte(begin))
		if i < 0 {
			return out
		}
		start := at + i
		at = start + len(begin)
		line, _, _ := bytes.Cut(text[at:], []byte("\n"))
		if label, _, ok := bytes.Cut(line, []byte("-----")); ok && bytes.Contains(label, []byte("PRIVATE KEY")) {
			out = append(out, Match{start, at + len(label) + len("-----"), "a private key"})
		}
	}
}

func (f form) find(out []Match, text []byte) []Match {
	for at := 0; ; {
		i := bytes.Index(text[at:], []byte(f.prefix))
		if i < 0 {
			return out
		}
		start := at + i
		body := start + len(f.prefix)
		end := body
		for end < len(text) && strings.IndexByte(f.chars, text[end]) >= 0 {
			end++
		}
		at = end
		if end-body < f.least || end-body > f.most || start > 0 && strings.IndexByte(word, text[start-1]) >= 0 || end < len(text) && strings.IndexByte(word, text[end]) >= 0 {
			continue
		}
		if found := string(text[start:end]); !Placeholder(found) && Entropy(found[len(f.prefix):]) > 2.5 {
			out = append(out, Match{start, end, f.what})
		}
	}
}

// Entropy is how many bits one character of text carries, were its characters
// drawn with the frequencies that they have in it (Shannon).
func Entropy(text string) float64 {
	var counts [256]int
	for i := range len(text) {
		counts[text[i]]++
	}
	bits := 0.0
	for _, n := range counts {
		if n > 0 {
			p := float64(n) / float64(len(text))
			bits -= p * math.Log2(p)
		}
	}
	return bits
}
