// SPDX-License-Identifier: Apache-2.0
// The only file that includes CLI11: no other header costs as much to compile.
#include "cli/flags.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cli/verb.h"
#include "cli/verbs.h"

namespace heddle::cli {
namespace {

template <class T>
bool IsNumber(const std::string& text, T* value) {
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, *value);
  return error == std::errc() && at == end;
}

// What an option takes, told in the message where it is something else.
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

// A verb with its example at the end of the help.
CLI::App* AddVerb(CLI::App& app, const std::string& name, const std::string& what,
                  const std::string& example) {
  CLI::App* verb = app.add_subcommand(name, what);
  verb->footer("Example:\n  " + example);
  verb->get_formatter()->column_width(28);
  return verb;
}

// The options that many verbs have.
void AddModel(CLI::App* verb, std::string& model) {
  verb->add_option("MODEL", model, "A .tflite file")->required()->option_text(" ");
}

CLI::Option* AddInputs(CLI::App* verb, std::string& inputs) {
  return verb
      ->add_option("--inputs", inputs,
                   "Arrays named by tensor, signature input or input_K; missing ones are made up")
      ->option_text("F.npz");
}

void AddCores(CLI::App* verb, int& cores) {
  verb->add_option("--cores", cores, "Use no more than these")
      ->check(WholeNumber(1))
      ->option_text("N");
}

void AddNumerics(CLI::App* verb, std::string& numerics) {
  verb->add_option("--numerics", numerics,
                   "What LiteRT's default interpreter computes, or its reference kernels")
      ->check(CLI::IsMember({"fast", "reference"}))
      ->option_text("fast|reference");
}

void AddDevice(CLI::App* verb, std::string& device) {
  verb->add_option("--device", device, "What runs the model (cpu)")->option_text("D");
}

void AddJson(CLI::App* verb, bool& json) {
  verb->add_flag("--json", json, "One JSON document on standard output, and nothing else");
}

void AddProfile(CLI::App* verb, bool& profile, std::string& trace) {
  verb->add_flag("--profile", profile, "The time of each step, its kernel, its share of the peak");
  verb->add_option("--trace", trace, "Write what runs when, for ui.perfetto.dev")
      ->option_text("F.json");
}

void AddRunInputs(CLI::App* verb, RunGiven& given) {
  CLI::Option* inputs = AddInputs(verb, given.inputs);
  CLI::Option* input = verb->add_option("--input", given.input, "One input; may be repeated");
  input->option_text("NAME=F.npy")->check([](const std::string& item) {
    return item.find('=') == std::string::npos ? "--input '" + item + "' is not NAME=F.npy" : "";
  });
  CLI::Option* image = verb->add_option("--image", given.image, "JPEG or PNG for the image input");
  image->option_text("F");
  verb->add_option("--mean", given.mean, "Pixels become (pixel-MEAN)/STD. Else floats get [-1,1]")
      ->option_text("MEAN")
      ->check(FiniteNumber())
      ->needs(image);
  verb->add_option("--std", given.std, "and integers the pixels as they are")
      ->option_text("STD")
      ->check(AboveZero())
      ->needs(image);
  verb->add_flag("--hash-inputs", given.hash_inputs, "Make up every input (as is the default)")
      ->excludes(inputs)
      ->excludes(input)
      ->excludes(image)
      ->option_text(" ");
}

// Each adds its verb to `app`; parsing that verb sets `action`.
void AddRun(CLI::App& app, Action& action) {
  CLI::App* verb = AddVerb(app, "run", "Run a model once and show its outputs.",
                           "heddle run classifier.tflite --image cat.jpg --labels labels.txt");
  auto given = std::make_shared<RunGiven>();
  AddModel(verb, given->model);
  AddRunInputs(verb, *given);
  verb->add_option("--labels", given->labels, "A label a line (else the model's own)")
      ->option_text("F");
  verb->add_option("--top", given->top, "Show the K largest scores (5 with --image or --labels)")
      ->check(WholeNumber(1))
      ->option_text("K");
  verb->add_option("--signature", given->signature, "What to run (else the main graph)")
      ->option_text("S");
  verb->add_option("--output", given->output, "Write every output, as output_K and by name")
      ->option_text("F.npz");
  AddProfile(verb, given->profile, given->trace);
  AddNumerics(verb, given->numerics);
  AddCores(verb, given->cores);
  AddDevice(verb, given->device);
  AddJson(verb, given->json);
  verb->callback([given, &action] { action = [given] { return Do(*given); }; });
}

void AddInspect(CLI::App& app, Action& action) {
  CLI::App* verb =
      AddVerb(app, "inspect", "Show what a model is made of, and what would make it fail.",
              "heddle inspect detector.tflite");
  auto given = std::make_shared<InspectGiven>();
  AddModel(verb, given->model);
  verb->add_flag("--steps", given->steps, "Every step, however many there are");
  AddJson(verb, given->json);
  verb->callback([given, &action] { action = [given] { return Do(*given); }; });
}

void AddVerify(CLI::App& app, Action& action) {
  CLI::App* verb =
      AddVerb(app, "verify", "Check a model's kernels, or a suite's models against goldens.",
              "heddle verify --suite zoo/SUITE.tsv --filter '*mobilenet*'");
  auto given = std::make_shared<VerifyGiven>();
  CLI::Option* model =
      verb->add_option("MODEL", given->model,
                       "Its kernels of every ISA against the plain ones, bit for bit")
          ->option_text(" ");
  CLI::Option* suite = verb->add_option("--suite", given->suite, "Run the cases of a SUITE.tsv")
                           ->option_text("F")
                           ->excludes(model);
  verb->add_option("--filter", given->filter, "Only models whose path is like this, with * and ?")
      ->option_text("GLOB")
      ->needs(suite);
  verb->add_option("--again", given->again,
                   "Run each case again: after other batch sizes, by 8 threads at once, in\n"
                   "memory full of other bytes; each answer must be the first one's bits")
      ->option_text("resized,threads,poisoned")
      ->delimiter(',')
      ->check(CLI::IsMember({"resized", "threads", "poisoned"}))
      ->needs(suite);
  AddNumerics(verb, given->numerics);
  AddDevice(verb, given->device);
  AddJson(verb, given->json);
  verb->callback([given, &action] {
    if (given->model.empty() == given->suite.empty()) {
      throw CLI::ValidationError("MODEL or --suite is required");
    }
    action = [given] { return Do(*given); };
  });
}

void AddBench(CLI::App& app, Action& action) {
  CLI::App* verb = AddVerb(app, "bench", "Measure callers that share one model.",
                           "heddle bench detector.tflite --callers 1,2,4 --seconds 5");
  auto given = std::make_shared<BenchGiven>();
  AddModel(verb, given->model);
  AddInputs(verb, given->inputs);
  verb->add_option("--callers", given->callers, "Numbers of callers, one measurement each (1,2,4)")
      ->check([](const std::string& list) {
        const Result<std::vector<int>> callers = CallersOf(list);
        return callers.ok() ? "" : std::string(callers.status().message());
      })
      ->option_text("N,N..");
  CLI::Option* open_loop =
      verb->add_option(
              "--open-loop", given->rate,
              "Calls a second, through a queue, whatever became of those before (else each "
              "caller calls again at once)")
          ->check(AboveZero())
          ->option_text("RATE");
  verb->add_option("--arrivals", given->arrivals, "poisson: in clusters and gaps (the default)")
      ->check(CLI::IsMember({"poisson", "constant"}))
      ->needs(open_loop)
      ->option_text("HOW");
  verb->add_option("--seconds", given->seconds, "Of each measurement (3)")
      ->check(AboveZero())
      ->option_text("S");
  AddCores(verb, given->cores);
  AddNumerics(verb, given->numerics);
  AddDevice(verb, given->device);
  AddProfile(verb, given->profile, given->trace);
  AddJson(verb, given->json);
  verb->callback([given, &action] { action = [given] { return Do(*given); }; });
}

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

Action Exiting(int status) {
  return [status] { return status; };
}

Action WrongUsage(std::string_view why, const std::string& help) {
  Complain(fmt::format("heddle: {}", why));
  Complain(fmt::format("Try '{} --help'.", help));
  return Exiting(kUsage);
}

}  // namespace

Action ParseFlags(int argc, char** argv) {
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
    return Exiting(exit);
  } catch (const CLI::ParseError& wrong) {
    const bool in_verb = first[0] != '-';
    return WrongUsage(wrong.what(), in_verb ? fmt::format("heddle {}", first) : "heddle");
  }
  return action;
}

}  // namespace heddle::cli
