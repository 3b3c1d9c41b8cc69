/* Damages images at random, half of them under a right checksum: each is refused or computed, and sanitizers
   see that nothing outside of the image and of scratch is touched. Arguments: how many, seed. Prints how many
   were tried, refused and computed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fewfire.h"
#include "model.h"

static uint64_t state;

static uint32_t draw(uint32_t n) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)((state >> 33) % n);
}

static uint32_t crc_of(const uint8_t* at, size_t n) {
  uint32_t crc = ~0u;
  while (n--) {
    crc ^= *at++;
    for (int k = 0; k < 8; ++k) crc = crc >> 1 ^ (0xedb88320u & (0u - (crc & 1)));
  }
  return ~crc;
}

/* Numbers at the edges of what fields can hold. */
static uint32_t number(void) {
  static const uint32_t edges[] = {0, 1, 2, 3, 4, 8, 31, 32, 255, 256, 65535, 65536, 0x7fffffff, 0x80000000, 0xffffffff};
  return draw(2) ? edges[draw(sizeof edges / sizeof *edges)] : draw(0x7fffffff);
}

static void damage(uint8_t* image, size_t size) {
  const uint32_t words = (uint32_t)(size / 4), head = words < 40 ? words : 40;
  for (uint32_t n = 1 + draw(3); n > 0; --n) {
    const uint32_t value = number(), at = draw(2) ? draw(head) : draw(words);
    if (draw(3) == 0)
      image[draw((uint32_t)size)] ^= (uint8_t)(1u << draw(8));
    else if (draw(2))
      memcpy(image + 4 * (size_t)at, &value, 4);
    else
      image[4 * (size_t)at + draw(4)] = (uint8_t)value;
  }
}

static int attempt(void) {
  size_t size = MODEL_IMAGE_BYTES;
  if (draw(8) == 0) size = draw(MODEL_IMAGE_BYTES / 4) * 4;
  uint8_t* image = malloc(size ? size : 1); /* of its very size: a read beyond is seen */
  memcpy(image, model_image, size);
  if (size >= 32) {
    const uint32_t own = (uint32_t)size;
    damage(image, size);
    if (draw(8)) memcpy(image + 4, &own, 4);
    if (draw(8)) memcpy(image, model_image, 4);
    const uint32_t crc = crc_of(image + 12, size - 12);
    if (draw(2)) memcpy(image + 8, &crc, 4);
  }
  const int is_right = ff_check(image, size) == FF_OK;
  if (is_right) {
    uint32_t head[6], label[3];
    int32_t score[3];
    memcpy(head, image, sizeof head);
    const uint32_t n_inputs = head[4], n_outputs = head[5];
    uint8_t* x = malloc(n_inputs);
    ff_feature* features = malloc(n_inputs * sizeof *features);
    int32_t* logits = malloc(n_outputs * sizeof *logits);
    void* scratch = malloc(ff_scratch_bytes(image));
    for (uint32_t j = 0; j < n_inputs; ++j) {
      x[j] = (uint8_t)(draw(2) ? draw(256) : 0);
      features[j].id = (uint16_t)(draw(50) ? j : draw(65536));
      features[j].value = x[j];
    }
    const int best = ff_predict(image, x, scratch, logits);
    if (best < 0 || (uint32_t)best >= n_outputs) abort();
    if (ff_topk(image, features, n_inputs, scratch, 3, label, score) > 3) abort();
    free(x), free(features), free(logits), free(scratch);
  }
  free(image);
  return is_right;
}

int main(int argc, char** argv) {
  const long n = argc > 1 ? atol(argv[1]) : 1000;
  long computed = 0;
  state = argc > 2 ? (uint64_t)atol(argv[2]) : 0;
  for (long i = 0; i < n; ++i) computed += attempt();
  printf("%ld %ld %ld\n", n, n - computed, computed);
  return 0;
}
