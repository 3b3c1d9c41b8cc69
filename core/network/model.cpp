#include "network/model.h"

#include "base/check.h"

namespace fewfire {
namespace {

void check_layers(const std::vector<Layer>& layers) {
  require(!layers.empty(), "a model needs a layer");
  for (size_t l = 1; l < layers.size(); ++l) {
    require(!layers[l].is_bag, "only the first layer can be a bag");
    require(layers[l].n_columns() == layers[l - 1].n_rows(), "a layer's columns are not the rows below it");
  }
}

}  // namespace

Model::Model(std::vector<Layer> its_layers, Loss its_loss, std::shared_ptr<Turnstile> its_turnstile,
             bool its_inputs_are_full)
    : layers(std::move(its_layers)),
      loss(its_loss),
      turnstile(std::move(its_turnstile)),
      takes_matrix(its_inputs_are_full) {
  check_layers(layers);
  require(!takes_matrix || !layers[0].is_bag, "a bag reads sparse inputs");
  for (size_t l = 0; l < layers.size(); ++l) {
    kinds_in_training.push_back(&kind_of(*this, l, Mode::train));
    kinds_in_prediction.push_back(&kind_of(*this, l, Mode::gated));
    is_full.push_back(kinds_in_training[l]->is_full(*this, l));
  }
}

}  // namespace fewfire
