// A layer whose gate chooses the active rows of each example, one after another. Their values are a list,
// scaled and with a threshold taken off where the gate says so; gradient may flow to the row whose score the
// threshold is, which then joins the list on the way back.
#include "network/active.h"

namespace fewfire {
namespace {

bool fits(const Model& model, size_t l, Mode) { return model.layers[l].gate != nullptr; }

bool is_full(const Model&, size_t) { return false; }

// A slot more than the gate keeps: for the row of the threshold.
int64_t capacity(const Layer& layer, int64_t n_labels, Mode mode) {
  return layer.gate->capacity(layer.n_rows(), n_labels, mode) + 1;
}

// Between layers, ReLU rows that came out as 0 pass nothing on, forward or backward: they leave the list.
void store(const Choice& choice, Activation activation, bool is_last, int64_t e, Activity& activity) {
  const bool drops_zeros = activation == Activation::relu && !is_last;
  const int64_t begin = e * activity.capacity;
  int64_t n = 0;
  for (size_t i = 0; i < choice.rows.size(); ++i) {
    const float factor = choice.factors.empty() ? choice.scale : choice.scale * choice.factors[i];
    const float value = factor * activate(activation, choice.scores[i] - choice.threshold);
    activity.rows[begin + n] = choice.rows[i];
    activity.values[begin + n] = value;
    n += !(drops_zeros && value == 0.0f);
  }
  activity.counts[e] = n;
  activity.threshold_rows[e] = choice.threshold_row;
  activity.scales[e] = choice.scale;
}

void forward(const Model& model, size_t l, Workspace& space, Pool& pool) {
  const Layer& layer = model.layers[l];
  const bool is_last = l + 1 == model.layers.size(), forces = is_last && space.mode == Mode::train;
  pool.parallel_for(space.n_examples(), 1, [&](int64_t e, int thread) {
    ThreadSpace& own = space.threads[thread];
    Choice& choice = own.choice;
    choice.clear();
    layer.gate->choose(layer, {space.input_of(l, e), space.keys[e]},
                       forces ? space.labels[e] : std::span<const RowId>{}, space.mode, own.gates[l], choice,
                       own.ledgers[l]);
    store(choice, layer.activation, is_last, e, space.layers[l]);
    for (const RowId row : choice.rows) own.count(l, row, 1);
  });
}

// d loss / d value becomes d loss / d score.
void score_deltas(Activation activation, int64_t e, Activity& activity) {
  const std::span<float> deltas = activity.deltas_of(e);
  const std::span<const float> values = activity.active(e).values;
  const float scale = activity.scales[e];
  float total = 0.0f;
  for (size_t i = 0; i < deltas.size(); ++i) {
    deltas[i] *= scale * slope(activation, values[i] / scale);
    total += deltas[i];
  }
  if (activity.threshold_rows[e] < 0) return;
  const int64_t end = e * activity.capacity + activity.counts[e];
  activity.rows[end] = activity.threshold_rows[e];
  activity.deltas[end] = -total;
}

void pass_down(const Model& model, size_t l, Workspace& space, Pool& pool) {
  for (int64_t e = 0; e < space.n_examples(); ++e)
    score_deltas(model.layers[l].activation, e, space.layers[l]);
  if (space.passes_down(l)) pass_down_lists(model, l, space, pool);
}

}  // namespace

extern const LayerKind kGated;
const LayerKind kGated{.fits = fits,
                       .is_full = is_full,
                       .capacity = capacity,
                       .forward = forward,
                       .loss = loss_of_active,
                       .pass_down = pass_down,
                       .update = update_listed_rows};

}  // namespace fewfire
