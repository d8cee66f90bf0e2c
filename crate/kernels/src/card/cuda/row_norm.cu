// Normalization of rows that lie one after another: layer normalization, and group normalization, whose rows are the groups of each
// sample. Sums are taken in double.
//
// The number j of a row r has the scale (r mod groups) · per + j / places: a row of layer normalization has a scale for each number
// (groups = 1, per = width, places = 1), one of group normalization a scale for each of its channels.
#include "common.cuh"

struct Scales {
    unsigned groups, per, places;

    __device__ __forceinline__ unsigned of(unsigned row, unsigned j) const { return row % groups * per + j / places; }
};

// A block is a row.
template <typename T>
__device__ void forward(unsigned width, Scales scales, const T *x, const T *weight, const T *bias, double eps, T *y, double *means,
                        double *vars) {
    const unsigned row = blockIdx.x;
    x += (size_t)row * width;
    y += (size_t)row * width;
    const double k = x[0];
    Pair sum = {0.0, 0.0};
    for (unsigned j = threadIdx.x; j < width; j += blockDim.x) {
        const double d = (double)x[j] - k;
        sum.a += d;
        sum.b += d * d;
    }
    sum = block_sum(sum);
    const double shift = sum.a / width, square = sum.b / width - shift * shift;
    const double mean = k + shift, var = square < 0.0 ? 0.0 : square;
    const T centre = (T)mean, rstd = (T)(1.0 / sqrt(var + eps));
    for (unsigned j = threadIdx.x; j < width; j += blockDim.x) {
        const unsigned at = scales.of(row, j);
        y[j] = fma((x[j] - centre) * rstd, weight ? weight[at] : T(1), bias ? bias[at] : T(0));
    }
    if (threadIdx.x == 0) {
        means[row] = mean;
        vars[row] = var;
    }
}

// dx = 1/σ (γ g - mean(γ g) - x̂ mean(γ g x̂))
template <typename T>
__device__ void backward(unsigned width, Scales scales, const T *g, const T *x, const T *weight, double eps, const double *means,
                         const double *vars, T *dx) {
    const unsigned row = blockIdx.x;
    g += (size_t)row * width;
    x += (size_t)row * width;
    dx += (size_t)row * width;
    const T centre = (T)means[row], rstd = (T)(1.0 / sqrt(vars[row] + eps));
    Pair sum = {0.0, 0.0};
    for (unsigned j = threadIdx.x; j < width; j += blockDim.x) {
        const double scaled = weight ? weight[scales.of(row, j)] * g[j] : g[j];
        sum.a += scaled;
        sum.b += scaled * (double)((x[j] - centre) * rstd);
    }
    sum = block_sum(sum);
    const T constant = (T)(sum.a / width), steep = (T)(sum.b / width);
    for (unsigned j = threadIdx.x; j < width; j += blockDim.x) {
        const T scaled = weight ? weight[scales.of(row, j)] * g[j] : g[j];
        dx[j] = (scaled - fma((x[j] - centre) * rstd, steep, constant)) * rstd;
    }
}

template <typename T> __device__ __forceinline__ void write(unsigned scale, Pair sum, T *dweight, T *dbias) {
    if (dweight) dweight[scale] = (T)sum.b;
    if (dbias) dbias[scale] = (T)sum.a;
}

// dγ = Σ g x̂ and dβ = Σ g over all rows. A block has 32 threads along x and some along y. Where each number has a scale of its own
// (places = 1), the threads along x take 32 scales beside each other, and those along y the rows; else a block takes one scale, and its
// threads the places. Where several blocks along y share a scale, they leave their parts, [blocks, scales].
template <typename T>
__device__ void parameters(unsigned rows, unsigned width, Scales scales, const T *g, const T *x, double eps, const double *means,
                           const double *vars, Pair *parts, T *dweight, T *dbias) {
    const bool beside = scales.places == 1;
    const unsigned count = scales.groups * scales.per;
    const unsigned scale = beside ? blockIdx.x * 32 + threadIdx.x : blockIdx.x;
    const unsigned step = beside ? blockDim.y : blockDim.y * 32;
    const unsigned first = blockIdx.y * step + (beside ? threadIdx.y : threadIdx.y * 32 + threadIdx.x);
    Pair sum = {0.0, 0.0};
    if (scale < count) {
        const unsigned group = scale / scales.per, start = scale % scales.per * scales.places;
        for (unsigned e = first; e < rows / scales.groups * scales.places; e += step * gridDim.y) {
            const unsigned row = e / scales.places * scales.groups + group;
            const size_t at = (size_t)row * width + start + e % scales.places;
            sum.a += (double)g[at];
            sum.b += (double)g[at] * (((double)x[at] - means[row]) / sqrt(vars[row] + eps));
        }
    }
    if (!beside) sum = warp_sum(sum);
    __shared__ Pair along_y[32][33];
    along_y[threadIdx.y][threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y == 0 && scale < count && (beside || threadIdx.x == 0)) {
        for (unsigned y = 1; y < blockDim.y; y++) {
            sum.a += along_y[y][threadIdx.x].a;
            sum.b += along_y[y][threadIdx.x].b;
        }
        if (gridDim.y == 1) write(scale, sum, dweight, dbias);
        else parts[blockIdx.y * count + scale] = sum;
    }
}

// The sum of all parts.
template <typename T> __device__ void together(unsigned count, unsigned blocks, const Pair *parts, T *dweight, T *dbias) {
    const unsigned scale = blockIdx.x * blockDim.x + threadIdx.x;
    if (scale >= count) return;
    Pair sum = {0.0, 0.0};
    for (unsigned block = 0; block < blocks; block++) {
        sum.a += parts[block * count + scale].a;
        sum.b += parts[block * count + scale].b;
    }
    write(scale, sum, dweight, dbias);
}

#define KERNELS(T, NAME)                                                                                                          \
    extern "C" __global__ void row_forward_##NAME(unsigned width, unsigned groups, unsigned per, unsigned places, const T *x,     \
                                                  const T *weight, const T *bias, double eps, T *y, double *means,                \
                                                  double *vars) {                                                                 \
        forward<T>(width, Scales{groups, per, places}, x, weight, bias, eps, y, means, vars);                                     \
    }                                                                                                                             \
    extern "C" __global__ void row_backward_##NAME(unsigned width, unsigned groups, unsigned per, unsigned places, const T *g,    \
                                                   const T *x, const T *weight, double eps, const double *means,                  \
                                                   const double *vars, T *dx) {                                                   \
        backward<T>(width, Scales{groups, per, places}, g, x, weight, eps, means, vars, dx);                                      \
    }                                                                                                                             \
    extern "C" __global__ void row_parameters_##NAME(unsigned rows, unsigned width, unsigned groups, unsigned per,                \
                                                     unsigned places, const T *g, const T *x, double eps, const double *means,    \
                                                     const double *vars, Pair *parts, T *dweight, T *dbias) {                     \
        parameters<T>(rows, width, Scales{groups, per, places}, g, x, eps, means, vars, parts, dweight, dbias);                   \
    }                                                                                                                             \
    extern "C" __global__ void row_together_##NAME(unsigned count, unsigned blocks, const Pair *parts, T *dweight, T *dbias) {    \
        together<T>(count, blocks, parts, dweight, dbias);                                                                        \
    }

KERNELS(float, f32)
KERNELS(double, f64)
