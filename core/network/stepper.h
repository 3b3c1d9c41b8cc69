// A step in parts, for a loop that is not ours (train.h has ours): a micro-batch goes forward; whoever holds
// it then asks for its gradients, and for rows to learn from them, when and as they like, or never.
#pragma once

#include <memory>
#include <mutex>

#include "network/step.h"

namespace fewfire {

// Workspaces that no step holds, to be used again.
class Shelf {
 public:
  std::unique_ptr<Workspace> take(const Model& model, int n_threads);
  void give_back(std::unique_ptr<Workspace> space);

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<Workspace>> spaces_;
};

// A micro-batch that has gone forward. Its inputs must outlive it, unless the model takes a matrix.
class OpenStep {
 public:
  OpenStep(const Model& model, std::shared_ptr<Shelf> shelf, std::unique_ptr<Workspace> space);
  ~OpenStep() { shelf_->give_back(std::move(space_)); }
  OpenStep(const OpenStep&) = delete;
  OpenStep& operator=(const OpenStep&) = delete;

  Workspace& space() { return *space_; }
  int64_t n_examples() const { return space_->n_examples(); }
  std::span<const double> losses() const { return space_->losses; }  // per example
  std::span<const double> partitions() const { return space_->partitions; }
  // Once: all gradients, of the sum of losses times their scales. Throws std::invalid_argument if it has
  // been.
  void backward(std::span<const float> scales);
  // d loss / d input, where the model takes a matrix; nothing otherwise.
  Matrix<const float> input_gradients() const;
  // After `backward`, of layer l: its rows learn, or their gradients are given away.
  Ledger update(size_t l, const Optimizer& optimizer, const OptimizerState& state, float lr, int64_t number);
  RowGradients gradients(size_t l);

 private:
  void check_layer(size_t l) const;
  const Model& model_;
  std::shared_ptr<Shelf> shelf_;
  std::unique_ptr<Workspace> space_;
  bool has_gradients_ = false;
};

class Stepper {
 public:
  Stepper(const Model& model, int n_threads);
  // Losses of the examples `ids`; `draw` seeds what gates draw, as an epoch does.
  std::unique_ptr<OpenStep> forward(const Inputs& inputs, const Targets& targets,
                                    std::span<const int64_t> ids, uint64_t draw);
  // Rows of layer l learn from gradients that were given away; rows are distinct.
  Ledger learn(size_t l, const Optimizer& optimizer, const OptimizerState& state, float lr, int64_t number,
               std::span<const RowId> rows, Matrix<const float> values, std::span<const float> bias);

 private:
  const Model& model_;
  int n_threads_;
  std::shared_ptr<Shelf> shelf_ = std::make_shared<Shelf>();
};

}  // namespace fewfire
