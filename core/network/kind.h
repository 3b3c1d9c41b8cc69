// The kinds of layers, a table of functions each, as kernels are: bag, dense, gated, retrieval. Of which kind
// a layer is, is asked once, when a model is made (model.h). A new kind is a file and a line in kind.cpp.
#pragma once

#include <memory>

#include "base/inputs.h"
#include "base/pool.h"
#include "network/gate.h"
#include "network/loss.h"

namespace fewfire {

struct Model;
struct Workspace;
struct LayerStep;

// What a kind keeps of a micro-batch besides the activity of the layer.
struct KindSpace {
  virtual ~KindSpace() = default;
};

struct LayerKind {
  // Whether layer l is of this kind, when the kinds of those below are known.
  bool (*fits)(const Model& model, size_t l, Mode mode);
  // Whether the values of all its rows are kept, as a full matrix.
  bool (*is_full)(const Model& model, size_t l);
  // Slots of its activity, of an example with so many labels that must be among the rows.
  int64_t (*capacity)(const Layer& layer, int64_t n_labels, Mode mode);
  // The active rows of all examples, and their values.
  void (*forward)(const Model& model, size_t l, Workspace& space, Pool& pool);
  // Of a last layer: the loss of one example, and d loss / d value as its deltas.
  LossOf (*loss)(const Model& model, const Targets& targets, int64_t id, int64_t example, Workspace& space);
  // From d loss / d value: d loss / d score, and the deltas of what the layer reads, if somebody wants them.
  void (*pass_down)(const Model& model, size_t l, Workspace& space, Pool& pool);
  // After that: every row with a gradient learns.
  void (*update)(const LayerStep& step, Workspace& space, Pool& pool);
  std::unique_ptr<KindSpace> (*space)() = nullptr;  // null: it keeps nothing more
  // Both at once, where that reads rows once; null: one after the other.
  void (*pass_down_and_update)(const LayerStep& step, Workspace& space, Pool& pool) = nullptr;
};

const LayerKind& kind_of(const Model& model, size_t l, Mode mode);

}  // namespace fewfire
