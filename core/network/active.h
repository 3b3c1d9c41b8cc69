// What those kinds of layers share whose examples each have a list of active rows: the loss over them, the
// way back to the layer below, the update of every row that an example has a gradient for.
#pragma once

#include "network/update.h"

namespace fewfire {

// The loss over the active rows of the last layer; its gradients are their deltas.
LossOf loss_of_active(const Model& model, const Targets& targets, int64_t id, int64_t example,
                      Workspace& space);

// From d loss / d score: the deltas of the layer below.
void pass_down_lists(const Model& model, size_t l, Workspace& space, Pool& pool);

void update_listed_rows(const LayerStep& step, Workspace& space, Pool& pool);

}  // namespace fewfire
