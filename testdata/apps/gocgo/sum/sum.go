// Package sum adds in C.
package sum

// static int add(int a, int b) { return a + b; }
import "C"

// Of returns a + b.
func Of(a, b int) int { return int(C.add(C.int(a), C.int(b))) }
