// SPDX-License-Identifier: Apache-2.0
// bench/recipes.py counts the lines of the class Interpreter and of each recipe.
#include "recipes.h"

#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <thread>

namespace heddle::bench {
namespace {

class Interpreter {
 public:
  Interpreter(const TfLiteC& c, const TfLiteModel* model, int threads) : c_(c) {
    // The C interface takes XNNPACK only where it is told to, unlike Python's.
    XnnPackOptions xnnpack = c.XNNPackDelegateOptionsDefault();
    xnnpack.num_threads = threads;
    delegate_ = c.XNNPackDelegateCreate(&xnnpack);
    TfLiteOptions* options = c.InterpreterOptionsCreate();
    c.InterpreterOptionsSetNumThreads(options, threads);
    c.InterpreterOptionsAddDelegate(options, delegate_);
    interpreter_ = c.InterpreterCreate(model, options);
    c.InterpreterOptionsDelete(options);
    if (interpreter_ == nullptr || c.InterpreterAllocateTensors(interpreter_) != 0)
      Stop("no interpreter for this model");
  }
  ~Interpreter() {
    c_.InterpreterDelete(interpreter_);
    c_.XNNPackDelegateDelete(delegate_);
  }
  Interpreter(const Interpreter&) = delete;
  Interpreter& operator=(const Interpreter&) = delete;

  void Run(const std::vector<Buffer>& inputs, Buffer& output) {
    for (size_t k = 0; k < inputs.size(); ++k) {
      TfLiteTensor* input = c_.InterpreterGetInputTensor(interpreter_, static_cast<int32_t>(k));
      if (c_.TensorCopyFromBuffer(input, inputs[k].data(), inputs[k].size()) != 0)
        Stop("an input has another size");
    }
    if (c_.InterpreterInvoke(interpreter_) != 0) Stop("a call failed");
    const TfLiteTensor* result = c_.InterpreterGetOutputTensor(interpreter_, 0);
    output.resize(c_.TensorByteSize(result));
    if (c_.TensorCopyToBuffer(result, output.data(), output.size()) != 0) Stop("no output");
  }

 private:
  const TfLiteC& c_;
  TfLiteDelegate* delegate_;
  TfLiteInterpreter* interpreter_;
};

class PerThread : public Recipe {
 public:
  PerThread(const TfLiteC& c, const TfLiteModel* model, int /*cores*/) : c_(c), model_(model) {}

  void Call(const std::vector<Buffer>& inputs, Buffer& output) override {
    thread_local Interpreter interpreter(c_, model_, 1);
    interpreter.Run(inputs, output);
  }

 private:
  const TfLiteC& c_;
  const TfLiteModel* model_;
};

class BehindALock : public Recipe {
 public:
  BehindALock(const TfLiteC& c, const TfLiteModel* model, int cores)
      : interpreter_(c, model, cores) {}

  void Call(const std::vector<Buffer>& inputs, Buffer& output) override {
    const std::lock_guard lock(mutex_);
    interpreter_.Run(inputs, output);
  }

 private:
  std::mutex mutex_;
  Interpreter interpreter_;
};

class Pool : public Recipe {
 public:
  Pool(const TfLiteC& c, const TfLiteModel* model, int cores) {
    for (int i = 0; i < cores; ++i) threads_.emplace_back([this, &c, model] { Serve(c, model); });
  }
  ~Pool() override {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
    }
    work_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  void Call(const std::vector<Buffer>& inputs, Buffer& output) override {
    Job job{&inputs, &output, {}};
    std::future<void> done = job.done.get_future();
    {
      std::unique_lock lock(mutex_);
      room_.wait(lock, [this] { return jobs_.size() < kMost; });
      jobs_.push_back(&job);
    }
    work_.notify_one();
    done.wait();
  }

 private:
  struct Job {
    const std::vector<Buffer>* inputs;
    Buffer* output;
    std::promise<void> done;
  };
  static constexpr size_t kMost = 64;

  void Serve(const TfLiteC& c, const TfLiteModel* model) {
    Interpreter interpreter(c, model, 1);
    for (;;) {
      Job* job;
      {
        std::unique_lock lock(mutex_);
        work_.wait(lock, [this] { return closed_ || !jobs_.empty(); });
        if (jobs_.empty()) return;
        job = jobs_.front();
        jobs_.pop_front();
      }
      room_.notify_one();
      interpreter.Run(*job->inputs, *job->output);
      job->done.set_value();
    }
  }

  std::mutex mutex_;
  std::condition_variable work_, room_;
  std::deque<Job*> jobs_;
  bool closed_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace

std::unique_ptr<Recipe> MakeRecipe(const std::string& name, const TfLiteC& c,
                                   const std::string& path, int cores) {
  const TfLiteModel* model = c.ModelCreateFromFile(path.c_str());
  if (model == nullptr) Stop(path + ": no model that the library reads");
  if (name == "per_thread") return std::make_unique<PerThread>(c, model, cores);
  if (name == "behind_a_lock") return std::make_unique<BehindALock>(c, model, cores);
  if (name == "pool") return std::make_unique<Pool>(c, model, cores);
  return nullptr;
}

}  // namespace heddle::bench
