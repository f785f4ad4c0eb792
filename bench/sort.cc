/* SPDX-License-Identifier: MIT */
/*
 * The command `acre sort` against what one would do without it. Each run is a
 * process of its own, on a fresh copy of the file, which is in RAM (/dev/shm)
 * where there is such a place: it is the work that is compared, and not the disk.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <random>

#include "pairs.h"

/* The command's own sort, for who reads the file into a buffer to run it there. */
extern "C" bool sort_kernel_numbers(void *numbers, size_t count, size_t width);

namespace {

using bench::compare;
using bench::fail;
using bench::must;
using bench::time_each;

constexpr size_t SIZE = bench::GIB, RECORD = 100;

/* ------------------------------------------------------------- files */

std::string folder() {
  const char *wish = std::getenv("TMPDIR");
  if (wish != nullptr) return wish;
  return access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/var/tmp";
}

/* A file that is gone at the end. */
class file {
public:
  explicit file(const char *name) : path_(folder() + "/acre-bench-" + name + "-" + std::to_string(getpid())) {}
  ~file() {
    unlink(path_.c_str());
  }
  file(const file &) = delete;
  file &operator=(const file &) = delete;

  const char *path() const {
    return path_.c_str();
  }

  template <class Fill>
  void fill(Fill write) {
    std::FILE *out = std::fopen(path(), "w");
    if (out == nullptr) fail("fopen", path());
    write(out);
    if (std::fclose(out) != 0) fail("fclose", path());
  }

private:
  std::string path_;
};

void numbers(std::FILE *out) {
  std::mt19937_64 random(1);
  std::vector<uint64_t> piece(1 << 17);
  for (size_t done = 0; done < SIZE; done += piece.size() * sizeof(uint64_t)) {
    for (uint64_t &number : piece) number = random();
    std::fwrite(piece.data(), sizeof(uint64_t), piece.size(), out);
  }
}

/* sortbenchmark.org's form in printable bytes, and with a line's end, so that sort can sort it: a key of 10 bytes, and 90 more. */
void records(std::FILE *out) {
  std::mt19937_64 random(1);
  char record[RECORD + 1];
  for (size_t i = 0; i < SIZE / RECORD; i++) {
    for (int k = 0; k < 10; k++) record[k] = static_cast<char>(' ' + random() % 95);
    std::snprintf(record + 10, sizeof record - 10, "  %032zX  %.53s\n", i,
                  "0000111122223333444455556666777788889999AAAABBBBCCCCDDDD");
    std::fwrite(record, 1, RECORD, out);
  }
}

/* Lines of words, some fifty bytes each, many with the same beginning. */
void lines(std::FILE *out) {
  static const char *const words[] = {"the",    "of",   "and",  "memory", "page",   "fault", "reserve",
                                      "commit", "view", "file", "heap",   "kernel", "a",     "to",
                                      "in",     "is",   "that", "with",   "for",    "on"};
  std::mt19937_64 random(1);
  for (size_t done = 0; done < SIZE;) {
    std::string line;
    for (uint64_t i = 3 + random() % 12; i > 0; i--) line += std::string(words[random() % 20]) + " ";
    line += std::to_string(random() % 100000) + "\n";
    done += std::fwrite(line.data(), 1, line.size(), out);
  }
}

void copy(const file &from, const file &to) {
  std::string command = std::string("cp ") + from.path() + " " + to.path();
  if (std::system(command.c_str()) != 0) fail("cp", to.path());
}

/* ------------------------------------------------------------- processes */

/* Bytes of memory that are no file's; 0: it has ended. */
size_t anonymous_memory_of(pid_t process) {
  std::string path = "/proc/" + std::to_string(process) + "/status";
  std::FILE *status = std::fopen(path.c_str(), "r");
  if (status == nullptr) return 0;
  char line[256];
  size_t kib = 0;
  while (std::fgets(line, sizeof line, status) != nullptr)
    if (std::sscanf(line, "RssAnon: %zu", &kib) == 1) break;
  std::fclose(status);
  return kib * bench::KIB;
}

/* Returns the most anonymous memory that it was seen with, looked at every few milliseconds. */
template <class Work>
size_t in_child(const char *what, Work work) {
  pid_t child = fork();
  must(child, "fork");
  if (child == 0) {
    work();
    _exit(0);
  }
  int status;
  size_t most = 0;
  for (pid_t ended; (ended = waitpid(child, &status, WNOHANG)) != child;) {
    must(ended, "waitpid");
    most = std::max(most, anonymous_memory_of(child));
    usleep(3000);
  }
  if (status != 0) fail(what, "it has failed");
  return most;
}

size_t execute(std::vector<const char *> arguments) {
  return in_child(arguments[0], [&] {
    arguments.push_back(nullptr);
    execvp(arguments[0], const_cast<char **>(arguments.data()));
    _exit(127);
  });
}

template <class Move>
void whole(Move move) {
  for (size_t done = 0; done < SIZE;) {
    ssize_t moved = move(done, std::min(SIZE - done, bench::GIB));
    if (moved <= 0) fail("read or write", std::strerror(errno));
    done += static_cast<size_t>(moved);
  }
}

void read_sort_write(const char *path) {
  in_child("read, sort, write", [=] {
    int fd = open(path, O_RDWR);
    must(fd, "open");
    char *buffer = static_cast<char *>(std::malloc(SIZE));
    whole([=](size_t at, size_t size) { return pread(fd, buffer + at, size, static_cast<off_t>(at)); });
    if (!sort_kernel_numbers(buffer, SIZE / sizeof(uint64_t), sizeof(uint64_t))) fail("sort", path);
    whole([=](size_t at, size_t size) { return pwrite(fd, buffer + at, size, static_cast<off_t>(at)); });
    must(fdatasync(fd), "fdatasync");
  });
}

void sort_raw_mapping(const char *path) {
  in_child("std::sort", [=] {
    int fd = open(path, O_RDWR);
    must(fd, "open");
    void *memory = mmap(nullptr, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) fail("mmap", path);
    uint64_t *numbers = static_cast<uint64_t *>(memory);
    std::sort(numbers, numbers + SIZE / sizeof(uint64_t));
    must(msync(memory, SIZE, MS_SYNC), "msync");
  });
}

/* ------------------------------------------------------------- pairs */

/* Each way on a copy of `original`. */
template <class Acre, class Peer>
void compare_on_copies(benchmark::State &state, const file &original, Acre acre, Peer peer) {
  file work("work");
  auto timed = [&](auto way) {
    copy(original, work);
    return time_each(1, [&] { way(work.path()); });
  };
  compare(
      state, [&] { return timed(acre); }, [&] { return timed(peer); });
}

size_t most_anonymous_in_place;

void in_place(const char *path) {
  size_t anonymous = execute({ACRE_COMMAND, "sort", path, "--type", "u64", "--in-place", "--quiet"});
  most_anonymous_in_place = std::max(most_anonymous_in_place, anonymous);
}

void in_place_against_read_and_write(benchmark::State &state) {
  file original("numbers");
  original.fill(numbers);
  compare_on_copies(state, original, in_place, read_sort_write);
  state.counters["anonymous"] = static_cast<double>(most_anonymous_in_place);
  state.counters["file"] = static_cast<double>(SIZE);
}

void in_place_against_std_sort(benchmark::State &state) {
  file original("numbers");
  original.fill(numbers);
  compare_on_copies(state, original, in_place, sort_raw_mapping);
}

void atomic_against_in_place(benchmark::State &state) {
  file original("numbers");
  original.fill(numbers);
  compare_on_copies(
      state, original,
      [](const char *path) {
        execute({ACRE_COMMAND, "sort", path, "--type", "u64", "--quiet"});
      },
      in_place);
}

void records_against_sort(benchmark::State &state) {
  file original("records");
  original.fill(records);
  setenv("LC_ALL", "C", 1);
  compare_on_copies(
      state, original,
      [](const char *path) {
        execute({ACRE_COMMAND, "sort", path, "--record", "100", "--key", "0:b10", "--quiet"});
      },
      [](const char *path) {
        execute({"sort", "-s", "-k1.1,1.10", "--parallel=2", "-S", "4G", "-o", path, path});
      });
}

void lines_against_sort(benchmark::State &state) {
  file original("lines");
  original.fill(lines);
  setenv("LC_ALL", "C", 1);
  compare_on_copies(
      state, original,
      [](const char *path) {
        execute({ACRE_COMMAND, "sort", path, "--lines", "--quiet"});
      },
      [](const char *path) {
        execute({"sort", "--parallel=2", "-S", "4G", "-o", path, path});
      });
}

BENCHMARK(in_place_against_read_and_write)->UseManualTime()->Iterations(11);
BENCHMARK(in_place_against_std_sort)->UseManualTime()->Iterations(3);
BENCHMARK(atomic_against_in_place)->UseManualTime()->Iterations(11);
BENCHMARK(records_against_sort)->UseManualTime()->Iterations(3);
BENCHMARK(lines_against_sort)->UseManualTime()->Iterations(3);

} // namespace

int main(int argc, char **argv) {
  return bench::run(argc, argv);
}
