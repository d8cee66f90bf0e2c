// What the cell of an LSTM makes of its sums, for one step, and the way back.
//
// Sums and gates are [N, 4 hidden], in the order i, f, g, o; states are [N, hidden].

template <typename T> __device__ __forceinline__ T sigmoid(T x) { return T(1) / (T(1) + exp(-x)); }

#define FOR_ALL(e) for (unsigned e = blockIdx.x * blockDim.x + threadIdx.x; e < n * hidden; e += gridDim.x * blockDim.x)

// c' = f c + i g,  h = o tanh(c')
template <typename T>
__device__ void step(unsigned n, unsigned hidden, const T *of_input, const T *of_state, const T *cell, T *h, T *next, T *gates) {
    FOR_ALL(e) {
        const size_t at = (size_t)(e / hidden) * 4 * hidden + e % hidden;
        const T i = sigmoid(of_input[at] + of_state[at]), f = sigmoid(of_input[at + hidden] + of_state[at + hidden]);
        const T g = tanh(of_input[at + 2 * hidden] + of_state[at + 2 * hidden]);
        const T o = sigmoid(of_input[at + 3 * hidden] + of_state[at + 3 * hidden]);
        const T c = f * cell[e] + i * g;
        next[e] = c;
        h[e] = o * tanh(c);
        gates[at] = i;
        gates[at + hidden] = f;
        gates[at + 2 * hidden] = g;
        gates[at + 3 * hidden] = o;
    }
}

// The gradients of the sums and of c, from those of h and, if later steps give one, of c'.
template <typename T>
__device__ void back(unsigned n, unsigned hidden, const T *gates, const T *cell, const T *next, const T *dh, const T *later, T *dsums,
                     T *dcell) {
    FOR_ALL(e) {
        const size_t at = (size_t)(e / hidden) * 4 * hidden + e % hidden;
        const T i = gates[at], f = gates[at + hidden], g = gates[at + 2 * hidden], o = gates[at + 3 * hidden];
        const T shown = tanh(next[e]), dc = dh[e] * (o * (T(1) - shown * shown)) + (later ? later[e] : T(0));
        dsums[at] = dc * g * (i * (T(1) - i));
        dsums[at + hidden] = dc * cell[e] * (f * (T(1) - f));
        dsums[at + 2 * hidden] = dc * i * (T(1) - g * g);
        dsums[at + 3 * hidden] = dh[e] * shown * (o * (T(1) - o));
        dcell[e] = dc * f;
    }
}

#define KERNELS(T, NAME)                                                                                                       \
    extern "C" __global__ void lstm_step_##NAME(unsigned n, unsigned hidden, const T *of_input, const T *of_state,             \
                                                const T *cell, T *h, T *next, T *gates) {                                      \
        step<T>(n, hidden, of_input, of_state, cell, h, next, gates);                                                          \
    }                                                                                                                          \
    extern "C" __global__ void lstm_back_##NAME(unsigned n, unsigned hidden, const T *gates, const T *cell, const T *next,     \
                                                const T *dh, const T *later, T *dsums, T *dcell) {                             \
        back<T>(n, hidden, gates, cell, next, dh, later, dsums, dcell);                                                        \
    }

KERNELS(float, f32)
KERNELS(double, f64)
