// Many readers or one who changes what they read, in turn: whoever waits to change it waits for the readers
// that are inside, and those who come later wait behind it. So a stream of readers holds no change up.
//
// Nobody takes it twice: a reader inside that came again would wait behind a change that waits for it.
#pragma once

#include <memory>
#include <mutex>
#include <shared_mutex>

namespace fewfire {

class Turnstile {  // a std::shared_mutex to those who lock it
 public:
  void lock() {
    const std::lock_guard turn(turn_);
    door_.lock();
  }
  void unlock() { door_.unlock(); }
  void lock_shared() {
    const std::lock_guard turn(turn_);
    door_.lock_shared();
  }
  void unlock_shared() { door_.unlock_shared(); }

  // In the child of a fork: whoever else held it is not there to let go.
  void renew() {
    std::construct_at(&turn_);
    std::construct_at(&door_);
  }

 private:
  std::mutex turn_;
  std::shared_mutex door_;
};

// Held for a piece of reading; where there is no turnstile, nobody else is about.
class Reading {
 public:
  explicit Reading(Turnstile* turnstile) : turnstile_(turnstile) {
    if (turnstile_ != nullptr) turnstile_->lock_shared();
  }
  ~Reading() {
    if (turnstile_ != nullptr) turnstile_->unlock_shared();
  }
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;

 private:
  Turnstile* turnstile_;
};

}  // namespace fewfire
