// Batch normalization of x [N, C, places] in training, after which a (leaky) ReLU may follow. Sums are taken in double.
//
// The grid is (C, parts): a block takes every parts-th piece of a channel. What blocks have summed up meets in the next launch, so
// the result depends on the shape alone.
#include "common.cuh"

// The elements of a channel that this block takes, one after another: `at` is the place of one in x.
#define FOR_ELEMENTS(at)                                                                                                   \
    for (unsigned e = blockIdx.y * blockDim.x + threadIdx.x; e < n * places; e += gridDim.y * blockDim.x)                  \
        for (size_t at = ((size_t)(e / places) * gridDim.x + blockIdx.x) * places + e % places, once = 1; once; once = 0)

// The sums of all blocks of this channel.
__device__ __forceinline__ Pair all_parts(const Pair *parts) {
    Pair sum = {0.0, 0.0};
    for (unsigned part = 0; part < gridDim.y; part++) {
        const Pair one = parts[blockIdx.x * gridDim.y + part];
        sum.a += one.a;
        sum.b += one.b;
    }
    return sum;
}

// Σ (x - k) and Σ (x - k)², with k the first number of the channel: near its mean, so that the squares keep their digits.
template <typename T> __device__ void moments(unsigned n, unsigned places, const T *x, Pair *parts) {
    const double k = x[(size_t)blockIdx.x * places];
    Pair sum = {0.0, 0.0};
    FOR_ELEMENTS(at) {
        const double d = (double)x[at] - k;
        sum.a += d;
        sum.b += d * d;
    }
    sum = block_sum(sum);
    if (threadIdx.x == 0) parts[blockIdx.x * gridDim.y + blockIdx.y] = sum;
}

// y = (x - mean) scale + shift
template <typename T> struct Line {
    T mean, scale, shift;

    __device__ Line(double mean, double rstd, const T *weight, const T *bias)
        : mean((T)mean), scale((T)((weight ? (double)weight[blockIdx.x] : 1.0) * rstd)), shift(bias ? bias[blockIdx.x] : T(0)) {}

    __device__ __forceinline__ T at(T x) const { return fma(x - mean, scale, shift); }
};

template <typename T>
__device__ void forward(unsigned n, unsigned places, const T *x, const T *weight, const T *bias, double eps, int after, T slope,
                        const Pair *parts, T *y, double *means, double *vars) {
    const Pair sum = all_parts(parts);
    const double count = (double)n * places, shift = sum.a / count, square = sum.b / count - shift * shift;
    const double mean = (double)x[(size_t)blockIdx.x * places] + shift, var = square < 0.0 ? 0.0 : square;
    const Line<T> line(mean, 1.0 / sqrt(var + eps), weight, bias);
    FOR_ELEMENTS(at) y[at] = after_value(line.at(x[at]), after, slope);
    if (blockIdx.y == 0 && threadIdx.x == 0) {
        means[blockIdx.x] = mean;
        vars[blockIdx.x] = var;
    }
}

// Σ g and Σ g (x - mean), with the gradient before what comes after.
template <typename T>
__device__ void sums(unsigned n, unsigned places, const T *g, const T *x, const T *weight, const T *bias, double eps, int after,
                     T slope, const double *means, const double *vars, Pair *parts) {
    const Line<T> line(means[blockIdx.x], 1.0 / sqrt(vars[blockIdx.x] + eps), weight, bias);
    Pair sum = {0.0, 0.0};
    FOR_ELEMENTS(at) {
        const double before = after_before(line.at(x[at]), g[at], after, slope);
        sum.a += before;
        sum.b += before * (double)(x[at] - line.mean);
    }
    sum = block_sum(sum);
    if (threadIdx.x == 0) parts[blockIdx.x * gridDim.y + blockIdx.y] = sum;
}

// dx = γ/σ (g - Σ g / m - d Σ g d / (m σ²)),  dγ = Σ g d / σ,  dβ = Σ g,  with d = x - mean and m numbers in a channel.
template <typename T>
__device__ void backward(unsigned n, unsigned places, const T *g, const T *x, const T *weight, const T *bias, double eps, int after,
                         T slope, const double *means, const double *vars, const Pair *parts, T *dx, T *dweight, T *dbias) {
    const double rstd = 1.0 / sqrt(vars[blockIdx.x] + eps);
    const Line<T> line(means[blockIdx.x], rstd, weight, bias);
    const Pair sum = all_parts(parts);
    const double factor = (double)line.scale / ((double)n * places);
    const T constant = (T)(sum.a * factor), steep = (T)(sum.b * rstd * rstd * factor);
    FOR_ELEMENTS(at) {
        const T before = after_before(line.at(x[at]), g[at], after, slope);
        dx[at] = fma(before, line.scale, -fma(x[at] - line.mean, steep, constant));
    }
    if (blockIdx.y == 0 && threadIdx.x == 0) {
        if (dweight) dweight[blockIdx.x] = (T)(sum.b * rstd);
        if (dbias) dbias[blockIdx.x] = (T)sum.a;
    }
}

// running ← running + share (new - running), and the number of batches one more. A share below 0 stands for 1 / batches.
template <typename T>
__device__ void carry(unsigned channels, const double *means, const double *vars, double unbiased, double share, T *mean, T *var,
                      T *batches) {
    const double count = (double)*batches + 1.0;
    __syncthreads();
    if (share < 0.0) share = 1.0 / count;
    for (unsigned c = threadIdx.x; c < channels; c += blockDim.x) {
        mean[c] = (T)((1.0 - share) * (double)mean[c] + share * means[c]);
        var[c] = (T)((1.0 - share) * (double)var[c] + share * unbiased * vars[c]);
    }
    if (threadIdx.x == 0) *batches = (T)count;
}

#define KERNELS(T, NAME)                                                                                                            \
    extern "C" __global__ void batch_moments_##NAME(unsigned n, unsigned places, const T *x, Pair *parts) {                         \
        moments<T>(n, places, x, parts);                                                                                            \
    }                                                                                                                               \
    extern "C" __global__ void batch_forward_##NAME(unsigned n, unsigned places, const T *x, const T *weight, const T *bias,        \
                                                    double eps, int after, T slope, const Pair *parts, T *y, double *means,         \
                                                    double *vars) {                                                                 \
        forward<T>(n, places, x, weight, bias, eps, after, slope, parts, y, means, vars);                                           \
    }                                                                                                                               \
    extern "C" __global__ void batch_sums_##NAME(unsigned n, unsigned places, const T *g, const T *x, const T *weight,              \
                                                 const T *bias, double eps, int after, T slope, const double *means,                \
                                                 const double *vars, Pair *parts) {                                                 \
        sums<T>(n, places, g, x, weight, bias, eps, after, slope, means, vars, parts);                                              \
    }                                                                                                                               \
    extern "C" __global__ void batch_backward_##NAME(unsigned n, unsigned places, const T *g, const T *x, const T *weight,          \
                                                     const T *bias, double eps, int after, T slope, const double *means,            \
                                                     const double *vars, const Pair *parts, T *dx, T *dweight, T *dbias) {          \
        backward<T>(n, places, g, x, weight, bias, eps, after, slope, means, vars, parts, dx, dweight, dbias);                      \
    }                                                                                                                               \
    extern "C" __global__ void batch_carry_##NAME(unsigned channels, const double *means, const double *vars, double unbiased,      \
                                                  double share, T *mean, T *var, T *batches) {                                      \
        carry<T>(channels, means, vars, unbiased, share, mean, var, batches);                                                       \
    }

KERNELS(float, f32)
KERNELS(double, f64)
