/* SPDX-License-Identifier: MIT */
/* Programs of one thread. */
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "load.h"

using namespace loads;

/* A block is freed soon after it was made, as in parsers and formatters. */
LOAD(small_pairs) {
  random_numbers random(1);
  char *live[16] = {};
  uint64_t sum = 0;
  for (unsigned i = 0; i < 20000000; i++) {
    char *&slot = live[random.next() % 16];
    if (slot != nullptr) sum += static_cast<unsigned char>(slot[0]);
    std::free(slot);
    slot = make(16 + random.next() % 112);
  }
  for (char *block : live) std::free(block);
  return sum;
}

/* Blocks of many sizes that are replaced at random: caches, object stores. */
LOAD(churn) {
  random_numbers random(2);
  std::vector<char *> live(40000);
  uint64_t sum = 0;
  for (unsigned i = 0; i < 8000000; i++) {
    char *&slot = live[random.below(40000)];
    if (slot != nullptr) sum += static_cast<unsigned char>(slot[0]);
    std::free(slot);
    slot = make(random.size(5, 12));
  }
  for (char *block : live) std::free(block);
  return sum;
}

/* Compilers, interpreters: trees are built, walked and dropped; some live long. */
namespace {

struct node {
  node *left, *right;
  uint64_t value;
};

node *grow(unsigned depth, uint64_t &next) {
  auto *made = new node{nullptr, nullptr, next++};
  if (depth > 0) {
    made->left = grow(depth - 1, next);
    made->right = grow(depth - 1, next);
  }
  return made;
}

uint64_t fell(node *top) {
  if (top == nullptr) return 0;
  uint64_t sum = top->value + fell(top->left) + fell(top->right);
  delete top;
  return sum;
}

} // namespace

LOAD(trees) {
  uint64_t next = 0, sum = 0;
  node *old = grow(18, next);
  for (unsigned depth = 4; depth <= 16; depth += 4)
    for (unsigned i = 0; i < (1U << (19 - depth)); i++) sum += fell(grow(depth, next));
  return sum + fell(old);
}

/* Words are counted: strings, a hash table, a sorted map. */
LOAD(strings) {
  random_numbers random(3);
  uint64_t sum = 0;
  for (unsigned round = 0; round < 1; round++) {
    std::unordered_map<std::string, unsigned> count;
    for (unsigned i = 0; i < 400000; i++) {
      std::string word = "word-";
      for (unsigned part = random.below(4) + 1; part > 0; part--)
        word += std::to_string(random.below(300)) + "/abcdefgh";
      count[word]++;
    }
    std::map<std::string, unsigned> sorted(count.begin(), count.end());
    for (auto &entry : sorted) sum = sum * 31 + entry.first.size() + entry.second;
  }
  return sum;
}

/* Documents are parsed into nested values, changed, printed and dropped. */
namespace {

struct value {
  std::string text;
  std::vector<std::unique_ptr<value>> items;
  std::map<std::string, std::unique_ptr<value>> members;
};

std::unique_ptr<value> parse(random_numbers &random, unsigned depth) {
  auto made = std::make_unique<value>();
  made->text = std::string(random.size(3, 9), 'x');
  if (depth == 0) return made;
  for (unsigned i = random.below(8); i > 0; i--) made->items.push_back(parse(random, depth - 1));
  for (unsigned i = random.below(6); i > 0; i--)
    made->members["key-" + std::to_string(random.below(100000))] = parse(random, depth - 1);
  return made;
}

void print(const value &what, std::string &out) {
  out += what.text;
  for (auto &item : what.items) print(*item, out);
  for (auto &member : what.members) {
    out += member.first;
    print(*member.second, out);
  }
}

} // namespace

LOAD(documents) {
  random_numbers random(4);
  uint64_t sum = 0;
  for (unsigned i = 0; i < 300; i++) {
    auto document = parse(random, 5);
    std::string out;
    print(*document, out);
    sum += out.size();
  }
  return sum;
}

/* Arrays that grow by realloc, several at a time, as readers of files and vectors in C do. */
LOAD(realloc_chains) {
  random_numbers random(5);
  uint64_t sum = 0;
  for (unsigned round = 0; round < 400; round++) {
    struct {
      char *bytes;
      size_t size, room;
    } arrays[24] = {};
    for (unsigned i = 0; i < 24 * 400; i++) {
      auto &array = arrays[random.below(24)];
      size_t more = random.size(6, 14);
      while (array.size + more > array.room) {
        array.room = array.room == 0 ? 64 : array.room + array.room / 2;
        array.bytes = static_cast<char *>(std::realloc(array.bytes, array.room));
      }
      std::memset(array.bytes + array.size, static_cast<int>(i), more);
      array.size += more;
    }
    for (auto &array : arrays) {
      sum += array.size;
      std::free(array.bytes);
    }
  }
  return sum;
}

/* One large buffer after the other is filled and freed: images, messages, matrices. */
LOAD(large_blocks) {
  random_numbers random(6);
  uint64_t sum = 0;
  char *kept[2] = {};
  for (unsigned i = 0; i < 120; i++) {
    size_t size = (size_t{8} << 20) + (static_cast<size_t>(random.below(24)) << 20);
    char *block = make(size);
    for (size_t at = 0; at < size; at += 4096) block[at] = static_cast<char>(at);
    sum += static_cast<unsigned char>(block[size / 2]);
    std::free(kept[i % 2]);
    kept[i % 2] = block;
  }
  std::free(kept[0]);
  std::free(kept[1]);
  return sum;
}

/* Zeroed tables from some kilobytes to a megabyte. */
LOAD(zeroed_tables) {
  random_numbers random(7);
  uint64_t sum = 0;
  uint64_t *live[8] = {};
  for (unsigned i = 0; i < 100000; i++) {
    size_t count = random.size(10, 17);
    auto *table = static_cast<uint64_t *>(std::calloc(count, sizeof(uint64_t)));
    if (table == nullptr) std::abort();
    for (size_t n = 0; n < count; n += 64) table[random.below(static_cast<uint32_t>(count))]++;
    for (size_t n = 0; n < count; n += 512) sum += table[n];
    std::free(live[i % 8]);
    live[i % 8] = table;
  }
  for (uint64_t *table : live) std::free(table);
  return sum;
}
