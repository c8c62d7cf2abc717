// SPDX-License-Identifier: Apache-2.0
// bench_queue: what the queue costs and what its batches bring.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>
#include <string>

#include "benches.h"

int main(int argc, char** argv) {
  using namespace heddle::bench;  // NOLINT: a program of a page
  CLI::App app{"What the queue costs, and what its batches bring"};
  app.require_subcommand(1);
  Settings settings;
  std::vector<std::string> models;
  std::string model = "empty", flooding;
  const auto add = [&](const char* name, const char* what) {
    CLI::App* verb = app.add_subcommand(name, what);
    verb->add_option("--seconds", settings.seconds, "of a round")->capture_default_str();
    verb->add_option("--rounds", settings.rounds, "that are measured")->capture_default_str();
    verb->add_option("--callers", settings.callers, "of a closed loop")->capture_default_str();
    return verb;
  };
  CLI::App* batching = add("batching", "the batches that it chooses, beside always and never");
  batching->add_option("MODEL", models, "files")->required();
  CLI::App* overhead = add("overhead", "Submit and Wait, beside Run");
  overhead->add_option("MODEL", model, "a file")->capture_default_str();
  CLI::App* rate = add("rate", "requests a second through one queue");
  rate->add_option("MODEL", model, "a file")->capture_default_str();
  CLI::App* overload = add("overload", "three times what the machine carries");
  overload->add_option("MODEL", model, "a file")->required();
  const std::map<std::string, heddle::core::Batching> kinds = {
      {"chosen", heddle::core::Batching::kMeasured},
      {"always", heddle::core::Batching::kAlways},
      {"never", heddle::core::Batching::kNever}};
  CLI::App* flood = add("flood", "a quiet model beside one that floods the queue");
  flood->add_option("QUIET", model, "a file")->required();
  flood->add_option("FLOODING", flooding, "a file")->required();
  for (CLI::App* verb : {overload, flood})
    verb->add_option("--batches", settings.batching, "chosen, always or never")
        ->transform(CLI::CheckedTransformer(kinds));
  CLI11_PARSE(app, argc, argv);
  // Each line as it comes, into a file or a pipe, too.
  std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);

  if (*batching) CompareBatching(models, settings);
  if (*overhead) MeasureOverhead(model);
  if (*rate) MeasureRate(model, settings);
  if (*overload) Overload(model, settings);
  if (*flood) Flood(model, flooding, settings);
}
