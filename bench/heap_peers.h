/* SPDX-License-Identifier: MIT */
/*
 * heap_peers.h - allocators behind one face, so that each benchmark is written once.
 *
 * A peer has static functions: make() and end(heap) for a heap of its own, where
 * it has such; alloc(heap, size); release(heap, block). Each is called through a
 * pointer that the compiler does not know, Acre's too, as a program would call
 * a shared library.
 *
 * Allocators that replace malloc are loaded by dlopen under their own names, so
 * that the process keeps glibc's. Where a library is missing (scripts/setup
 * bench installs them) its benchmarks say so and end.
 */
#ifndef BENCH_HEAP_PEERS_H
#define BENCH_HEAP_PEERS_H

#include <acre/heap.h>
#include <dlfcn.h>
#include <obstack.h>

#include <cstring>

#include "pairs.h"

namespace bench {

/*
 * jemalloc wants more of the memory for thread-local data than glibc leaves for
 * libraries that are loaded later. How much that is, is settled when a program
 * starts: so this one starts itself again.
 */
inline void run_with_room_for_peers(char **argv) {
  if (std::getenv("GLIBC_TUNABLES") != nullptr) return;
  setenv("GLIBC_TUNABLES", "glibc.rtld.optional_static_tls=65536", 1);
  execv("/proc/self/exe", argv); /* if that fails, jemalloc is not there */
}

/* A function that is found when the program starts. */
template <class Function>
Function *found(const char *library, const char *name) {
  void *handle = library == nullptr ? RTLD_DEFAULT : dlopen(library, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
  if (handle == nullptr && library != nullptr) {
    std::fprintf(stderr, "benchmark: %s\n", dlerror());
    return nullptr;
  }
  return reinterpret_cast<Function *>(dlsym(handle, name));
}

/* ------------------------------------------------------------- Acre */

template <unsigned Flags>
struct acre_peer {
  using heap = acre_heap *;
  static inline void *(*volatile alloc_function)(acre_heap *, size_t) = acre_heap_alloc;
  static inline acre_result (*volatile free_function)(acre_heap *, void *) = acre_heap_free;
  static bool is_there() {
    return true;
  }
  static heap make() {
    acre_heap_options options{};
    options.flags = Flags;
    acre_heap *made;
    must(acre_heap_create(&options, &made), "acre_heap_create");
    return made;
  }
  static void end(heap ending) {
    must(acre_heap_destroy(ending), "acre_heap_destroy");
  }

  /* The functions, read once before a loop. */
  struct calls {
    void *(*alloc_call)(acre_heap *, size_t) = alloc_function;
    acre_result (*free_call)(acre_heap *, void *) = free_function;
    void *alloc(heap from, size_t size) const {
      return alloc_call(from, size);
    }
    void release(heap to, void *block) const {
      free_call(to, block);
    }
  };
};

using acre_shared = acre_peer<0>;
using acre_single = acre_peer<ACRE_HEAP_SINGLE_THREAD>;

/* ------------------------------------------------------------- mimalloc, with heaps of a thread */

struct mimalloc {
  using heap = void *;
  static constexpr const char *LIBRARY = "libmimalloc.so.2";
  static inline auto new_call = found<void *()>(LIBRARY, "mi_heap_new");
  static inline auto destroy_call = found<void(void *)>(LIBRARY, "mi_heap_destroy");
  static bool is_there() {
    return new_call != nullptr;
  }
  static heap make() {
    return new_call();
  }
  static void end(heap ending) {
    destroy_call(ending);
  }
  struct calls {
    void *(*alloc_call)(void *, size_t) = found<void *(void *, size_t)>(LIBRARY, "mi_heap_malloc");
    void (*free_call)(void *) = found<void(void *)>(LIBRARY, "mi_free");
    void *alloc(heap from, size_t size) const {
      return alloc_call(from, size);
    }
    void release(heap, void *block) const {
      free_call(block);
    }
  };
};

/* ------------------------------------------------------------- those with one heap for all */

template <class Names>
struct malloc_like {
  using heap = void *;
  static inline auto alloc_found = found<void *(size_t)>(Names::LIBRARY, Names::ALLOC);
  static inline auto free_found = found<void(void *)>(Names::LIBRARY, Names::FREE);
  static bool is_there() {
    return alloc_found != nullptr;
  }
  static heap make() {
    return nullptr;
  }
  static void end(heap) {}
  struct calls {
    void *(*alloc_call)(size_t) = alloc_found;
    void (*free_call)(void *) = free_found;
    void *alloc(heap, size_t size) const {
      return alloc_call(size);
    }
    void release(heap, void *block) const {
      free_call(block);
    }
  };
};

struct glibc_names {
  static constexpr const char *LIBRARY = nullptr, *ALLOC = "malloc", *FREE = "free";
};
struct mimalloc_names {
  static constexpr const char *LIBRARY = "libmimalloc.so.2", *ALLOC = "mi_malloc", *FREE = "mi_free";
};
struct jemalloc_names {
  static constexpr const char *LIBRARY = "libjemalloc.so.2", *ALLOC = "malloc", *FREE = "free";
};
struct tcmalloc_names {
  static constexpr const char *LIBRARY = "libtcmalloc_minimal.so.4", *ALLOC = "tc_malloc", *FREE = "tc_free";
};

using glibc = malloc_like<glibc_names>;
using mimalloc_default = malloc_like<mimalloc_names>;
using jemalloc = malloc_like<jemalloc_names>;
using tcmalloc = malloc_like<tcmalloc_names>;

/* ------------------------------------------------------------- those that cannot free a block */

struct obstacks {
  using heap = obstack *;
  static bool is_there() {
    return true;
  }
  static heap make();
  static void end(heap ending);
  struct calls {
    void *alloc(heap from, size_t size) const;
    void release(heap, void *) const {}
  };
};

/* The floor: a pointer that moves through memory which was touched before. */
struct bump {
  using heap = char **;
  static constexpr size_t ROOM = 512 * MIB;
  static bool is_there() {
    return true;
  }
  static heap make() {
    static char *memory = static_cast<char *>(
        mmap(nullptr, ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    static char *next;
    next = memory;
    return &next;
  }
  static void end(heap) {}
  struct calls {
    void *alloc(heap from, size_t size) const {
      char *block = *from;
      *from = block + ((size + 15) & ~size_t{15});
      return block;
    }
    void release(heap, void *) const {}
  };
};

} // namespace bench

#define obstack_chunk_alloc std::malloc
#define obstack_chunk_free std::free

namespace bench {

inline obstacks::heap obstacks::make() {
  auto *made = new obstack;
  obstack_init(made);
  obstack_chunk_size(made) = 1 << 20;
  return made;
}

inline void obstacks::end(heap ending) {
  obstack_free(ending, nullptr);
  delete ending;
}

inline void *obstacks::calls::alloc(heap from, size_t size) const {
  return obstack_alloc(from, size);
}

} // namespace bench

#endif
