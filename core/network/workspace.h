// What a net is made of, and all memory that a step on it needs: what each layer computed for the examples
// of a micro-batch, and the scratch of every thread.
//
// Between two layers an example is a list of (row, value). Only where a layer without a gate feeds one
// that wants no list are the values kept as a full matrix, and computed in blocks.
#pragma once

#include <vector>

#include "base/group.h"
#include "base/inputs.h"
#include "base/ledger.h"
#include "network/gate.h"
#include "network/layer.h"
#include "network/loss.h"

namespace fewfire {

struct Model {
  std::vector<Layer> layers;
  Loss loss = Loss::softmax;
};

// A last layer whose gate keeps what an index proposes.
inline bool is_retrieval(const Model& model, size_t l) {
  return l + 1 == model.layers.size() && model.layers[l].gate && !model.layers[l].gate->reads_lists();
}

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

  void resize(int64_t n_examples, int64_t slots);
  SparseVector active(int64_t example) const {
    const size_t begin = static_cast<size_t>(example * capacity), n = static_cast<size_t>(counts[example]);
    return {std::span(rows).subspan(full ? 0 : begin, n), std::span(values).subspan(begin, n)};
  }
  std::span<float> deltas_of(int64_t example) {
    return std::span(deltas).subspan(static_cast<size_t>(example * capacity),
                                     static_cast<size_t>(counts[example]));
  }
};

// A candidate of an example: where its score lies among all of them.
struct Visit {
  RowId row;
  int32_t slot;
};

// What a sampled last layer (retrieval.h) keeps of a micro-batch besides its activity.
struct RetrievalSpace {
  Groups<Visit> visits;
  std::vector<RowId> negatives;       // ascending
  std::vector<uint64_t> is_negative;  // a bit per row of the layer
  std::vector<int32_t> places;        // of the first negative of each word with bits
  std::vector<float> weights, bias;   // of the negatives
  std::vector<float> scores, deltas;  // examples x negatives
};

struct ThreadSpace {
  Scratch scratch;
  Choice choice;
  std::vector<Ledger> ledgers;  // per layer
  // Per layer and row: examples that chose it; of a last layer that retrieves perhaps only their sum.
  std::vector<std::vector<int64_t>> usage;
  std::vector<RowId> rows, flipped, ids;
  std::vector<float> deltas, gradient, values, widened;
  std::vector<Pair> pairs;

  void count(size_t layer, RowId row, int64_t n) { usage[layer][usage[layer].size() > 1 ? row : 0] += n; }
};

// All memory a step needs: a step allocates nothing once the sizes have settled.
struct Workspace {
  Workspace(const Model& model, Mode mode, int n_threads, bool counts_rows = true);

  Mode mode;
  bool leaves_last = false;        // the last layer is not computed here, but in blocks (ranking.h)
  std::vector<RowBuffer> buffers;  // per example, like the next three
  std::vector<SparseVector> inputs;
  std::vector<std::span<const RowId>> labels;
  std::vector<uint64_t> keys;
  std::vector<Activity> layers;
  std::vector<RowId> every_row;  // 0, 1, ... up to the widest layer without a gate
  Groups<Pair> groups;
  std::vector<double> losses;  // per example
  RetrievalSpace retrieval;
  std::vector<char> hits;       // per example: the best row is one of the labels
  std::vector<int64_t> rivals;  // numbers of the steps that other threads ran when this one began
  std::vector<ThreadSpace> threads;

  int64_t n_examples() const { return static_cast<int64_t>(inputs.size()); }
  SparseVector input_of(size_t layer, int64_t example) const {
    return layer == 0 ? inputs[example] : layers[layer - 1].active(example);
  }
  bool has_full_input(size_t layer) const { return layer > 0 && layers[layer - 1].full; }
  Matrix<const float> input_matrix(size_t layer) const {
    const Activity& below = layers[layer - 1];
    return {below.values.data(), n_examples(), below.capacity};
  }
};

}  // namespace fewfire
