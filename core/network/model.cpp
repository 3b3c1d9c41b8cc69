#include "network/model.h"

namespace fewfire {

Model::Model(std::vector<Layer> its_layers, Loss its_loss) : layers(std::move(its_layers)), loss(its_loss) {
  for (size_t l = 0; l < layers.size(); ++l) {
    kinds_in_training.push_back(&kind_of(*this, l, Mode::train));
    kinds_in_prediction.push_back(&kind_of(*this, l, Mode::gated));
    is_full.push_back(kinds_in_training[l]->is_full(*this, l));
  }
}

}  // namespace fewfire
