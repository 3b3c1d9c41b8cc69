// All memory that a step on a net needs: what each layer computed for the examples of a micro-batch, and the
// scratch of every thread. Sizes settle with the first steps; then nothing is allocated.
//
// Between two layers an example is a list of (row, value). Only where a layer without a gate feeds one
// that wants no list are the values kept as a full matrix, and computed in blocks.
#pragma once

#include <vector>

#include "base/group.h"
#include "base/inputs.h"
#include "base/ledger.h"
#include "network/model.h"

namespace fewfire {

// The active rows of one layer for each example of the micro-batch.
struct Activity {
  bool full = false;     // every row of every example; `rows` is then one list for all
  int64_t capacity = 0;  // slots per example
  std::vector<RowId> rows;
  std::vector<float> values;
  std::vector<float> deltas;  // d loss / d value, then d loss / d score
  std::vector<int64_t> counts;
  std::vector<RowId> threshold_rows;  // -1 where no gradient flows to a threshold
  std::vector<float> scales;

  void become_full(int64_t n_rows);
  void resize(int64_t n_examples, int64_t slots);
  SparseVector active(int64_t example) const {
    const size_t begin = static_cast<size_t>(example * capacity), n = static_cast<size_t>(counts[example]);
    return {std::span(rows).subspan(full ? 0 : begin, n), std::span(values).subspan(begin, n)};
  }
  std::span<float> deltas_of(int64_t example) {
    return std::span(deltas).subspan(static_cast<size_t>(example * capacity),
                                     static_cast<size_t>(counts[example]));
  }
  // On the way back: these rows and their deltas, and that of the threshold behind them, which the layer
  // above does not read.
  std::span<const RowId> learning_rows(int64_t example) const {
    return std::span(rows).subspan(full ? 0 : static_cast<size_t>(example * capacity), n_learning(example));
  }
  std::span<const float> learning_deltas(int64_t example) const {
    return std::span(deltas).subspan(static_cast<size_t>(example * capacity), n_learning(example));
  }
  size_t n_learning(int64_t example) const {
    return static_cast<size_t>(counts[example] + (threshold_rows[example] >= 0));
  }
};

struct ThreadSpace {
  std::vector<GateScratch> gates;  // per layer
  Choice choice;
  RowSet columns;
  std::vector<Ledger> ledgers;  // per layer
  // Per layer and row: examples that chose it; of a last layer that retrieves perhaps only their sum.
  std::vector<std::vector<int64_t>> usage;
  std::vector<RowId> rows, flipped, ids;
  std::vector<float> deltas, gradient, values, widened;
  std::vector<Pair> pairs;

  void count(size_t layer, RowId row, int64_t n) { usage[layer][usage[layer].size() > 1 ? row : 0] += n; }
};

// What rows that learn from an input share.
struct LookedAt {
  std::vector<float> scaled;  // p x, where the scales of a centre are not 1
  float squares = 0.0f;       // x . p x
  float along = 0.0f;         // x . p m, where updates are centred
};

struct Workspace {
  Workspace(const Model& model, Mode mode, int n_threads, bool counts_rows = true);

  Mode mode;
  std::vector<const LayerKind*> kinds;  // per layer, in this mode
  bool leaves_last = false;             // the last layer is not computed here, but in blocks (ranking.h)
  std::vector<RowBuffer> buffers;       // per example, like the next three
  std::vector<SparseVector> inputs;
  std::vector<std::span<const RowId>> labels;
  std::vector<uint64_t> keys;
  Activity given;  // the inputs, where the model takes a matrix
  std::vector<Activity> layers;
  Groups<Pair> groups;                               // of a layer that learns
  std::vector<double> losses;                        // per example, like the next two
  std::vector<double> partitions;                    // logarithm of the sum that a softmax divides by
  std::vector<float> scales;                         // what gradients are multiplied by
  std::vector<std::unique_ptr<KindSpace>> of_kinds;  // per layer
  std::vector<LookedAt> looked_at;                   // per example, of the layer that learns: update.h
  std::vector<char> hits;                            // per example: the best row is one of the labels
  std::vector<int64_t> rivals;  // numbers of the steps that other threads ran when this one began
  std::vector<ThreadSpace> threads;
  float loss_scale = 1.0f;

  int64_t n_examples() const { return static_cast<int64_t>(inputs.size()); }
  // What the loss of an example counts for in the gradient of a step.
  float share() const { return loss_scale / static_cast<float>(n_examples()); }
  const Activity& below(size_t layer) const { return layer == 0 ? given : layers[layer - 1]; }
  Activity& below(size_t layer) { return layer == 0 ? given : layers[layer - 1]; }
  // Whether somebody wants the gradients of what the layer reads.
  bool passes_down(size_t layer) const { return layer > 0 || given.full; }
  SparseVector input_of(size_t layer, int64_t example) const {
    return layer == 0 ? inputs[example] : layers[layer - 1].active(example);
  }
  bool has_full_input(size_t layer) const { return below(layer).full; }
  Matrix<const float> input_matrix(size_t layer) const {
    return {below(layer).values.data(), n_examples(), below(layer).capacity};
  }
};

}  // namespace fewfire
