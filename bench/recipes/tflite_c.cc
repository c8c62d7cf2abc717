// SPDX-License-Identifier: Apache-2.0
#include "tflite_c.h"

#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>

namespace heddle::bench {
namespace {

template <typename Function>
void Find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  if (function == nullptr) Stop(std::string("the library has no ") + name);
}

}  // namespace

void Stop(const std::string& why) {
  std::fprintf(stderr, "bench_recipes: %s\n", why.c_str());
  std::exit(1);
}

TfLiteC::TfLiteC(const std::string& library) {
  void* handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) Stop(dlerror());
  Find(handle, "TfLiteVersion", Version);
  Find(handle, "TfLiteModelCreateFromFile", ModelCreateFromFile);
  Find(handle, "TfLiteInterpreterOptionsCreate", InterpreterOptionsCreate);
  Find(handle, "TfLiteInterpreterOptionsDelete", InterpreterOptionsDelete);
  Find(handle, "TfLiteInterpreterOptionsSetNumThreads", InterpreterOptionsSetNumThreads);
  Find(handle, "TfLiteInterpreterOptionsAddDelegate", InterpreterOptionsAddDelegate);
  Find(handle, "TfLiteXNNPackDelegateOptionsDefault", XNNPackDelegateOptionsDefault);
  Find(handle, "TfLiteXNNPackDelegateCreate", XNNPackDelegateCreate);
  Find(handle, "TfLiteXNNPackDelegateDelete", XNNPackDelegateDelete);
  Find(handle, "TfLiteInterpreterCreate", InterpreterCreate);
  Find(handle, "TfLiteInterpreterDelete", InterpreterDelete);
  Find(handle, "TfLiteInterpreterAllocateTensors", InterpreterAllocateTensors);
  Find(handle, "TfLiteInterpreterGetInputTensor", InterpreterGetInputTensor);
  Find(handle, "TfLiteInterpreterGetOutputTensor", InterpreterGetOutputTensor);
  Find(handle, "TfLiteInterpreterInvoke", InterpreterInvoke);
  Find(handle, "TfLiteTensorByteSize", TensorByteSize);
  Find(handle, "TfLiteTensorCopyFromBuffer", TensorCopyFromBuffer);
  Find(handle, "TfLiteTensorCopyToBuffer", TensorCopyToBuffer);
}

}  // namespace heddle::bench
