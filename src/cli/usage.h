// SPDX-License-Identifier: Apache-2.0
// What this process uses of the machine.
#ifndef HEDDLE_CLI_USAGE_H_
#define HEDDLE_CLI_USAGE_H_

namespace heddle::cli {

double CpuSeconds();  // since it began
// The memory of this process, what it shares counted in part; 0 where the system does not tell.
double PssMb();

}  // namespace heddle::cli

#endif  // HEDDLE_CLI_USAGE_H_
