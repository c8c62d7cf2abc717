// SPDX-License-Identifier: Apache-2.0
// SKIP_GRAM: the words of a sentence, joined in groups that may skip some words between.
#include <algorithm>
#include <cstring>
#include <limits>

#include "kernels/movement/operands.h"
#include "kernels/movement/strings.h"
#include "kernels/operators.h"

namespace heddle::core {
namespace {

bool IsSpace(std::byte b) {
  const auto c = static_cast<char>(b);
  return c == ' ' || (c >= '\t' && c <= '\r');
}

// A word and its number; no words are stored, the next one is found by reading on.
struct Word {
  int64_t number = -1, begin = 0, end = -1;
  int64_t length() const { return end - begin; }
};

struct Sentence {
  const std::byte* text;
  int64_t length;

  // The word behind `word`; its number is -1 behind the last one. The first byte splits nothing,
  // and a piece that begins with a space is a word only at the very end, as LiteRT has it.
  Word Next(const Word& word) const {
    int64_t begin = word.end + 1;
    for (int64_t i = std::max<int64_t>(begin, 1); i < length; ++i) {
      if (!IsSpace(text[i])) continue;
      if (i > begin && !IsSpace(text[begin])) return {word.number + 1, begin, i};
      begin = i + 1;
    }
    if (begin < length) return {word.number + 1, begin, length};
    return {};
  }
};

// Calls visit(words, count) for every group, in LiteRT's order. `stack` has room for one word more
// than a group.
template <class F>
void ForEachGroup(const Sentence& sentence, const SkipGramOptions& options, Word* stack,
                  const F& visit) {
  const int size = options.ngram_size;
  Word word;
  for (int i = 0; i < size; ++i) {
    word = sentence.Next(word);
    if (word.number < 0) return;  // fewer words than a group has
  }
  for (int i = 0; i < size; ++i) stack[i] = sentence.Next({});
  int depth = 1;
  while (depth >= 0) {
    const bool near =
        depth == 0 ||
        (depth < size && stack[depth].number - stack[depth - 1].number <= options.max_skip_size);
    const Word next = depth < size && near ? sentence.Next(stack[depth]) : Word{};
    if (next.number >= 0) {
      stack[depth++] = next;
      if (depth < size) stack[depth] = next;
      continue;
    }
    if (depth == size || (options.include_all && depth > 0)) visit(stack, depth);
    --depth;
  }
}

Status SkipGram(const void* params, SerialCall& call) {
  const auto& options = *static_cast<const SkipGramOptions*>(params);
  const StringTensor input(call.args().inputs[0]);
  if (input.count() < 1)
    return InvalidArgument("input '{}' has no string, expected one", call.input_name(0));
  const Sentence sentence{input.bytes(0), input.length(0)};
  auto* stack = reinterpret_cast<Word*>(call.args().scratch);
  int64_t count = 0, text = 0;
  ForEachGroup(sentence, options, stack, [&](const Word* words, int size) {
    ++count;
    text += size - 1;
    for (int i = 0; i < size; ++i) text += words[i].length();
  });
  const int64_t bytes = 4 * (count + 2) + text;
  if (bytes > std::numeric_limits<int32_t>::max())
    return ResourceExhausted("the groups take {} bytes, expected less than 2^31", bytes);
  std::byte* out =
      call.AllocateOutput(0, Shape{static_cast<int32_t>(count)}, static_cast<size_t>(bytes));
  if (out == nullptr) return ResourceExhausted("no memory for {} bytes of strings", bytes);
  auto offset = static_cast<int32_t>(4 * (count + 2));
  const int32_t words[2] = {static_cast<int32_t>(count), offset};
  std::memcpy(out, words, sizeof(words));
  std::byte* entry = out + 8;
  ForEachGroup(sentence, options, stack, [&](const Word* group, int size) {
    for (int i = 0; i < size; ++i) {
      if (i > 0) out[offset++] = std::byte{' '};
      std::memcpy(out + offset, sentence.text + group[i].begin,
                  static_cast<size_t>(group[i].length()));
      offset += static_cast<int32_t>(group[i].length());
    }
    std::memcpy(entry, &offset, sizeof(offset));
    entry += sizeof(offset);
  });
  return Status();
}

class SkipGramOperation final : public Operation {
 public:
  explicit SkipGramOperation(SkipGramOptions options) : options_(options) {}

  // The number of groups is the run's to tell.
  Status Shapes(std::span<const Operand>, std::span<Shape> outputs) const override {
    outputs[0] = Shape{0};
    return Status();
  }

  Status Lower(std::span<const Operand>, std::span<const Operand>, Step& step) const override {
    step.kind = StepKind::kSerial;
    step.serial = &SkipGram;
    step.sizes_outputs = true;
    step.params = std::make_shared<const SkipGramOptions>(options_);
    step.scratch_bytes = sizeof(Word) * static_cast<size_t>(options_.ngram_size);
    step.kernel = "strings";
    return Status();
  }

 private:
  SkipGramOptions options_;
};

}  // namespace

MadeOperation MakeSkipGram(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 1, 1, 1));
  HEDDLE_TRY(CheckTypesEqual(args, 0, 1));
  if (args.inputs[0].type != Type::kString) {
    return InvalidModel("input '{}' is {}, expected string", args.inputs[0].name,
                        TypeName(args.inputs[0].type));
  }
  const auto options = args.op.OptionsOr<SkipGramOptions>();
  constexpr int32_t kMostWords = 1024;
  if (options.ngram_size < 1 || options.ngram_size > kMostWords || options.max_skip_size < 0) {
    return InvalidModel("groups of {} words with {} between, expected 1 to {} and at least 0",
                        options.ngram_size, options.max_skip_size, kMostWords);
  }
  return MadeOperation(std::make_unique<SkipGramOperation>(options));
}

}  // namespace heddle::core
