// SPDX-License-Identifier: Apache-2.0
// AudioSpectrogram and Mfcc: what speech models ask of a waveform.
#include <algorithm>
#include <cmath>

#include "kernels/custom/flex_options.h"
#include "kernels/elementwise/check.h"
#include "kernels/math.h"
#include "kernels/movement/operands.h"
#include "kernels/operators.h"
#include "kernels/signal/fft.h"

namespace heddle::core {
namespace {

Status CheckFloats(const MakeArgs& args) {
  for (const Operand* o : {&args.inputs[0], &args.outputs[0]})
    if (o->type != Type::kFloat32) return UnsupportedType(*o);
  return Status();
}

// --- AudioSpectrogram: samples by channels -> channels by frames by bins ---

struct SpectrogramParams {
  int64_t window_size, stride, channels, frames;
  bool squared;
  std::vector<double> window;
  RealFft fft;
};

// One tile for each frame of each channel.
TileCode SpectrogramTiles(const SpectrogramParams& p, const TileArgs& args, TileRange tiles) {
  auto* spectrum = reinterpret_cast<Complex*>(args.scratch);
  double* samples = &spectrum->re;
  for (int64_t t = tiles.begin; t < tiles.end; ++t) {
    const int64_t channel = t / p.frames, first = t % p.frames * p.stride;
    const float* in = static_cast<const float*>(args.inputs[0]) + first * p.channels + channel;
    for (int64_t i = 0; i < p.window_size; ++i)
      samples[i] = static_cast<double>(in[i * p.channels]) * p.window[static_cast<size_t>(i)];
    std::fill(samples + p.window_size, samples + p.fft.size(), 0.0);
    p.fft.Transform(spectrum);
    float* out = static_cast<float*>(args.outputs[0]) + t * p.fft.bins();
    for (int64_t i = 0; i < p.fft.bins(); ++i) {
      const Complex x = spectrum[i];
      const auto power = static_cast<float>(x.re * x.re + x.im * x.im);
      out[i] = p.squared ? power : std::sqrt(power);
    }
  }
  return TileCode::kOk;
}

class AudioSpectrogram final : public Operation {
 public:
  AudioSpectrogram(int64_t window, int64_t stride, bool squared)
      : window_(window), stride_(stride), squared_(squared) {
    while (fft_ < window) fft_ *= 2;
  }

  Status Shapes(std::span<const Operand> in, std::span<Shape> out) const override {
    const Shape& shape = in[0].shape;
    if (shape.rank() != 2)
      return InvalidModel("'{}' has shape {}, expected samples by channels", in[0].name,
                          shape.ToString());
    const int64_t frames = shape[0] < window_ ? 0 : 1 + (shape[0] - window_) / stride_;
    out[0] = {shape[1], static_cast<int32_t>(frames), static_cast<int32_t>(fft_ / 2 + 1)};
    return Status();
  }

  Status Lower(std::span<const Operand>, std::span<const Operand> out, Step& step) const override {
    const Shape& shape = out[0].shape;
    SpectrogramParams p{window_, stride_, shape[0], shape[1], squared_, {}, RealFft(fft_)};
    for (int64_t i = 0; i < window_; ++i) p.window.push_back(0.5 - 0.5 * UnitRoot(i, window_).re);
    step.scratch_bytes = static_cast<size_t>(p.fft.bins()) * sizeof(Complex);
    SetTiled<&SpectrogramTiles>(step, std::move(p), int64_t{shape[0]} * shape[1],
                                30 * static_cast<float>(fft_));
    step.kernel = "spectrogram";
    return Status();
  }

 private:
  int64_t window_, stride_;
  bool squared_;
  int64_t fft_ = 1;
};

// --- Mfcc: squared magnitudes -> mel frequency cepstral coefficients ---

struct MfccOptions {
  int64_t upper, lower, filters, coefficients;
};

double Mel(double hertz) { return 1127.0 * Log(1.0 + hertz / 700.0); }

struct MfccParams {
  int64_t bins, filters, coefficients;
  int64_t first = 0, last = 0;  // the bins that count
  std::vector<int64_t> filter;  // of a bin: its falling slope is filter[i]'s, -1 for none; the
                                // rising one the next filter's
  std::vector<double> weight;   // of the falling slope
  std::vector<double> cosines;  // coefficients by filters

  MfccParams(const MfccOptions& o, int64_t bin_count, double bin_width)
      : bins(bin_count), filters(o.filters), coefficients(o.coefficients) {
    const auto lower = static_cast<double>(o.lower), upper = static_cast<double>(o.upper);
    first = static_cast<int64_t>(1.5 + lower / bin_width);
    last = std::min(static_cast<int64_t>(upper / bin_width), bins - 1);
    MakeFilters(Mel(lower), Mel(upper), bin_width);
    const double norm = std::sqrt(2.0 / static_cast<double>(filters));
    for (int64_t i = 0; i < coefficients; ++i)
      for (int64_t j = 0; j < filters; ++j)
        cosines.push_back(norm * UnitRoot(i * (2 * j + 1), 4 * filters).re);
  }

 private:
  void MakeFilters(double low, double high, double bin_width) {
    const double spacing = (high - low) / static_cast<double>(filters + 1);
    const auto center = [&](int64_t i) { return low + spacing * static_cast<double>(i + 1); };
    int64_t next = 0;
    for (int64_t i = 0; i < bins; ++i) {
      const double mel = Mel(static_cast<double>(i) * bin_width);
      if (i >= first)
        while (next < filters && center(next) < mel) ++next;
      const double from = next == 0 ? low : center(next - 1);
      filter.push_back(next - 1);
      weight.push_back((center(next) - mel) / (center(next) - from));
    }
  }
};

// One tile for each frame. Scratch: a value for each filter.
TileCode MfccTiles(const MfccParams& p, const TileArgs& args, TileRange tiles) {
  auto* energy = reinterpret_cast<double*>(args.scratch);
  for (int64_t t = tiles.begin; t < tiles.end; ++t) {
    const float* in = static_cast<const float*>(args.inputs[0]) + t * p.bins;
    std::fill(energy, energy + p.filters, 0.0);
    for (int64_t i = p.first; i <= p.last; ++i) {
      const double value = std::sqrt(static_cast<double>(in[i]));
      const int64_t filter = p.filter[static_cast<size_t>(i)];
      const double falling = value * p.weight[static_cast<size_t>(i)];
      if (filter >= 0) energy[filter] += falling;
      if (filter + 1 < p.filters) energy[filter + 1] += value - falling;
    }
    for (int64_t j = 0; j < p.filters; ++j) energy[j] = Log(energy[j] < 1e-12 ? 1e-12 : energy[j]);
    float* out = static_cast<float*>(args.outputs[0]) + t * p.coefficients;
    const double* cosine = p.cosines.data();
    for (int64_t i = 0; i < p.coefficients; ++i) {
      double sum = 0;
      for (int64_t j = 0; j < p.filters; ++j) sum += *cosine++ * energy[j];
      out[i] = static_cast<float>(sum);
    }
  }
  return TileCode::kOk;
}

class Mfcc final : public Operation {
 public:
  explicit Mfcc(const MfccOptions& options) : options_(options) {}

  uint32_t ValueInputs() const override { return 2; }

  Status Shapes(std::span<const Operand> in, std::span<Shape> out) const override {
    const Shape& shape = in[0].shape;
    if (shape.rank() != 3 || shape[2] < 2)
      return InvalidModel("'{}' has shape {}, expected channels by frames by at least 2 bins",
                          in[0].name, shape.ToString());
    out[0] = {shape[0], shape[1], static_cast<int32_t>(options_.coefficients)};
    return Status();
  }

  Status Lower(std::span<const Operand> in, std::span<const Operand> out,
               Step& step) const override {
    HEDDLE_ASSIGN(const IntList rate, ReadInts(in[1], "sample rate"));
    if (rate.size < 1 || rate[0] <= 0)
      return BadValue(in[1], "sample rate '{}' is {}, expected a positive number", in[1].name,
                      rate.size < 1 ? 0 : rate[0]);
    if (2 * options_.upper > rate[0])
      return BadValue(in[1], "sample rate '{}' is {}, expected at least {} (twice the upper limit)",
                      in[1].name, rate[0], 2 * options_.upper);
    const int64_t bins = in[0].shape[2];
    const double width = 0.5 * static_cast<double>(rate[0]) / static_cast<double>(bins - 1);
    step.scratch_bytes = static_cast<size_t>(options_.filters) * sizeof(double);
    const int64_t work = 2 * bins + options_.filters * (options_.coefficients + 20);
    SetTiled<&MfccTiles>(step, MfccParams(options_, bins, width), out[0].shape.Product(0, 2),
                         static_cast<float>(work));
    step.kernel = "mfcc";
    return Status();
  }

 private:
  MfccOptions options_;
};

}  // namespace

MadeOperation MakeAudioSpectrogram(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 1, 1, 1));
  HEDDLE_TRY(CheckFloats(args));
  HEDDLE_ASSIGN(const FlexOptions flex, FlexOptions::Read(args.op.custom_options));
  HEDDLE_ASSIGN(const int64_t window, flex.Int("window_size", 2, kMaxFft));
  HEDDLE_ASSIGN(const int64_t stride, flex.Int("stride", 1, INT32_MAX));
  HEDDLE_ASSIGN(const bool squared, flex.Bool("magnitude_squared", false));
  return MadeOperation(std::make_unique<AudioSpectrogram>(window, stride, squared));
}

MadeOperation MakeMfcc(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 2, 2, 1));
  HEDDLE_TRY(CheckFloats(args));
  if (args.inputs[1].type != Type::kInt32)
    return InvalidModel("sample rate '{}' is {}, expected int32", args.inputs[1].name,
                        TypeName(args.inputs[1].type));
  constexpr int64_t kMost = 1 << 12;  // the table of cosines is the product of two of these
  MfccOptions o;
  HEDDLE_ASSIGN(const FlexOptions flex, FlexOptions::Read(args.op.custom_options));
  HEDDLE_ASSIGN(o.lower, flex.Int("lower_frequency_limit", 0, INT32_MAX));
  HEDDLE_ASSIGN(o.upper, flex.Int("upper_frequency_limit", o.lower + 1, INT32_MAX));
  HEDDLE_ASSIGN(o.filters, flex.Int("filterbank_channel_count", 1, kMost));
  HEDDLE_ASSIGN(o.coefficients, flex.Int("dct_coefficient_count", 1, o.filters));
  return MadeOperation(std::make_unique<Mfcc>(o));
}

}  // namespace heddle::core
