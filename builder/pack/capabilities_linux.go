package pack

import "golang.org/x/sys/unix"

// capabilityXattr is where Linux keeps file capabilities (capabilities(7)). No
// other extended attribute goes into images.
const capabilityXattr = "security.capability"

// capabilities reads the file capabilities of a file, nil when it has none.
func capabilities(name string) map[string][]byte {
	value := make([]byte, 64)
	n, err := unix.Lgetxattr(name, capabilityXattr, value)
	if err != nil || n <= 0 {
		return nil
	}
	return map[string][]byte{capabilityXattr: value[:n]}
}
