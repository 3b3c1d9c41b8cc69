#include "hash/projection.h"

#include <algorithm>

#include "base/rng.h"
#include "kernels/dispatch.h"
#include "kernels/kernels.h"

namespace fewfire {

GaussianProjection::GaussianProjection(int64_t n_inputs, int64_t n_outputs, uint64_t seed)
    : Projection(n_inputs, n_outputs), entries_(static_cast<size_t>(n_inputs * n_outputs)) {
  GaussianProjection::redraw(0, n_outputs, seed);
}

void GaussianProjection::redraw(int64_t first, int64_t n, uint64_t seed) {
  for (int64_t i = 0; i < n_inputs(); ++i)
    for (int64_t j = first; j < first + n; ++j)
      entries_[i * n_outputs() + j] = random_normal(seed, static_cast<uint64_t>(i), static_cast<uint64_t>(j));
}

void GaussianProjection::apply(SparseVector x, std::vector<float>& outputs, std::vector<float>&) const {
  outputs.assign(static_cast<size_t>(n_outputs()), 0.0f);
  const Matrix<const float> entries{entries_.data(), n_inputs(), n_outputs()};
  kernels().weighted_sum(entries, x.ids.data(), 0, x.values.data(), x.size(), outputs.data());
}

SignedProjection::SignedProjection(int64_t n_inputs, int64_t n_outputs, uint64_t seed)
    : Projection(n_inputs, n_outputs),
      n_words_((n_outputs + 63) / 64),
      plus_(static_cast<size_t>(n_inputs * n_words_)),
      minus_(plus_.size()) {
  SignedProjection::redraw(0, n_outputs, seed);
}

void SignedProjection::redraw(int64_t first, int64_t n, uint64_t seed) {
  for (int64_t i = 0; i < n_inputs(); ++i)
    for (int64_t j = first; j < first + n; ++j) {
      const int64_t die =
          random_below(6, random_bits(seed, static_cast<uint64_t>(i), static_cast<uint64_t>(j)));
      const int64_t word = i * n_words_ + j / 64;
      const uint64_t bit = uint64_t{1} << (j % 64);
      plus_[word] = die == 0 ? plus_[word] | bit : plus_[word] & ~bit;
      minus_[word] = die == 1 ? minus_[word] | bit : minus_[word] & ~bit;
    }
}

void SignedProjection::apply(SparseVector x, std::vector<float>& outputs, std::vector<float>& spare) const {
  outputs.resize(static_cast<size_t>(n_words_ * 64));
  spare.resize(outputs.size());
  kernels().masked_sum({plus_.data(), n_inputs(), n_words_}, x, outputs.data());
  kernels().masked_sum({minus_.data(), n_inputs(), n_words_}, x, spare.data());
  outputs.resize(static_cast<size_t>(n_outputs()));
  for (size_t j = 0; j < outputs.size(); ++j) outputs[j] -= spare[j];
}

HadamardProjection::HadamardProjection(int64_t n_inputs, int64_t n_outputs, uint64_t seed)
    : Projection(n_inputs, n_outputs), log_size_(0) {
  while (int64_t{1} << log_size_ < n_inputs) ++log_size_;
  const int64_t size = int64_t{1} << log_size_;
  n_rotations_ = (n_outputs + size - 1) / size;
  signs_.resize(static_cast<size_t>(n_rotations_ * kRounds * size));
  for (size_t i = 0; i < signs_.size(); ++i) signs_[i] = random_bits(seed, 0, i) >> 63 != 0 ? 1.0f : -1.0f;
}

Cost HadamardProjection::cost(int64_t) const {
  return {.additions = n_rotations_ * kRounds * (int64_t{log_size_} << log_size_)};
}

void HadamardProjection::apply(SparseVector x, std::vector<float>& outputs, std::vector<float>& spare) const {
  const int64_t size = int64_t{1} << log_size_;
  outputs.resize(static_cast<size_t>(n_outputs()));
  spare.resize(static_cast<size_t>(size));
  for (int64_t rotation = 0; rotation < n_rotations_; ++rotation) {
    std::fill(spare.begin(), spare.end(), 0.0f);
    for (int64_t k = 0; k < x.size(); ++k) spare[x.ids[k]] = x.values[k];
    for (int round = 0; round < kRounds; ++round) {
      const float* signs = signs_.data() + (rotation * kRounds + round) * size;
      for (int64_t i = 0; i < size; ++i) spare[i] *= signs[i];
      kernels().hadamard(spare.data(), log_size_);
    }
    const int64_t first = rotation * size;
    std::copy_n(spare.begin(), std::min(size, n_outputs() - first), outputs.begin() + first);
  }
}

CoordinateProjection::CoordinateProjection(int64_t n_inputs, int64_t n_outputs, uint64_t seed)
    : Projection(n_inputs, n_outputs), inputs_(static_cast<size_t>(n_outputs)) {
  CoordinateProjection::redraw(0, n_outputs, seed);
}

void CoordinateProjection::redraw(int64_t first, int64_t n, uint64_t seed) {
  for (int64_t j = first; j < first + n; ++j)
    inputs_[j] = static_cast<RowId>(random_below(n_inputs(), random_bits(seed, 0, static_cast<uint64_t>(j))));
}

void CoordinateProjection::apply(SparseVector x, std::vector<float>& outputs,
                                 std::vector<float>& spare) const {
  spare.assign(static_cast<size_t>(n_inputs()), 0.0f);
  for (int64_t k = 0; k < x.size(); ++k) spare[x.ids[k]] = x.values[k];
  outputs.resize(inputs_.size());
  for (size_t j = 0; j < outputs.size(); ++j) outputs[j] = spare[inputs_[j]];
}

std::unique_ptr<Projection> make_projection(ProjectionKind kind, int64_t n_inputs, int64_t n_outputs,
                                            uint64_t seed) {
  switch (kind) {
    case ProjectionKind::gaussian:
      return std::make_unique<GaussianProjection>(n_inputs, n_outputs, seed);
    case ProjectionKind::sparse:
      return std::make_unique<SignedProjection>(n_inputs, n_outputs, seed);
    case ProjectionKind::hadamard:
      return std::make_unique<HadamardProjection>(n_inputs, n_outputs, seed);
    case ProjectionKind::coordinates:
      return std::make_unique<CoordinateProjection>(n_inputs, n_outputs, seed);
  }
  return nullptr;
}

}  // namespace fewfire
