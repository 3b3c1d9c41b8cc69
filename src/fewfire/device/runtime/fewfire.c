/* Weights are unsigned: w + 128 of 8 bits, w + 8 of 4. A word holds those of one input for 4 rows, or
   for 8; two or four of them are multiplied at once, in lanes of 16 bits. The numpy twin that this must
   equal bit for bit is src/fewfire/device/integer.py. */
#include "fewfire.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "images are little-endian"
#endif

#define MAGIC 0x31465746u /* FWF1 */
#define HEAD_WORDS 8u
#define LAYER_WORDS 4u
#define MOST_LAYERS 64u
#define MOST 65535u /* rows, columns and inputs: lists keep 16 bits of each */

enum { LOGITS, SOFT, HARD }; /* kinds of layers */

typedef struct {
  uint32_t magic, bytes, crc, n_layers, n_inputs, n_outputs, zeros[2];
} head;

typedef struct {
  uint32_t n_rows, n_columns, active;
  uint8_t kind, bits, zeros[2];
} layer;

/* The values of a layer's input that are not 0. */
typedef struct {
  uint16_t* ids;
  uint8_t* values;
  uint32_t n, sum;
} list;

static const head* head_of(const void* image) { return (const head*)image; }

static const layer* layers_of(const void* image) {
  return (const layer*)(const void*)((const uint32_t*)image + HEAD_WORDS);
}

static uint32_t mask_words(const head* h) { return (h->n_inputs + 31) / 32; }

static uint32_t weight_words(const layer* l) {
  return (l->bits == 8 ? (l->n_rows + 3) / 4 : (l->n_rows + 7) / 8) * l->n_columns;
}

static uint32_t ones(uint32_t x) {
  x -= x >> 1 & 0x55555555u;
  x = (x & 0x33333333u) + (x >> 2 & 0x33333333u);
  return (((x + (x >> 4)) & 0x0f0f0f0fu) * 0x01010101u) >> 24;
}

static uint32_t crc_of(const uint8_t* at, uint32_t n) {
  uint32_t crc = ~0u;
  while (n--) {
    crc ^= *at++;
    for (int k = 0; k < 8; ++k) crc = crc >> 1 ^ (0xedb88320u & (0u - (crc & 1)));
  }
  return ~crc;
}

/* Whether the layer reads n inputs and takes no more than `left` words, which then shrinks. */
static int fits(const layer* l, uint32_t n, int is_last, uint32_t* left) {
  if (l->n_rows == 0 || l->n_rows > MOST || l->n_columns != n || l->active == 0) return 0;
  if (is_last ? l->kind != LOGITS : l->kind != SOFT && l->kind != HARD) return 0;
  if ((l->bits != 8 && l->bits != 4) || l->zeros[0] || l->zeros[1]) return 0;
  const uint32_t words = weight_words(l) + 2 * l->n_rows; /* below 2^30 */
  if (words > *left) return 0;
  *left -= words;
  return 1;
}

int ff_check(const void* image, size_t bytes) {
  const head* h = head_of(image);
  if ((uintptr_t)image % 4) return FF_MISPLACED;
  if (bytes < 4 * HEAD_WORDS || bytes % 4 || h->magic != MAGIC || h->bytes != bytes) return FF_FOREIGN;
  if (crc_of((const uint8_t*)image + 12, h->bytes - 12) != h->crc) return FF_DAMAGED;
  if (h->n_layers == 0 || h->n_layers > MOST_LAYERS || h->n_inputs == 0 || h->n_inputs > MOST) return FF_WRONG;
  if (h->zeros[0] || h->zeros[1]) return FF_WRONG;
  uint32_t left = h->bytes / 4 - HEAD_WORDS, n = 0;
  const uint32_t used = h->n_layers * LAYER_WORDS + mask_words(h);
  if (used > left) return FF_WRONG;
  left -= used;
  const layer* l = layers_of(image);
  const uint32_t* mask = (const uint32_t*)(const void*)(l + h->n_layers);
  if (h->n_inputs % 32 && mask[mask_words(h) - 1] >> h->n_inputs % 32) return FF_WRONG;
  for (uint32_t i = 0; i < mask_words(h); ++i) n += ones(mask[i]);
  for (uint32_t i = 0; i < h->n_layers; n = l[i++].n_rows)
    if (n == 0 || !fits(l + i, n, i + 1 == h->n_layers, &left)) return FF_WRONG;
  return left == 0 && n == h->n_outputs ? FF_OK : FF_WRONG;
}

/* Entries of the lists, and scores of a hidden layer, that there must be room for. */
static void sizes(const void* image, uint32_t* n_list, uint32_t* n_scores) {
  const layer* l = layers_of(image);
  *n_list = l->n_columns;
  *n_scores = 0;
  for (uint32_t i = 1; i < head_of(image)->n_layers; ++i)
    if (l[i].n_columns > *n_scores) *n_scores = l[i].n_columns;
  if (*n_scores > *n_list) *n_list = *n_scores;
}

size_t ff_scratch_bytes(const void* image) {
  uint32_t n_list, n_scores;
  sizes(image, &n_list, &n_scores);
  return ((size_t)n_scores * 4 + (size_t)n_list * 3 + 3) / 4 * 4;
}

/* Four rows: sums[k] = first + the sum of w[k] x, each product below 2^16. */
static void add8(const uint32_t* words, const list* in, uint32_t first, uint32_t* sums) {
  uint32_t even = 0, even_high = 0, odd = 0, odd_high = 0;
  const uint16_t* id = in->ids;
  const uint8_t *x = in->values, *end = x + in->n;
  while (x != end) {
    const uint32_t w = words[*id++], value = *x++;
    const uint32_t e = (w & 0x00ff00ffu) * value, o = (w >> 8 & 0x00ff00ffu) * value;
    even += e, even_high += e >> 16;
    odd += o, odd_high += o >> 16;
  }
  sums[0] = first + even - (even_high << 16), sums[2] = first + even_high;
  sums[1] = first + odd - (odd_high << 16), sums[3] = first + odd_high;
}

/* Eight rows. A lane of 16 bits has room for 16 products of a 4-bit weight. */
static void add4(const uint32_t* words, const list* in, uint32_t first, uint32_t* sums) {
  const uint16_t* id = in->ids;
  const uint8_t *x = in->values, *end = x + in->n;
  for (uint32_t k = 0; k < 8; ++k) sums[k] = first;
  while (x != end) {
    uint32_t a = 0, b = 0, c = 0, d = 0;
    const uint8_t* stop = end - x > 16 ? x + 16 : end;
    while (x != stop) {
      const uint32_t w = words[*id++], value = *x++;
      a += (w & 0x000f000fu) * value, b += (w >> 4 & 0x000f000fu) * value;
      c += (w >> 8 & 0x000f000fu) * value, d += (w >> 12 & 0x000f000fu) * value;
    }
    sums[0] += a & 0xffffu, sums[4] += a >> 16;
    sums[1] += b & 0xffffu, sums[5] += b >> 16;
    sums[2] += c & 0xffffu, sums[6] += c >> 16;
    sums[3] += d & 0xffffu, sums[7] += d >> 16;
  }
}

/* Where the scores of rows go, in turn. */
typedef struct {
  int32_t* scores; /* of all rows or, where k is not 0, of the k best */
  uint32_t* labels;
  uint32_t k, n;
} answer;

static answer to_all(int32_t* scores) {
  answer a;
  a.scores = scores;
  a.labels = NULL;
  a.k = a.n = 0;
  return a;
}

static void take(answer* a, uint32_t row, int32_t z) {
  if (a->k == 0) {
    a->scores[row] = z;
    return;
  }
  if (a->n == a->k && z <= a->scores[a->k - 1]) return;
  uint32_t i = a->n < a->k ? a->n++ : a->k - 1;
  for (; i > 0 && z > a->scores[i - 1]; --i) a->scores[i] = a->scores[i - 1], a->labels[i] = a->labels[i - 1];
  a->scores[i] = z, a->labels[i] = row;
}

/* z = ((sum of w x + bias) multiplier) / 2^20, down; returns where the next layer's weights begin. */
static const uint32_t* score(const layer* l, const uint32_t* words, const list* in, answer* a) {
  const uint32_t per_block = l->bits == 8 ? 4 : 8;
  const uint32_t first = 0u - (l->bits == 8 ? 128u : 8u) * in->sum;
  const int32_t* multipliers = (const int32_t*)(const void*)(words + weight_words(l));
  const int32_t* biases = multipliers + l->n_rows;
  for (uint32_t row = 0; row < l->n_rows; words += l->n_columns) {
    uint32_t sums[8];
    (per_block == 4 ? add8 : add4)(words, in, first, sums);
    for (uint32_t k = 0; k < per_block && row < l->n_rows; ++k, ++row) {
      const int32_t sum = (int32_t)(sums[k] + (uint32_t)biases[row]);
      take(a, row, (int32_t)((int64_t)sum * multipliers[row] >> 20));
    }
  }
  return (const uint32_t*)(const void*)(biases + l->n_rows);
}

static void swap(int32_t* z, uint16_t* ids, uint32_t i, uint32_t j) {
  const int32_t score_i = z[i];
  const uint16_t id = ids[i];
  z[i] = z[j], ids[i] = ids[j];
  z[j] = score_i, ids[j] = id;
}

/* The largest score but n, with the n larger ones before it (Hoare). */
static int32_t largest_after(int32_t* z, uint16_t* ids, uint32_t n_all, uint32_t n) {
  int32_t low = 0, high = (int32_t)n_all - 1, at = (int32_t)n;
  while (low < high) {
    const int32_t pivot = z[(low + high) / 2];
    int32_t i = low, j = high;
    while (i <= j) {
      while (z[i] > pivot) ++i;
      while (z[j] < pivot) --j;
      if (i <= j) swap(z, ids, (uint32_t)i++, (uint32_t)j--);
    }
    if (at <= j)
      high = j;
    else if (at >= i)
      low = i;
    else
      break;
  }
  return z[n];
}

/* The scores z become the next layer's input: what is above the best row that is not kept, in bytes. */
static void keep(const layer* l, int32_t* z, list* in) {
  uint32_t n = 0, kept = 0;
  for (uint32_t row = 0; row < l->n_rows; ++row)
    if (z[row] > 0) z[n] = z[row], in->ids[n++] = (uint16_t)row;
  const int32_t cut = n > l->active ? largest_after(z, in->ids, n, l->active) : 0;
  if (n > l->active) n = l->active;
  in->sum = 0;
  for (uint32_t i = 0; i < n; ++i) {
    uint32_t x = (uint32_t)z[i] - (l->kind == SOFT ? (uint32_t)cut : 0u);
    x = z[i] > cut ? (x >> 8) + (x >> 7 & 1) : 0;
    if (x > 255) x = 255;
    if (x == 0) continue;
    in->ids[kept] = in->ids[i];
    in->values[kept++] = (uint8_t)x;
    in->sum += x;
  }
  in->n = kept;
}

static list begin(const void* image, void* scratch) {
  uint32_t n_list, n_scores;
  list in;
  in.n = in.sum = 0;
  sizes(image, &n_list, &n_scores);
  in.ids = (uint16_t*)(void*)((int32_t*)scratch + n_scores);
  in.values = (uint8_t*)(in.ids + n_list);
  return in;
}

static void add(list* in, uint32_t column, uint32_t value) {
  in->ids[in->n] = (uint16_t)column;
  in->values[in->n++] = (uint8_t)value;
  in->sum += value;
}

static void run(const void* image, void* scratch, list* in, answer* a) {
  const head* h = head_of(image);
  const layer *l = layers_of(image), *last = l + h->n_layers - 1;
  const uint32_t* words = (const uint32_t*)(const void*)(last + 1) + mask_words(h);
  for (; l != last; ++l) {
    answer hidden = to_all((int32_t*)scratch);
    words = score(l, words, in, &hidden);
    keep(l, (int32_t*)scratch, in);
  }
  score(l, words, in, a);
}

int ff_predict(const void* image, const uint8_t* x, void* scratch, int32_t* logits) {
  const head* h = head_of(image);
  const uint32_t* mask = (const uint32_t*)(const void*)(layers_of(image) + h->n_layers);
  list in = begin(image, scratch);
  uint32_t column = 0, best = 0;
  for (uint32_t j = 0; j < h->n_inputs; ++j) {
    const uint32_t is_read = mask[j / 32] >> j % 32 & 1;
    if (is_read && x[j]) add(&in, column, x[j]);
    column += is_read;
  }
  answer a = to_all(logits);
  run(image, scratch, &in, &a);
  for (uint32_t i = 1; i < h->n_outputs; ++i)
    if (logits[i] > logits[best]) best = i;
  return (int)best;
}

int ff_topk(const void* image, const ff_feature* x, size_t n, void* scratch, uint32_t k, uint32_t* labels,
            int32_t* scores) {
  const head* h = head_of(image);
  const uint32_t* mask = (const uint32_t*)(const void*)(layers_of(image) + h->n_layers);
  list in = begin(image, scratch);
  uint32_t column = 0, word = 0, next = 0;
  for (; n > 0; --n, ++x) {
    if (x->id < next || x->id >= h->n_inputs) return FF_UNORDERED;
    next = x->id + 1u;
    for (; word < x->id / 32u; ++word) column += ones(mask[word]);
    const uint32_t bit = 1u << x->id % 32;
    if ((mask[word] & bit) && x->value) add(&in, column + ones(mask[word] & (bit - 1)), x->value);
  }
  if (k == 0) return 0;
  answer a = to_all(scores);
  a.labels = labels;
  a.k = k;
  run(image, scratch, &in, &a);
  return (int)a.n;
}
