// SPDX-License-Identifier: Apache-2.0
// TensorFlow Lite's C interface, as far as the recipes need it, of a library that is opened at run
// time: Debian has none to build against.
#ifndef HEDDLE_BENCH_RECIPES_TFLITE_C_H_
#define HEDDLE_BENCH_RECIPES_TFLITE_C_H_

#include <cstddef>
#include <cstdint>
#include <string>

namespace heddle::bench {

struct TfLiteModel;
struct TfLiteOptions;
struct TfLiteInterpreter;
struct TfLiteTensor;
struct TfLiteDelegate;

// Its first field, and room for what each version has behind it: passed and returned in memory.
struct XnnPackOptions {
  int32_t num_threads;
  alignas(8) unsigned char rest[1016];
};

// Each is the library's function TfLite..., whose parameters these are. A status of 0 is success.
struct TfLiteC {
  const char* (*Version)();
  TfLiteModel* (*ModelCreateFromFile)(const char* path);
  TfLiteOptions* (*InterpreterOptionsCreate)();
  void (*InterpreterOptionsDelete)(TfLiteOptions* options);
  void (*InterpreterOptionsSetNumThreads)(TfLiteOptions* options, int32_t threads);
  void (*InterpreterOptionsAddDelegate)(TfLiteOptions* options, TfLiteDelegate* delegate);
  XnnPackOptions (*XNNPackDelegateOptionsDefault)();
  TfLiteDelegate* (*XNNPackDelegateCreate)(const XnnPackOptions* options);
  void (*XNNPackDelegateDelete)(TfLiteDelegate* delegate);
  TfLiteInterpreter* (*InterpreterCreate)(const TfLiteModel* model, const TfLiteOptions* options);
  void (*InterpreterDelete)(TfLiteInterpreter* interpreter);
  int (*InterpreterAllocateTensors)(TfLiteInterpreter* interpreter);
  TfLiteTensor* (*InterpreterGetInputTensor)(const TfLiteInterpreter* interpreter, int32_t index);
  const TfLiteTensor* (*InterpreterGetOutputTensor)(const TfLiteInterpreter* interpreter,
                                                    int32_t index);
  int (*InterpreterInvoke)(TfLiteInterpreter* interpreter);
  size_t (*TensorByteSize)(const TfLiteTensor* tensor);
  int (*TensorCopyFromBuffer)(TfLiteTensor* tensor, const void* data, size_t bytes);
  int (*TensorCopyToBuffer)(const TfLiteTensor* tensor, void* data, size_t bytes);

  // Ends the program, with the reason, where the library or one of its functions is not there.
  explicit TfLiteC(const std::string& library);
};

[[noreturn]] void Stop(const std::string& why);

}  // namespace heddle::bench

#endif  // HEDDLE_BENCH_RECIPES_TFLITE_C_H_
