#include "base/pool.h"

#include "base/check.h"

namespace fewfire {

Pool::Pool(int n_threads) {
  threads_of(n_threads);
  try {
    for (int thread = 1; thread < n_threads; ++thread)
      workers_.emplace_back([this, thread] { work(thread); });
  } catch (...) {  // the system has no more threads: those we have must end before the error leaves
    stop();
    throw;
  }
}

Pool::~Pool() { stop(); }

void Pool::stop() {
  stopping_ = true;
  ++round_;
  round_.notify_all();
  for (std::thread& worker : workers_) worker.join();
  workers_.clear();
}

void Pool::run(const std::function<void(int thread)>& task) {
  task_ = &task;
  running_ = static_cast<int>(workers_.size());
  ++round_;
  round_.notify_all();
  attempt(0);
  for (int left; (left = running_.load()) != 0;) running_.wait(left);
  if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
}

void Pool::work(int thread) {
  for (uint64_t seen = 0;; ++seen) {
    round_.wait(seen);
    if (stopping_) return;
    attempt(thread);
    if (--running_ == 0) running_.notify_one();
  }
}

void Pool::attempt(int thread) {
  try {
    (*task_)(thread);
  } catch (...) {
    const std::lock_guard lock(error_mutex_);
    if (!error_) error_ = std::current_exception();
  }
}

}  // namespace fewfire
