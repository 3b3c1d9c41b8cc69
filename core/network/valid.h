// What the core follows in a net without looking; see base/check.h. All throw std::invalid_argument.
#pragma once

#include "base/inputs.h"
#include "network/optimizer.h"
#include "network/workspace.h"

namespace fewfire {

// As they are, where nothing is wrong with them.
Layer checked(Layer layer);
Optimizer checked(Optimizer optimizer);

// Examples of these inputs, and their targets, as the model reads and wants them.
void check_inputs(const Model& model, const Inputs& inputs, std::span<const int64_t> ids);
void check_targets(const Model& model, const Targets& targets, int64_t n_examples);

// How many of the last layer's rows are wanted.
void check_k(const Model& model, int64_t k);

// Of layer l, and of all.
void check_state(const Layer& layer, size_t l, const Optimizer& optimizer, const OptimizerState& state);
void check_states(const Model& model, const Optimizer& optimizer, std::span<const OptimizerState> states);

}  // namespace fewfire
