// SPDX-License-Identifier: Apache-2.0
// The compiled part of fmt. Debian has it as a shared library only, and a wheel must not ask the
// machine that installs it for one.
#include <fmt/format-inl.h>

FMT_BEGIN_NAMESPACE
namespace detail {
template FMT_API auto thousands_sep_impl<char>(locale_ref) -> thousands_sep_result<char>;
template FMT_API auto decimal_point_impl<char>(locale_ref) -> char;
}  // namespace detail
FMT_END_NAMESPACE
