// SPDX-License-Identifier: Apache-2.0
#include "cli/command_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
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

void Print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

void Complain(std::string_view text) { fmt::print(stderr, "{}\n", Printable(text)); }

int RunCommandLine(int argc, char** argv) {
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
    return app.exit(asked);
  } catch (const CLI::ParseError& wrong) {
    const bool in_verb = first[0] != '-';
    return WrongUsage(wrong.what(), in_verb ? fmt::format("heddle {}", first) : "heddle");
  }
  const Result<int> exit = action();
  if (exit.ok()) return *exit;
  Complain(fmt::format("heddle: {}", exit.status().message()));
  return kFirstError + static_cast<int>(exit.status().code());
}

}  // namespace heddle::cli
