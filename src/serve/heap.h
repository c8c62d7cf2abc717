// SPDX-License-Identifier: Apache-2.0
// Heap: a binary heap of objects that know their own place in it, so that any of them can leave.
#ifndef HEDDLE_SERVE_HEAP_H_
#define HEDDLE_SERVE_HEAP_H_

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace heddle::core {

inline constexpr size_t kNotInHeap = ~size_t{0};

// `Place` is a size_t member of T, kNotInHeap outside; Before(a, b): a comes out earlier. Allocates
// only when it has to hold, or make room for, more than ever before.
template <class T, size_t T::* Place, class Before>
class Heap {
 public:
  bool empty() const { return items_.empty(); }
  size_t size() const { return items_.size(); }
  T* top() const { return items_.front(); }  // REQUIRES: not empty
  // All of them; each after one that comes out earlier.
  std::span<T* const> items() const { return items_; }

  // So many fit, and no Push up to then fails.
  void Reserve(size_t count) {
    if (count > items_.capacity()) items_.reserve(std::max(count, 2 * items_.capacity()));
  }
  void Push(T* item) {
    items_.push_back(item);
    Up(items_.size() - 1);
  }
  void Remove(T* item) {
    const size_t at = item->*Place;
    T* last = items_.back();
    items_.pop_back();
    item->*Place = kNotInHeap;
    if (last == item) return;
    items_[at] = last;
    last->*Place = at;
    Moved(last);
  }
  // The item's order has changed.
  void Moved(T* item) { Down(Up(item->*Place)); }

 private:
  void Put(size_t at, T* item) {
    items_[at] = item;
    item->*Place = at;
  }
  size_t Up(size_t at) {
    T* item = items_[at];
    while (at > 0 && Before()(*item, *items_[(at - 1) / 2])) {
      Put(at, items_[(at - 1) / 2]);
      at = (at - 1) / 2;
    }
    Put(at, item);
    return at;
  }
  void Down(size_t at) {
    T* item = items_[at];
    for (size_t child = 2 * at + 1; child < items_.size(); child = 2 * at + 1) {
      if (child + 1 < items_.size() && Before()(*items_[child + 1], *items_[child])) ++child;
      if (!Before()(*items_[child], *item)) break;
      Put(at, items_[child]);
      at = child;
    }
    Put(at, item);
  }

  std::vector<T*> items_;
};

}  // namespace heddle::core

#endif  // HEDDLE_SERVE_HEAP_H_
