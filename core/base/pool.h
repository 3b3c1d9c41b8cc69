// Threads that live as long as the pool: one is made for each call into the core, so nothing survives
// a fork. A loop over the pool writes only its own slots; its result is the same for any pool size.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace fewfire {

class Pool {
 public:
  explicit Pool(int n_threads);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  int size() const { return static_cast<int>(workers_.size()) + 1; }

  // task(thread) once on every thread; the first exception comes back to the caller.
  void run(const std::function<void(int thread)>& task);

  // body(i, thread) for i in 0 .. n-1, `grain` at a time; a loop of one grain stays on this thread.
  template <class Body>
  void parallel_for(int64_t n, int64_t grain, Body&& body) {
    if (size() == 1 || n <= grain) {
      for (int64_t i = 0; i < n; ++i) body(i, 0);
      return;
    }
    std::atomic<int64_t> next{0};
    run([&](int thread) {
      for (int64_t begin; (begin = next.fetch_add(grain)) < n;)
        for (int64_t i = begin; i < std::min(begin + grain, n); ++i) body(i, thread);
    });
  }

  // body(begin, end, thread) for stretches of 0 .. n-1 of `size`, the last may be shorter; `grain` at a time.
  template <class Body>
  void parallel_blocks(int64_t n, int64_t size, int64_t grain, Body&& body) {
    parallel_for((n + size - 1) / size, grain, [&](int64_t block, int thread) {
      body(block * size, std::min(n, (block + 1) * size), thread);
    });
  }

 private:
  void work(int thread);
  void attempt(int thread);
  void stop();

  std::vector<std::thread> workers_;
  const std::function<void(int)>* task_ = nullptr;
  std::atomic<uint64_t> round_{0};
  std::atomic<int> running_{0};
  std::atomic<bool> stopping_{false};
  std::mutex error_mutex_;
  std::exception_ptr error_;
};

}  // namespace fewfire
