/*
 * What cuBLAS leaves to be done of a BERT encoder at full depth, for the bench peer jcuda. All
 * arrays are row-major and float; the rows of a batch are padded to the same number of tokens.
 */
#define WARP 32
#define WARPS 4 /* of a block, but judge's */
#define BLOCK (WARP * WARPS)
#define EVERY_LANE 0xffffffffu

static __device__ __forceinline__ float warp_sum(float v) {
  for (int mask = WARP / 2; mask > 0; mask /= 2) {
    v += __shfl_xor_sync(EVERY_LANE, v, mask);
  }
  return v;
}

static __device__ __forceinline__ float warp_max(float v) {
  for (int mask = WARP / 2; mask > 0; mask /= 2) {
    v = fmaxf(v, __shfl_xor_sync(EVERY_LANE, v, mask));
  }
  return v;
}

/* Not static: its array would get a name that depends on the compiler's folder. */
__device__ __forceinline__ float block_sum(float v) {
  __shared__ float parts[WARPS];
  v = warp_sum(v);
  __syncthreads(); /* parts of the last sum have been read */
  if (threadIdx.x % WARP == 0) {
    parts[threadIdx.x / WARP] = v;
  }
  __syncthreads();
  return (parts[0] + parts[1]) + (parts[2] + parts[3]);
}

/* Layer norm of a token in place; each thread has summed up the elements that it wrote. */
static __device__ __forceinline__ void normalize(
    float* x, float sum, const float* gamma, const float* beta, float epsilon, int width) {
  float mean = block_sum(sum) / width;
  sum = 0.0f;
  for (int j = threadIdx.x; j < width; j += BLOCK) {
    sum += (x[j] - mean) * (x[j] - mean);
  }
  float scale = rsqrtf(block_sum(sum) / width + epsilon);
  for (int j = threadIdx.x; j < width; j += BLOCK) {
    x[j] = (x[j] - mean) * scale * gamma[j] + beta[j];
  }
}

/* Embeddings and their layer norm; a block for each token, all of type 0. out (tokens, width) */
extern "C" __global__ void embed(
    const int* ids,
    int tokens,
    const float* words,
    const float* positions,
    const float* types,
    const float* gamma,
    const float* beta,
    float epsilon,
    int width,
    float* out) {
  const float* word = words + (long)ids[blockIdx.x] * width;
  const float* position = positions + (long)(blockIdx.x % tokens) * width;
  float* x = out + (long)blockIdx.x * width;
  float sum = 0.0f;
  for (int j = threadIdx.x; j < width; j += BLOCK) {
    x[j] = word[j] + position[j] + types[j];
    sum += x[j];
  }
  normalize(x, sum, gamma, beta, epsilon, width);
}

/* Layer norm of product + bias + residual; a block for each token. All are (tokens, width). */
extern "C" __global__ void add_norm(
    const float* product,
    const float* bias,
    const float* residual,
    const float* gamma,
    const float* beta,
    float epsilon,
    int width,
    float* out) {
  long at = (long)blockIdx.x * width;
  float sum = 0.0f;
  for (int j = threadIdx.x; j < width; j += BLOCK) {
    out[at + j] = product[at + j] + bias[j] + residual[at + j];
    sum += out[at + j];
  }
  normalize(out + at, sum, gamma, beta, epsilon, width);
}

/* x (tokens, width) + bias, then 0: nothing, 1: GELU, 2: ReLU; a block for each token. */
extern "C" __global__ void add_bias(float* x, const float* bias, int width, int activation) {
  x += (long)blockIdx.x * width;
  for (int j = threadIdx.x; j < width; j += BLOCK) {
    float v = x[j] + bias[j];
    if (activation == 1) {
      v *= 0.5f * (1.0f + erff(v * 0.70710678f));
    } else if (activation == 2) {
      v = fmaxf(v, 0.0f);
    }
    x[j] = v;
  }
}

/* Softmax of scores (rows, heads, tokens, tokens) in place; a warp for each line; padding gets 0. */
extern "C" __global__ void softmax(
    float* scores, const int* lengths, int lines, int heads, int tokens, float scale) {
  int line = blockIdx.x * WARPS + threadIdx.x / WARP;
  int lane = threadIdx.x % WARP;
  if (line >= lines) {
    return; /* the whole warp */
  }
  int length = lengths[line / (heads * tokens)];
  float* x = scores + (long)line * tokens;
  float most = -INFINITY;
  for (int j = lane; j < length; j += WARP) {
    most = fmaxf(most, x[j] * scale);
  }
  most = warp_max(most);
  float sum = 0.0f;
  for (int j = lane; j < length; j += WARP) {
    x[j] = expf(x[j] * scale - most);
    sum += x[j];
  }
  sum = warp_sum(sum);
  for (int j = lane; j < tokens; j += WARP) {
    x[j] = j < length ? x[j] / sum : 0.0f;
  }
}

/* 0: mean, 1: first, 2: largest of a row's tokens; a block for each row. out (rows, width) */
extern "C" __global__ void pool(
    const float* in, const int* lengths, int tokens, int width, int pooling, float* out) {
  const float* x = in + (long)blockIdx.x * tokens * width;
  int length = pooling == 1 ? 1 : lengths[blockIdx.x];
  for (int j = threadIdx.x; j < width; j += BLOCK) {
    float v = x[j];
    for (int p = 1; p < length; p++) {
      float other = x[(long)p * width + j];
      v = pooling == 0 ? v + other : fmaxf(v, other);
    }
    out[(long)blockIdx.x * width + j] = pooling == 0 ? v / length : v;
  }
}

/* Softmax of logits (rows, classes) + bias; a thread for each row. 0: top-1, 1: margin, 2: entropy */
extern "C" __global__ void judge(
    const float* logits,
    const float* bias,
    int rows,
    int classes,
    int confidence,
    int* predictions,
    float* confidences) {
  int row = blockIdx.x * blockDim.x + threadIdx.x;
  if (row >= rows) {
    return;
  }
  const float* x = logits + (long)row * classes;
  int best = 0;
  for (int c = 1; c < classes; c++) {
    best = x[c] + bias[c] > x[best] + bias[best] ? c : best;
  }
  float sum = 0.0f;
  float second = 0.0f;
  float weighted = 0.0f;
  for (int c = 0; c < classes; c++) {
    float d = x[c] + bias[c] - (x[best] + bias[best]);
    float e = expf(d);
    sum += e;
    weighted += d * e;
    second = c == best ? second : fmaxf(second, e);
  }
  /* The entropy is log(sum) - weighted / sum, since log p = d - log(sum). */
  float entropy = classes == 1 ? 0.0f : (logf(sum) - weighted / sum) / logf((float)classes);
  predictions[row] = best;
  confidences[row] =
      confidence == 0 ? 1.0f / sum : confidence == 1 ? (1.0f - second) / sum : 1.0f - entropy;
}
