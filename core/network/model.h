// What a net is made of: layers, a loss, and of which kind each layer is, which is decided here and nowhere
// else.
#pragma once

#include <vector>

#include "network/kind.h"
#include "network/layer.h"
#include "network/loss.h"

namespace fewfire {

struct Model {
  Model(std::vector<Layer> layers, Loss loss);  // throws std::invalid_argument where they do not fit
  const std::vector<const LayerKind*>& kinds(Mode mode) const {
    return mode == Mode::train ? kinds_in_training : kinds_in_prediction;
  }

  std::vector<Layer> layers;
  Loss loss = Loss::softmax;
  std::vector<const LayerKind*> kinds_in_training, kinds_in_prediction;  // per layer
  std::vector<char> is_full;  // per layer: the values of all its rows are kept, as a full matrix
};

// A last layer whose gate keeps what an index proposes.
inline bool is_retrieval(const Model& model, size_t l) {
  return l + 1 == model.layers.size() && model.layers[l].gate && !model.layers[l].gate->reads_lists();
}

}  // namespace fewfire
