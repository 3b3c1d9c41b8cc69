/* Exits with 0 if this device computes what the exporter did: the same scores for all vectors. */
#include "fewfire.h"
#include "model.h"
#include "vectors.h"

static uint32_t scratch[MODEL_SCRATCH_BYTES / 4];
static int32_t logits[MODEL_OUTPUTS];

static int run(void) {
  if (ff_check(model_image, MODEL_IMAGE_BYTES) != FF_OK) return 1;
  if (ff_scratch_bytes(model_image) != MODEL_SCRATCH_BYTES) return 2;
  for (unsigned i = 0; i < MODEL_VECTORS; ++i) {
    const int best = ff_predict(model_image, model_inputs[i], scratch, logits);
    for (unsigned k = 0; k < MODEL_OUTPUTS; ++k)
      if (logits[k] != model_logits[i][k] || logits[k] > logits[best]) return 3;
  }
  return 0;
}

int main(void) { return run(); }
