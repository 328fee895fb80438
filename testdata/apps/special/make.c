/* Makes files of every kind that a file system has, and names that few have. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

static void must(int result, const char *what) {
  if (result < 0) {
    perror(what);
    exit(1);
  }
}

static void file(const char *name, mode_t mode) {
  int fd = open(name, O_CREAT | O_WRONLY | O_EXCL, 0600);
  must(fd, name);
  must(dprintf(fd, "%s", name), name);
  close(fd);
  must(chmod(name, mode), name);
}

static void dir(const char *name, mode_t mode) {
  must(mkdir(name, 0755), name);
  must(chmod(name, mode), name);
}

static void capability(const char *name) {
  struct vfs_cap_data cap = {0};
  cap.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE;
  cap.data[0].permitted = 1 << CAP_NET_BIND_SERVICE;
  must(setxattr(name, "security.capability", &cap, sizeof cap, 0), name);
}

/* With an argument, one of the names is not UTF-8. */
int main(int argc, char **argv) {
  umask(0);
  capability("/usr/local/bin/serve");
  must(chmod("/usr/local/bin/helper", 04755), "helper");
  must(chdir("/srv"), "/srv");
  dir("names", 0755);
  file("names/a b", 0644);
  file("names/*", 0644);
  file("names/[x]?", 0644);
  file("names/!not", 0644);
  file("names/ padded ", 0644);
  file("names/new\nline", 0644);
  if (argc > 1) file("names/\xff\xfe", 0644);
  char name[300] = "names/";
  memset(name + 6, 'n', 255);
  file(name, 0644);
  char deep[600] = "names";
  for (int i = 0; i < 8; i++) {
    strcat(deep, "/d");
    memset(deep + strlen(deep), 'd', 50);
    dir(deep, 0755);
  }
  strcat(deep, "/file");
  file(deep, 0644);
  dir("dirs", 0755);
  dir("dirs/sticky", 01777);
  dir("dirs/setgid", 02755);
  dir("dirs/[glob]*", 0777);
  file("dirs/[glob]*/file", 0644);
  dir("links", 0755);
  file("links/one", 0644);
  must(link("links/one", "links/two"), "links/two");
  must(setxattr("links/one", "user.note", "hello", 5, 0), "user.note");
  must(symlink("loop", "links/loop"), "loop");
  must(symlink("/../../../srv/links/one", "links/out"), "out");
  must(symlink("/dev/stdout", "links/log"), "log");
  must(symlink("[glob]*/file", "dirs/link[1]"), "link[1]");
  dir("nodes", 0755);
  must(mkfifo("nodes/fifo", 0644), "fifo");
  must(mknod("nodes/null", S_IFCHR | 0666, makedev(1, 3)), "null");
  int s = socket(AF_UNIX, SOCK_STREAM, 0);
  struct sockaddr_un at = {AF_UNIX, "nodes/socket"};
  must(bind(s, (struct sockaddr *)&at, sizeof at), "socket");
  return 0;
}
