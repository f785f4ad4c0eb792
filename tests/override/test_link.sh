#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Programs linked with the malloc library, in every way that a program can be, and
# one with libacre that the library is preloaded into: malloc's blocks are the
# process heap's, from the first constructor to the last destructor.
#
# Environment (set by tests/CMakeLists.txt): ACRE_BUILD, ACRE_SOURCE, ACRE_MALLOC, CC.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
failures=0

cat >program.c <<'END'
#include <acre/heap.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char *early;
static int wrong;

static void look(const char *when, void *block) {
  if (block != NULL && acre_heap_of(block) == acre_process_heap()) return;
  printf("wrong: %s\n", when);
  wrong = 1;
}

__attribute__((constructor(101))) static void begin(void) { look("in a constructor", early = strdup("early")); }

__attribute__((destructor(101))) static void end(void) {
  char *late = malloc(5000);
  look("in a destructor", late);
  free(late);
  free(early);
  if (acre_heap_validate(acre_process_heap(), NULL) != ACRE_OK) puts("wrong: the heap at the end");
  fflush(stdout);
}

static void at_exit(void) { free(malloc(70000)); }

static void *work(void *unused) {
  for (int i = 0; i < 1000; i++) free(malloc(i * 50));
  return strdup("of a thread");
}

int main(int argc, char **argv) {
  atexit(at_exit);
  char *buffer = NULL;
  size_t room = 0;
  FILE *file = fopen(argv[0], "r");
  getline(&buffer, &room, file);
  look("getline", buffer);
  free(buffer);
  fclose(file);
  buffer = realpath("/proc/self/exe", NULL);
  look("realpath", buffer);
  free(buffer);
  for (int i = 0; i < 50; i++) {
    pthread_t thread;
    void *block;
    pthread_create(&thread, NULL, work, NULL);
    pthread_join(thread, &block);
    look("in a thread", block);
    free(block);
  }
  if (vfork() == 0) {
    execl("/bin/true", "true", (char *)0);
    _exit(1);
  }
  int status;
  wait(&status);
  if (fork() == 0) {
    free(malloc(100));
    _exit(0);
  }
  wait(&status);
#ifdef PLUGIN
  for (int i = 0; i < 200; i++) {
    void *plugin = dlopen(PLUGIN, RTLD_NOW);
    if (plugin == NULL) return puts(dlerror()), 1;
    char *(*make)(void) = (char *(*)(void))dlsym(plugin, "make");
    char *block = make();
    look("of a plugin", block);
    dlclose(plugin);
    free(block);
  }
#endif
  puts(wrong ? "failed" : "works");
  return wrong;
}
END
cat >plugin.c <<'END'
#include <string.h>
char *make(void) { return strdup("of a plugin"); }
END
cat >program.cc <<'END'
#include <acre/heap.h>

#include <cstdio>
#include <map>
#include <memory>
#include <string>

static std::map<std::string, std::unique_ptr<int[]>> early;
static const std::string text(500, 'x');

int main() {
  for (int i = 0; i < 1000; i++) early[std::to_string(i)] = std::make_unique<int[]>(i);
  bool ours = acre_heap_of(early["500"].get()) == acre_process_heap();
  try {
    throw std::string(1000, 'x');
  } catch (const std::string &text) {
    ours = ours && acre_heap_of(text.data()) == acre_process_heap();
  }
  std::puts(ours ? "works" : "failed");
}
END

# check NAME COMMAND...: it prints "works" and nothing else.
check() {
  local name=$1 output
  shift
  output=$("$@" 2>&1) || output="$output (status $?)"
  if [ "$output" = works ]; then
    echo "ok   $name"
  else
    echo "FAIL $name: $output"
    failures=$((failures + 1))
  fi
}

build() { # build OUT OPTION...
  "$CC" -w -O1 -std=gnu11 -o "$1" program.c -I"$ACRE_SOURCE/include" "${@:2}" -pthread
}

"$CC" -shared -fPIC -o plugin.so plugin.c
plugin=(-DPLUGIN="\"$work/plugin.so\"" -rdynamic)
archive=$ACRE_BUILD/libacre-malloc.a
build shared "${plugin[@]}" "$ACRE_MALLOC" "-Wl,-rpath,$(dirname "$ACRE_MALLOC")"
check "linked with the shared library" ./shared
build archive "${plugin[@]}" "$archive"
check "linked with the archive" ./archive
build no-pie "${plugin[@]}" -no-pie "$archive"
check "linked with the archive, at a fixed address" ./no-pie
build static -static "$archive"
check "static" ./static
build static-pie -static-pie "$archive"
check "static, position-independent" ./static-pie
build plain "${plugin[@]}" "$ACRE_BUILD/libacre.so" "-Wl,-rpath,$ACRE_BUILD"
check "linked with libacre, and the malloc library preloaded" env LD_PRELOAD="$ACRE_MALLOC" ./plain
if command -v g++ >/dev/null; then
  g++ -O1 -o cxx program.cc -I"$ACRE_SOURCE/include" "$archive" -pthread
  check "C++, linked with the archive" ./cxx
  g++ -O1 -static -o cxx-static program.cc -I"$ACRE_SOURCE/include" "$archive" -pthread
  check "C++, static" ./cxx-static
  g++ -O1 -o cxx-plain program.cc -I"$ACRE_SOURCE/include" "$ACRE_BUILD/libacre.so" "-Wl,-rpath,$ACRE_BUILD" -pthread
  check "C++, preloaded" env LD_PRELOAD="$ACRE_MALLOC" ./cxx-plain
fi

# ------------------------------------------------------------- the start size

cat >start.c <<'END'
#include <acre/heap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static acre_heap_figures figures;
int main(void) {
  char *first = malloc(5000);
  setbuf(stdout, NULL);
  acre_heap_stats(acre_process_heap(), &figures);
  printf("%zu\n", (figures.set_aside + figures.reserved + 65535) >> 20);
  size_t left = figures.set_aside;
  char *second = malloc(left); /* all of it in one piece, right behind */
  memset(second, 1, left);
  acre_heap_stats(acre_process_heap(), &figures);
  if (figures.set_aside != 0 || second - first > (64 << 20)) puts("wrong: it lies elsewhere");
  char *third = malloc(5 << 20);
  memset(third, 1, 5 << 20);
  free(first); free(second); free(third);
  if (acre_heap_validate(acre_process_heap(), NULL) != ACRE_OK) puts("wrong: the heap");
  return 0;
}
END
begins_with() { # begins_with NAME MIB COMMAND...
  local name=$1 wanted=$2 output
  shift 2
  output=$("$@" 2>&1) || output="$output (status $?)"
  if [ "$output" = "$wanted" ]; then
    echo "ok   $name"
  else
    echo "FAIL $name: $output, not $wanted"
    failures=$((failures + 1))
  fi
}
size=-Wl,--defsym=acre_process_heap_reserve=16777216
link() {
  "$CC" -O1 -o "$1" start.c -I"$ACRE_SOURCE/include" "${@:2}" -pthread
}
link start-plain "$archive"
begins_with "1 MiB" 1 ./start-plain
begins_with "by ACRE_OPTIONS" 64 env ACRE_OPTIONS=heap_reserve=64M ./start-plain
link start-archive "$archive" $size
begins_with "linked with the archive" 16 ./start-archive
begins_with "ACRE_OPTIONS has the last word" 2 env ACRE_OPTIONS=heap_reserve=2M ./start-archive
link start-static "$archive" $size -static
begins_with "static" 16 ./start-static
link start-no-pie "$archive" $size -no-pie
begins_with "at a fixed address" 16 ./start-no-pie
link start-shared "$ACRE_MALLOC" $size "-Wl,-rpath,$(dirname "$ACRE_MALLOC")"
begins_with "linked with the shared library" 16 ./start-shared
link start-libacre "$ACRE_BUILD/libacre.so" $size "-Wl,-rpath,$ACRE_BUILD"
begins_with "preloaded" 16 env LD_PRELOAD="$ACRE_MALLOC" ./start-libacre

# A purging thread, where it is asked for.
cat >threads.c <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(void) {
  char *line = malloc(200);
  FILE *status = fopen("/proc/self/status", "r");
  while (fgets(line, 200, status) != NULL)
    if (strncmp(line, "Threads:", 8) == 0) fputs(strpbrk(line, "0123456789"), stdout);
}
END
"$CC" -O1 -o threads threads.c
"$CC" -O1 -o threads-static threads.c "$archive" -static -pthread
begins_with "no thread unless asked for" 1 env LD_PRELOAD="$ACRE_MALLOC" ./threads
begins_with "a purging thread" 2 env LD_PRELOAD="$ACRE_MALLOC" ACRE_OPTIONS=purge=100 ./threads
begins_with "a purging thread, static" 2 env ACRE_OPTIONS=purge=100 ./threads-static

[ $failures = 0 ] || { echo "$failures failed"; exit 1; }
