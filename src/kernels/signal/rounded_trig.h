// SPDX-License-Identifier: Apache-2.0
// Cosine and sine of more than double precision, rounded once: for tables whose entries are rounded
// again, where a last bit shows. Slow; for when a model is loaded.
#ifndef HEDDLE_KERNELS_SIGNAL_ROUNDED_TRIG_H_
#define HEDDLE_KERNELS_SIGNAL_ROUNDED_TRIG_H_

namespace heddle::core {

// Before the rounding within 2^-95. REQUIRES: |x| < 7.
double RoundedCos(double x);
double RoundedSin(double x);

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_SIGNAL_ROUNDED_TRIG_H_
