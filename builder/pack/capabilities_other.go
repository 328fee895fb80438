//go:build !linux

package pack

// capabilities returns nil: file capabilities are Linux's.
func capabilities(string) map[string][]byte { return nil }
