// SPDX-License-Identifier: Apache-2.0
// Any allocation may fail: what was asked for then says so, nothing leaks, hangs or aborts, and the
// next call works.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "digits.h"
#include "engine/c_objects.h"
#include "failing_memory.h"
#include "stateful_models.h"

namespace heddle {
namespace {

using testing::alive;
using testing::all_later;
using testing::failed;
using testing::failing;
using testing::left;

constexpr size_t kRoom = 4096;

// A model and what a process does with it, call by call, in memory that is there before.
class Story {
 public:
  Story(std::span<const std::byte> file, const char* path) : file_(file), path_(path) {
    input_.fill(std::byte{0});
    shape_.struct_size = sizeof(shape_);
  }
  ~Story() { End(); }
  Story(const Story&) = delete;
  Story& operator=(const Story&) = delete;

  static constexpr int kSteps = 9;
  heddle_status* Step(int step) {
    switch (step) {
      case 0:
        return Make();
      case 1:
        return path_ != nullptr
                   ? heddle_model_load(engine_, path_, nullptr, &model_)
                   : heddle_model_load_bytes(engine_, file_.data(), file_.size(), nullptr, &model_);
      case 2:
        return heddle_session_create(model_, &session_);
      case 3:
        return RunAtFirst();
      case 4:
        if (heddle_status* status = heddle_session_reset(session_)) return status;
        return Run(nullptr);
      case 5:
        return heddle_model_signature_count(model_) > 1 ? Run("peek") : nullptr;
      case 6:
        return heddle_model_shape(model_, nullptr, nullptr, 0, LastTensor(), &shape_);
      case 7:
        return SaveAndRestore();
      default:
        return heddle_session_clone(session_, &clone_);
    }
  }
  // What the steps so far have told.
  uint64_t hash() const { return hash_; }

  // Nothing of the Engine's memory is in use any more.
  uint64_t End() {
    heddle_session_free(clone_);
    heddle_session_free(session_);
    heddle_model_free(model_);
    const uint64_t used = engine_ == nullptr ? 0 : engine_->core->budget().used();
    heddle_engine_free(engine_);
    clone_ = session_ = nullptr;
    model_ = nullptr;
    engine_ = nullptr;
    return used;
  }

 private:
  heddle_status* Make() {
    heddle_engine_options options{};
    options.struct_size = sizeof(options);
    options.cores = 1;  // all on this thread
    return heddle_engine_create(&options, &engine_);
  }

  size_t LastTensor() const { return heddle_model_tensor_count(model_, 0) - 1; }

  // What it tells depends on how far an attempt before came.
  heddle_status* RunAtFirst() {
    heddle_status* status = Run(nullptr);
    hash_ = 0;
    return status;
  }

  heddle_status* Run(const char* signature) {
    size_t count = 0;
    if (heddle_status* status = heddle_model_input_count(model_, signature, &count)) return status;
    std::array<heddle_tensor, 4> inputs{};
    for (size_t k = 0; k < count; ++k)
      if (heddle_status* status = Describe(signature, k, &inputs[k])) return status;
    heddle_run_options options{};
    options.struct_size = sizeof(options);
    options.signature = signature;
    options.session = session_;
    heddle_outputs* outputs = nullptr;
    if (heddle_status* status =
            heddle_model_run(model_, inputs.data(), count, nullptr, 0, &options, &outputs))
      return status;
    heddle_status* status = Read(outputs);
    heddle_outputs_free(outputs);
    return status;
  }

  // Ones: a loop makes one turn.
  heddle_status* Describe(const char* signature, size_t k, heddle_tensor* out) {
    heddle_tensor_info info{};
    info.struct_size = sizeof(info);
    if (heddle_status* status = heddle_model_input(model_, signature, k, &info)) return status;
    out->struct_size = sizeof(*out);
    out->type = info.type;
    out->rank = info.rank;
    size_t elements = 1;
    for (int i = 0; i < info.rank; ++i) {
      out->dims[i] = std::max(info.dims[i], 1);
      elements *= static_cast<size_t>(out->dims[i]);
    }
    out->bytes = elements * heddle_type_bits(info.type) / 8;
    if (info.type == HEDDLE_FLOAT32)
      std::fill_n(reinterpret_cast<float*>(input_.data()), elements, 1.0f);
    out->data = input_.data();
    return nullptr;
  }

  heddle_status* Read(const heddle_outputs* outputs) {
    uint64_t hash = 1469598103934665603u;
    for (size_t k = 0; k < heddle_outputs_count(outputs); ++k) {
      heddle_tensor out{};
      out.struct_size = sizeof(out);
      if (heddle_status* status = heddle_outputs_get(outputs, k, &out)) return status;
      for (size_t i = 0; i < out.bytes; ++i)
        hash = (hash ^ static_cast<const uint8_t*>(out.data)[i]) * 1099511628211u;
    }
    hash_ = (hash_ ^ hash) * 1099511628211u;
    return nullptr;
  }

  heddle_status* SaveAndRestore() {
    size_t bytes = saved_.size();
    if (heddle_status* status = heddle_session_save(session_, saved_.data(), &bytes)) return status;
    if (heddle_status* status = heddle_session_restore(session_, saved_.data(), bytes))
      return status;
    hash_ = (hash_ ^ static_cast<uint64_t>(shape_.rank + 2)) * 1099511628211u;
    return nullptr;
  }

  const std::span<const std::byte> file_;
  const char* const path_;
  heddle_engine* engine_ = nullptr;
  heddle_model* model_ = nullptr;
  heddle_session* session_ = nullptr;
  heddle_session* clone_ = nullptr;
  heddle_tensor shape_{};
  alignas(64) std::array<std::byte, kRoom> input_, saved_;
  uint64_t hash_ = 0;
};

struct Told {
  uint64_t hash = 0, used = 0;
  bool failed = false;
};

// The whole story, where allocation `n` fails, alone or with all that follow in the same step. A
// step that fails is done again.
Told Tell(std::span<const std::byte> file, const char* path, int n, bool and_later) {
  Story story(file, path);
  left = n;
  all_later = and_later;
  failed = false;
  for (int step = 0; step < Story::kSteps; ++step) {
    failing = !failed;
    heddle_status* status = story.Step(step);
    failing = false;
    if (status == nullptr) continue;
    EXPECT_TRUE(failed) << heddle_status_message(status);
    EXPECT_EQ(heddle_status_code(status), HEDDLE_RESOURCE_EXHAUSTED)
        << heddle_status_message(status) << ", step " << step;
    heddle_status_free(status);
    status = story.Step(step);
    EXPECT_EQ(status, nullptr) << heddle_status_message(status) << ", again at step " << step;
    heddle_status_free(status);
    if (status != nullptr) break;
  }
  return {story.hash(), story.End(), failed};
}

// What leaks does so each time; what the process makes once and keeps does not.
Told TellWithoutLeak(std::span<const std::byte> file, const char* path, int n, bool and_later) {
  Told told;
  int64_t leaked = 1;
  for (int attempt = 0; attempt < 3 && leaked != 0; ++attempt) {
    const int64_t before = alive;
    told = Tell(file, path, n, and_later);
    leaked = alive - before;
  }
  EXPECT_EQ(leaked, 0) << "blocks leak";
  return told;
}

// Every `stride`th allocation, from one that HEDDLE_SEED names.
void ExpectToGoOn(std::span<const std::byte> file, const char* path = nullptr, int stride = 1) {
  constexpr int kNone = 1 << 30;
  for (int warm = 0; warm < 2; ++warm) Tell(file, path, kNone, false);
  const Told expected = TellWithoutLeak(file, path, kNone, false);
  ASSERT_EQ(expected.used, 0u);
  for (const bool and_later : {false, true}) {
    Told told;
    int n = static_cast<int>(testing::Seed() % static_cast<uint32_t>(stride));
    do {
      SCOPED_TRACE(::testing::Message() << "allocation " << n << (and_later ? " and later" : ""));
      told = TellWithoutLeak(file, path, n, and_later);
      n += stride;
      ASSERT_EQ(told.used, 0u);
      ASSERT_EQ(told.hash, expected.hash);
    } while (told.failed && !::testing::Test::HasFailure());
    EXPECT_GT(n, 100) << "nothing was made to fail";
  }
}

// y = x + x; signature "peek", which is compiled at its first call, multiplies ones with a matrix
// that is computed then.
std::vector<std::byte> ComputingLater() {
  core::ModelBuilder b;
  const int x = b.Input("x", core::Type::kFloat32, {4});
  const int y = b.Make("y", core::Type::kFloat32, {4});
  b.Op(core::OpCode::kADD, {x, x}, {y}, core::BinaryOptions{});
  b.Output(y);
  b.Begin("peek");
  const int one = b.Input("one", core::Type::kFloat32, {1, 4});
  const int part = b.Constant<float>("part", {2, 4}, {1, 2, 3, 4, 5, 6, 7, 8});
  const int weights = b.Make("weights", core::Type::kFloat32, {2, 4});
  const int z = b.Make("z", core::Type::kFloat32, {1, 2});
  b.Op(core::OpCode::kMUL, {part, part}, {weights}, core::BinaryOptions{});
  b.Op(core::OpCode::kFULLY_CONNECTED, {one, weights, -1}, {z}, core::FullyConnectedOptions{});
  b.Output(z);
  b.signatures = {{"twice", 0, {{"x", x}}, {{"y", y}}}, {"peek", 1, {{"one", one}}, {{"z", z}}}};
  return b.Build();
}

TEST(OutOfMemory, OfAModelThatComputesLater) { ExpectToGoOn(ComputingLater()); }
TEST(OutOfMemory, OfAModelThatRemembers) { ExpectToGoOn(testing::Remembering()); }
TEST(OutOfMemory, OfAModelWithAnInitialiser) { ExpectToGoOn(testing::Initialised()); }
TEST(OutOfMemory, OfALoop) { ExpectToGoOn(testing::Looping(-1, 8)); }
TEST(OutOfMemory, OfALoopOfManyPlans) { ExpectToGoOn(testing::Indexing(8)); }
TEST(OutOfMemory, OfAFile) {
  for (const bool int8 : {false, true}) ExpectToGoOn({}, testing::DigitsFile(int8).c_str(), 7);
}

}  // namespace
}  // namespace heddle
