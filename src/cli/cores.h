// SPDX-License-Identifier: Apache-2.0
// The cores that this process may use.
#ifndef HEDDLE_CLI_CORES_H_
#define HEDDLE_CLI_CORES_H_

namespace heddle::cli {

// By affinity and the container's quota, rounded up; at least 1.
int AvailableCores();

}  // namespace heddle::cli

#endif  // HEDDLE_CLI_CORES_H_
