/* Computes all examples of x.bin and prints a hash of their scores, hosted or, with BOARD defined, on a
   bare Cortex-M3 through semihosting: there also the instructions (under -icount shift=0, a tick of SysTick is
   40 of them) and the stack of a prediction. ff_topk must agree with ff_predict everywhere. */
#include "fewfire.h"
#include "model.h"

static uint32_t scratch[MODEL_SCRATCH_BYTES / 4];
static int32_t logits[MODEL_OUTPUTS], scores[MODEL_OUTPUTS];
static uint32_t labels[MODEL_OUTPUTS];
static uint8_t x[MODEL_INPUTS];
static ff_feature features[MODEL_INPUTS];

static uint32_t hash, ticks;

#ifdef BOARD

#define SYSTICK ((volatile uint32_t*)0xE000E010)

extern uint32_t bss_end[], stack_top[];
int reset(void);

static int call(int op, const void* argument) {
  register int r0 __asm__("r0") = op;
  register const void* r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}

static int file;

static void open_inputs(void) {
  const uint32_t block[3] = {(uint32_t) "x.bin", 1 /* rb */, 5};
  file = call(1, block);
}

static int read_example(void) {
  const uint32_t block[3] = {(uint32_t)file, (uint32_t)x, MODEL_INPUTS};
  return call(6, block) == 0;
}

static void say(const char* name, uint32_t value) {
  char text[10], *at = text + 9;
  *at = 0;
  for (int i = 0; i < 8; ++i, value >>= 4) *--at = "0123456789abcdef"[value & 15];
  call(4, name);
  call(4, " ");
  call(4, at);
  call(4, "\n");
}

static uint32_t now(void) { return SYSTICK[2]; }

#else

#include <stdio.h>

static FILE* file;

static void open_inputs(void) { file = fopen("x.bin", "rb"); }

static int read_example(void) { return fread(x, 1, MODEL_INPUTS, file) == MODEL_INPUTS; }

static void say(const char* name, uint32_t value) { printf("%s %08x\n", name, (unsigned)value); }

static uint32_t now(void) { return 0; }

#endif

static int agrees(int best) {
  uint32_t n = 0;
  for (uint32_t j = 0; j < MODEL_INPUTS; ++j)
    if (x[j]) features[n].id = (uint16_t)j, features[n++].value = x[j];
  if (ff_topk(model_image, features, n, scratch, MODEL_OUTPUTS, labels, scores) != (int)MODEL_OUTPUTS) return 0;
  for (uint32_t k = 0; k < MODEL_OUTPUTS; ++k)
    if (scores[k] != logits[labels[k]] || (k && scores[k] > scores[k - 1])) return 0;
  return labels[0] == (uint32_t)best;
}

static uint32_t all(void) {
  uint32_t n = 0;
  if (ff_check(model_image, MODEL_IMAGE_BYTES) != FF_OK) return 0;
  if (ff_scratch_bytes(model_image) != MODEL_SCRATCH_BYTES) return 0;
  open_inputs();
  for (; read_example(); ++n) {
    const uint32_t before = now();
    const int best = ff_predict(model_image, x, scratch, logits);
    ticks += (before - now()) & 0xffffff;
    for (uint32_t k = 0; k < MODEL_OUTPUTS; ++k) hash = hash * 31u + (uint32_t)logits[k];
#ifndef FAST
    if (!agrees(best)) return 0;
#else
    (void)best, (void)agrees;
#endif
  }
  say("examples", n);
  say("hash", hash);
  return n;
}

#ifdef BOARD

static void paint(uint32_t* to) {
  uint32_t here;
  for (uint32_t* at = to; at < &here - 16; ++at) *at = 0xa5a5a5a5u;
}

int reset(void) {
  paint(bss_end);
  SYSTICK[1] = 0xffffff, SYSTICK[2] = 0, SYSTICK[0] = 5;
  const uint32_t n = all();
  const uint32_t* at = bss_end;
  while (*at == 0xa5a5a5a5u) ++at;
  if (n) say("instructions", ticks / n * 40);
  say("stack", (uint32_t)((const uint8_t*)stack_top - (const uint8_t*)at));
  call(0x18, (const void*)0x20026);
  return 0;
}

__attribute__((section(".vectors"), used)) static const void* vectors[16] = {stack_top, (void*)reset};

#else

int main(void) { return all() ? 0 : 1; }

#endif
