#include "update.h"

#include <algorithm>

#include "rows.h"

namespace fewfire {
namespace {

// Whether the step that last changed a row ran at the same time as this one: it began later, or had not
// ended when this one began.
bool is_conflict(int64_t last, int64_t number, std::span<const int64_t> rivals) {
  return last > number || std::find(rivals.begin(), rivals.end(), last) != rivals.end();
}

}  // namespace

void update(const Layer& layer, size_t l, RowId row, const RowGradient& gradient, const Update& update,
            const OptimizerState& state, const Workspace& space, ThreadSpace& own) {
  own.tallies[l].rows_updated += 1;
  own.tallies[l].conflicts += is_conflict(state.touched[row], update.number, space.rivals);
  Index* index = layer.gate ? layer.gate->index() : nullptr;
  const bool is_watched = index != nullptr && index->reads_signs();
  update_row(update.optimizer, update.rates, update.number, layer, state, row, gradient,
             is_watched ? &own.flipped : nullptr, own.tallies[l]);
  if (is_watched && !own.flipped.empty())
    index->signs_flipped(row, own.flipped, read_row(layer.weights, row, own.widened));
}

}  // namespace fewfire
