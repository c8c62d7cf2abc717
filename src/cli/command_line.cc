// SPDX-License-Identifier: Apache-2.0
#include "cli/command_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <new>
#include <stdexcept>
#include <vector>

#include "base/errors.h"
#include "cli/text.h"
#include "cli/verb.h"

namespace heddle::cli {
namespace {

std::string ExitText() {
  std::string text =
      "Exit status: 0 done, 1 a check failed, 2 wrong usage, else 10 + the kind of error:\n";
  for (int code = HEDDLE_INVALID_ARGUMENT; code <= HEDDLE_INTERNAL; ++code) {
    const bool end_of_line = code % 3 == 0;
    text += fmt::format("  {:2} {:<20}", kFirstError + code,
                        heddle_code_name(static_cast<heddle_code>(code)));
    if (end_of_line) text.resize(text.find_last_not_of(' ') + 1), text += "\n";
  }
  return text;
}

std::vector<std::string> VerbNames(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(verb->get_name());
  }
  return names;
}

template <class T>
bool IsNumber(const std::string& text, T* value) {
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, *value);
  return error == std::errc() && at == end;
}

// The exit status of what was done, or why not all of it could be written.
Result<int> Written(Result<int> done) {
  std::fflush(stdout);
  if (!done.ok() || std::ferror(stdout) == 0) return done;
  return core::ResourceExhausted("cannot write all of standard output");
}

int ExitStatus(const Result<int>& done) {
  if (done.ok()) return *done;
  Complain(fmt::format("heddle: {}", done.status().message()));
  return kFirstError + static_cast<int>(done.status().code());
}

int WrongUsage(std::string_view why, const std::string& help) {
  Complain(fmt::format("heddle: {}", why));
  Complain(fmt::format("Try '{} --help'.", help));
  return kUsage;
}

}  // namespace

CLI::App* AddVerb(CLI::App& app, const std::string& name, const std::string& what,
                  const std::string& example) {
  CLI::App* verb = app.add_subcommand(name, what);
  verb->footer("Example:\n  " + example);
  verb->get_formatter()->column_width(28);
  return verb;
}

CLI::Option* AddNumerics(CLI::App* verb, std::string& numerics) {
  return verb
      ->add_option("--numerics", numerics,
                   "What LiteRT's default interpreter computes, or its reference kernels")
      ->check(CLI::IsMember({"fast", "reference"}))
      ->option_text("fast|reference");
}

Numerics NumericsOf(const std::string& name) {
  return name == "reference" ? Numerics::kReference : Numerics::kFast;
}

CLI::Option* AddDevice(CLI::App* verb, std::string& device) {
  return verb->add_option("--device", device, "What runs the model (cpu)")->option_text("D");
}

Status CheckDevice(const std::string& device) {
  if (device == "cpu") return Status();
  return core::Unsupported("device '{}': this build has cpu", device);
}

CLI::Option* AddJson(CLI::App* verb, bool& json) {
  return verb->add_flag("--json", json, "One JSON document on standard output, and nothing else");
}

CLI::Validator WholeNumber(int lowest) {
  const auto check = [lowest](const std::string& text) {
    int value = 0;
    if (IsNumber(text, &value) && value >= lowest) return std::string();
    return fmt::format("'{}': expected a whole number, {} or more", text, lowest);
  };
  return CLI::Validator(check, "");
}

CLI::Validator AboveZero() {
  const auto check = [](const std::string& text) {
    double value = 0;
    if (IsNumber(text, &value) && std::isfinite(value) && value > 0) return std::string();
    return fmt::format("'{}': expected a number above 0", text);
  };
  return CLI::Validator(check, "");
}

CLI::Validator FiniteNumber() {
  const auto check = [](const std::string& text) {
    double value = 0;
    if (IsNumber(text, &value) && std::isfinite(value)) return std::string();
    return fmt::format("'{}': expected a finite number", text);
  };
  return CLI::Validator(check, "");
}

void Print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

void Complain(std::string_view text) { fmt::print(stderr, "{}\n", Printable(text)); }

namespace {

int ParseAndRun(int argc, char** argv) {
  CLI::App app("Runs TensorFlow Lite models.", "heddle");
  app.set_version_flag("--version", std::string("heddle ") + heddle_version());
  app.footer("'heddle VERB --help' tells what a verb takes.\n\n" + ExitText());
  app.require_subcommand(1);
  Action action;
  AddRun(app, action);
  AddInspect(app, action);
  AddVerify(app, action);
  AddBench(app, action);

  const std::string_view first = argc > 1 ? argv[1] : "";
  const std::vector<std::string> verbs = VerbNames(app);
  if (!first.starts_with('-') && std::find(verbs.begin(), verbs.end(), first) == verbs.end()) {
    const std::string problem =
        first.empty() ? "a verb is missing" : fmt::format("no verb '{}'", first);
    return WrongUsage(fmt::format("{}; there are: {}", problem, fmt::join(verbs, ", ")), "heddle");
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked) {  // help, version
    const int exit = app.exit(asked);
    std::cout.flush();
    return ExitStatus(Written(exit));
  } catch (const CLI::ParseError& wrong) {
    const bool in_verb = first[0] != '-';
    return WrongUsage(wrong.what(), in_verb ? fmt::format("heddle {}", first) : "heddle");
  }
  return ExitStatus(Written(action()));
}

}  // namespace

int RunCommandLine(int argc, char** argv) {
  try {
    return ParseAndRun(argc, argv);
  } catch (const std::bad_alloc&) {
    return ExitStatus(core::ResourceExhausted("out of memory"));
  } catch (const std::length_error&) {  // more than any memory holds
    return ExitStatus(core::ResourceExhausted("out of memory"));
  } catch (const std::exception& e) {
    return ExitStatus(core::Internal("{}", e.what()));
  }
}

}  // namespace heddle::cli
