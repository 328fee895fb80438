package need

import (
	"path"
	"slices"
)

// rootCommands change who runs or who owns, which only root can.
var rootCommands = []string{"gosu", "su-exec", "setpriv", "runuser", "su", "sudo", "doas", "chpst", "s6-setuidgid", "chown", "chgrp", "chroot", "mount", "service", "invoke-rc.d", "rc-service"}

// rootDaemons have to be started by root, since they act for other users or
// change the machine; their own manuals say so: cron(8), crond(8), atd(8),
// postfix(1), exim(8), sendmail(8), dovecot(1), vsftpd(8),
// proftpd(8), pure-ftpd(8), smbd(8), nmbd(8), winbindd(8), sshd(8), inetd(8),
// xinetd(8), login(1), saslauthd(8), keepalived(8), openvpn(8), charon(8),
// rpcbind(8), rpc.mountd(8), automount(8), dhcpd(8), cupsd(8), udevd(8),
// systemd(1), chronyd(8), ntpd(8), avahi-daemon(8), lldpd(8), radvd(8), in.tftpd(8),
// smtpd(8), hostapd(8), wpa_supplicant(8); read in 2026.
var rootDaemons = []string{
	"cron", "crond", "atd", "postfix", "exim", "exim4", "sendmail", "dovecot", "vsftpd", "proftpd", "pure-ftpd", "smbd", "nmbd", "winbindd", "sshd", "inetd",
	"xinetd", "login", "saslauthd", "keepalived", "openvpn", "charon", "ipsec", "rpcbind", "rpc.mountd", "rpc.nfsd", "automount", "dhcpd", "cupsd", "udevd", "systemd-udevd",
	"systemd", "chronyd", "ntpd", "avahi-daemon", "lldpd", "radvd", "in.tftpd", "smtpd", "hostapd", "wpa_supplicant",
}

// NeedsRoot reports whether a command changes who runs or who owns, or is a
// daemon that only root can start.
func NeedsRoot(command string) bool {
	name := path.Base(command)
	return slices.Contains(rootCommands, name) || slices.Contains(rootDaemons, name)
}
