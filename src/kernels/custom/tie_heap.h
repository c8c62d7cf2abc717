// SPDX-License-Identifier: Apache-2.0
// A heap whose ties come out in one known order, that of GNU's std::priority_queue: where scores
// are bytes ties are the rule, and which of two comes first shows in the answers.
#ifndef HEDDLE_KERNELS_CUSTOM_TIE_HEAP_H_
#define HEDDLE_KERNELS_CUSTOM_TIE_HEAP_H_

#include <cstddef>

namespace heddle::core {

// Moves `value` up from the hole at `at`.
template <class T>
void FillHole(T* heap, size_t at, const T& value) {
  for (; at > 0 && heap[(at - 1) / 2].score < value.score; at = (at - 1) / 2)
    heap[at] = heap[(at - 1) / 2];
  heap[at] = value;
}

// The last of `count` elements was just written.
template <class T>
void PushHeap(T* heap, size_t count) {
  const T value = heap[count - 1];
  FillHole(heap, count - 1, value);
}

// Takes out the element of the highest score; count - 1 are left. REQUIRES: count > 0.
template <class T>
T PopHeap(T* heap, size_t count) {
  const T top = heap[0], last = heap[count - 1];
  const size_t rest = count - 1;
  if (rest == 0) return top;
  // The hole sinks to the bottom along the higher children, of equal ones the right.
  size_t hole = 0;
  for (size_t right = 2; right < rest; right = 2 * hole + 2) {
    const size_t child = heap[right].score < heap[right - 1].score ? right - 1 : right;
    heap[hole] = heap[child];
    hole = child;
  }
  if (2 * hole + 2 == rest) {  // only a left child
    heap[hole] = heap[rest - 1];
    hole = rest - 1;
  }
  FillHole(heap, hole, last);
  return top;
}

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_CUSTOM_TIE_HEAP_H_
