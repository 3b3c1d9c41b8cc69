// What a net is made of: layers, a loss, and of which kind each layer is, which is decided here and nowhere
// else.
//
// Other threads may read a net while it learns, and while what is built on its rows is made anew. Steps need
// no consent (step.h). Whoever changes indexes, the rows that a gate is told of, or the order of rows, has
// gone through the turnstile alone; whoever reads goes through it for a piece of work at a time: a slice of
// training, a micro-batch of prediction.
#pragma once

#include <memory>
#include <vector>

#include "base/turnstile.h"
#include "network/kind.h"
#include "network/layer.h"
#include "network/loss.h"

namespace fewfire {

struct Model {
  // Throws std::invalid_argument where they do not fit. No turnstile: nobody changes the net meanwhile.
  // `takes_matrix`: inputs are read as a full matrix, zeros and all, and get gradients, as the values of a
  // layer below would.
  Model(std::vector<Layer> layers, Loss loss, std::shared_ptr<Turnstile> turnstile = nullptr,
        bool takes_matrix = false);
  const std::vector<const LayerKind*>& kinds(Mode mode) const {
    return mode == Mode::train ? kinds_in_training : kinds_in_prediction;
  }

  // Whether the layer reads a full matrix.
  bool is_full_below(size_t l) const { return l > 0 ? is_full[l - 1] != 0 : takes_matrix; }

  std::vector<Layer> layers;
  Loss loss = Loss::softmax;
  std::shared_ptr<Turnstile> turnstile;
  bool takes_matrix = false;
  std::vector<const LayerKind*> kinds_in_training, kinds_in_prediction;  // per layer
  std::vector<char> is_full;  // per layer: the values of all its rows are kept, as a full matrix
};

// A last layer whose gate keeps what an index proposes.
inline bool is_retrieval(const Model& model, size_t l) {
  return l + 1 == model.layers.size() && model.layers[l].gate && !model.layers[l].gate->reads_lists();
}

}  // namespace fewfire
