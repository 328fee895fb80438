#include <stdio.h>

static void show(const char *name) {
  char line[100] = "";
  FILE *f = fopen(name, "r");
  if (!f || !fgets(line, sizeof line, f)) {
    perror(name);
    return;
  }
  fputs(line, stdout);
}

int main(void) {
  show("/etc/served/served.conf");
  show("/usr/share/served/page");
  return 0;
}
