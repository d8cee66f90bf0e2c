// Element-wise activations and their derivatives.

enum Kind { RELU = 0, SIGMOID = 1, TANH = 2, LEAKY = 3 };

template <typename T> __device__ __forceinline__ T value(int kind, T slope, T x) {
    switch (kind) {
    // This way round, NaN stays NaN.
    case RELU: return x <= T(0) ? T(0) : x;
    case SIGMOID: return T(1) / (T(1) + exp(-x));
    case TANH: return tanh(x);
    default: return x > T(0) ? x : x * slope;
    }
}

// The gradient before the activation, from the value y; for leaky ReLU, whose value may have another sign, from x. A choice rather than a
// product: ∞ · 0 would be NaN. ReLU passes a gradient on at NaN, as in PyTorch.
template <typename T> __device__ __forceinline__ T before(int kind, T slope, T known, T g) {
    switch (kind) {
    case RELU: return known <= T(0) ? T(0) : g;
    case SIGMOID: return g * (known * (T(1) - known));
    case TANH: return g * (T(1) - known * known);
    default: return known > T(0) ? g : g * slope;
    }
}

#define FOR_ALL(i) for (size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x; i < n; i += (size_t)gridDim.x * blockDim.x)

#define KERNELS(T, NAME)                                                                                                       \
    extern "C" __global__ void activation_##NAME(size_t n, int kind, T slope, const T *x, T *y) {                              \
        FOR_ALL(i) y[i] = value(kind, slope, x[i]);                                                                            \
    }                                                                                                                          \
    extern "C" __global__ void activation_backward_##NAME(size_t n, int kind, T slope, const T *known, const T *g, T *dx) {    \
        FOR_ALL(i) dx[i] = before(kind, slope, known[i], g[i]);                                                                \
    }                                                                                                                          \
    /* relu(a + b) */                                                                                                          \
    extern "C" __global__ void add_relu_##NAME(size_t n, const T *a, const T *b, T *y) {                                       \
        FOR_ALL(i) y[i] = value(RELU, T(0), a[i] + b[i]);                                                                      \
    }                                                                                                                          \
    /* y [..., channels, inner] with a number for each channel added. */                                                       \
    extern "C" __global__ void add_to_channels_##NAME(size_t n, unsigned channels, unsigned inner, const T *y, const T *bias,  \
                                                      T *sum) {                                                                \
        FOR_ALL(i) sum[i] = y[i] + bias[(unsigned)i / inner % channels];                                                       \
    }

KERNELS(float, f32)
KERNELS(double, f64)
