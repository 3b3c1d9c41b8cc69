/* Predictions of a fewfire network on a small device, from an image that is only read.

   C99; no heap, no floating point, and of the C library only memcpy, if a compiler asks for it.
   Images are little-endian and must lie at a multiple of 4 bytes. docs/device.md tells the format. */
#ifndef FEWFIRE_H
#define FEWFIRE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
  FF_OK = 0,
  FF_MISPLACED = -1, /* the image does not lie at a multiple of 4 bytes */
  FF_FOREIGN = -2,   /* no image, or of another version or size */
  FF_DAMAGED = -3,   /* its checksum is another */
  FF_WRONG = -4,     /* its layers do not fit together */
  FF_UNORDERED = -5  /* features do not ascend, or are none of the model's */
};

typedef struct {
  uint16_t id;   /* of the input, from 0 */
  uint8_t value; /* not 0 */
} ff_feature;

/* FF_OK, or what is wrong with the image. No other function looks again: call this one first. */
int ff_check(const void* image, size_t bytes);

/* Bytes of scratch, at a multiple of 4, that the functions below write to. */
size_t ff_scratch_bytes(const void* image);

/* Writes the scores of all outputs; returns the best output, of equal ones the first.
   x: a byte for each input. */
int ff_predict(const void* image, const uint8_t* x, void* scratch, int32_t* logits);

/* Writes the k best outputs and their scores, best first, of equal ones the first; returns how many,
   or FF_UNORDERED. x: the n inputs that are not 0, ascending. */
int ff_topk(const void* image, const ff_feature* x, size_t n, void* scratch, uint32_t k, uint32_t* labels,
            int32_t* scores);

#ifdef __cplusplus
}
#endif
#endif
