// Random projections: what `simhash` takes the signs of. Each output is the inner product of the input
// with a random vector, drawn from the seed. Some outputs can be drawn anew, where they share nothing.
#pragma once

#include <memory>
#include <stdexcept>
#include <vector>

#include "hash/hash.h"

namespace fewfire {

struct Cost {
  int64_t multiplications = 0, additions = 0;
};

class Projection {
 public:
  Projection(int64_t n_inputs, int64_t n_outputs) : n_inputs_(n_inputs), n_outputs_(n_outputs) {}
  virtual ~Projection() = default;
  int64_t n_inputs() const { return n_inputs_; }
  int64_t n_outputs() const { return n_outputs_; }
  virtual Cost cost(int64_t n_nonzero) const = 0;
  virtual int64_t bytes() const = 0;
  // Draws outputs first, ..., first + n - 1 anew: they are then those of a projection with this seed.
  virtual void redraw(int64_t /*first*/, int64_t /*n*/, uint64_t /*seed*/) {
    throw std::invalid_argument("outputs that share their rotations cannot be drawn anew");
  }
  // outputs (n_outputs) of x, whose ids are below n_inputs
  virtual void apply(SparseVector x, std::vector<float>& outputs, std::vector<float>& spare) const = 0;

 private:
  int64_t n_inputs_, n_outputs_;
};

// Standard normal entries: multiplications, one row of n_outputs numbers for each non-zero input.
class GaussianProjection : public Projection {
 public:
  GaussianProjection(int64_t n_inputs, int64_t n_outputs, uint64_t seed);
  int64_t bytes() const override { return bytes_of(entries_); }
  Cost cost(int64_t n_nonzero) const override { return {.multiplications = n_nonzero * n_outputs()}; }
  void redraw(int64_t first, int64_t n, uint64_t seed) override;
  void apply(SparseVector x, std::vector<float>& outputs, std::vector<float>& spare) const override;

 private:
  std::vector<float> entries_;  // n_inputs x n_outputs
};

// Entries +1, 0, -1 with probabilities 1/6, 2/3, 1/6 (Achlioptas, JCSS 2003): additions only. Two bits an
// entry, scanned like sign codes.
class SignedProjection : public Projection {
 public:
  SignedProjection(int64_t n_inputs, int64_t n_outputs, uint64_t seed);
  int64_t bytes() const override { return bytes_of(plus_, minus_); }
  Cost cost(int64_t n_nonzero) const override { return {.additions = (2 * n_nonzero + 1) * n_outputs()}; }
  void redraw(int64_t first, int64_t n, uint64_t seed) override;
  void apply(SparseVector x, std::vector<float>& outputs, std::vector<float>& spare) const override;

 private:
  int64_t n_words_;
  std::vector<uint64_t> plus_, minus_;  // n_inputs x n_words
};

// Three rounds of random signs and a Hadamard transform (Andoni et al., NIPS 2015): D log2 D additions a
// round for inputs padded to D, whatever their zeros. Of a rotation all D outputs are used; those of one
// rotation are orthogonal, not independent.
class HadamardProjection : public Projection {
 public:
  HadamardProjection(int64_t n_inputs, int64_t n_outputs, uint64_t seed);
  int64_t bytes() const override { return bytes_of(signs_); }
  Cost cost(int64_t n_nonzero) const override;
  void apply(SparseVector x, std::vector<float>& outputs, std::vector<float>& spare) const override;

 private:
  static constexpr int kRounds = 3;
  int log_size_;
  int64_t n_rotations_;
  std::vector<float> signs_;  // n_rotations x kRounds x size, +1 or -1
};

// Each output is one input, drawn with equal chance: no arithmetic. Bits are then signs of single weights,
// and a code those of a group of them.
class CoordinateProjection : public Projection {
 public:
  CoordinateProjection(int64_t n_inputs, int64_t n_outputs, uint64_t seed);
  int64_t bytes() const override { return bytes_of(inputs_); }
  Cost cost(int64_t) const override { return {}; }
  void redraw(int64_t first, int64_t n, uint64_t seed) override;
  void apply(SparseVector x, std::vector<float>& outputs, std::vector<float>& spare) const override;

 private:
  std::vector<RowId> inputs_;  // of each output
};

enum class ProjectionKind { gaussian, sparse, hadamard, coordinates };

std::unique_ptr<Projection> make_projection(ProjectionKind kind, int64_t n_inputs, int64_t n_outputs,
                                            uint64_t seed);

}  // namespace fewfire
