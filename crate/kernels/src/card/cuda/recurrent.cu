// What the cells of recurrent layers make of their sums, for one step, and the way back. The products with W are not computed here.
//
// Sums are W_ih x + b and W_hh h, [N, gates · hidden], and states [N, hidden]. On the way back, `later` is what the step after it has given
// through W_hh, if there is one.

template <typename T> __device__ __forceinline__ T sigmoid(T x) { return T(1) / (T(1) + exp(-x)); }

#define FOR_ALL(e) for (unsigned e = blockIdx.x * blockDim.x + threadIdx.x; e < n * hidden; e += gridDim.x * blockDim.x)
// Where the first of so many sums of element e stands.
#define FIRST(e, gates) ((size_t)((e) / hidden) * (gates) * hidden + (e) % hidden)

// h' = f(sum), f being tanh or ReLU
template <typename T> __device__ void plain_step(unsigned n, unsigned hidden, bool relu, const T *of_input, const T *of_state, T *h) {
    FOR_ALL(e) {
        const T sum = of_input[e] + of_state[e];
        h[e] = relu ? (sum <= T(0) ? T(0) : sum) : tanh(sum); // this way round, NaN stays NaN
    }
}

template <typename T> __device__ void plain_back(unsigned n, unsigned hidden, bool relu, const T *h, const T *dy, const T *later, T *dsums) {
    FOR_ALL(e) {
        const T dh = dy[e] + (later ? later[e] : T(0));
        dsums[e] = relu ? (h[e] <= T(0) ? T(0) : dh) : dh * (T(1) - h[e] * h[e]);
    }
}

// r, z = σ(sums),  q = W_hn h + b_hn,  m = tanh(sum of the input + r q),  h' = (1 - z) m + z h; kept are r, z, m and q.
template <typename T>
__device__ void gru_step(unsigned n, unsigned hidden, const T *of_input, const T *of_state, const T *bias, const T *before, T *h, T *kept) {
    FOR_ALL(e) {
        const size_t sums = FIRST(e, 3), keep = FIRST(e, 4);
        const T r = sigmoid(of_input[sums] + of_state[sums]), z = sigmoid(of_input[sums + hidden] + of_state[sums + hidden]);
        const T q = of_state[sums + 2 * hidden] + (bias ? bias[e % hidden] : T(0));
        const T m = tanh(of_input[sums + 2 * hidden] + r * q);
        h[e] = (T(1) - z) * m + z * before[e];
        kept[keep] = r;
        kept[keep + hidden] = z;
        kept[keep + 2 * hidden] = m;
        kept[keep + 3 * hidden] = q;
    }
}

// `past` is what goes to h past W_hh: of the step after it, if there is one, then of this.
template <typename T>
__device__ void gru_back(unsigned n, unsigned hidden, const T *kept, const T *before, const T *dy, const T *later, T *past, T *of_input,
                         T *of_state) {
    FOR_ALL(e) {
        const size_t sums = FIRST(e, 3), keep = FIRST(e, 4);
        const T r = kept[keep], z = kept[keep + hidden], m = kept[keep + 2 * hidden], q = kept[keep + 3 * hidden];
        const T dh = dy[e] + (later ? later[e] + past[e] : T(0));
        const T dm = dh * (T(1) - z) * (T(1) - m * m), dr = dm * q * (r * (T(1) - r)), dz = dh * (before[e] - m) * (z * (T(1) - z));
        past[e] = dh * z;
        of_input[sums] = of_state[sums] = dr;
        of_input[sums + hidden] = of_state[sums + hidden] = dz;
        of_input[sums + 2 * hidden] = dm;
        of_state[sums + 2 * hidden] = dm * r;
    }
}

// i, f, o = σ(sums), g = tanh(sum),  c' = f c + i g,  h' = o tanh(c'); kept are i, f, g and o.
template <typename T>
__device__ void lstm_step(unsigned n, unsigned hidden, const T *of_input, const T *of_state, const T *cell, T *h, T *next, T *kept) {
    FOR_ALL(e) {
        const size_t at = FIRST(e, 4);
        const T i = sigmoid(of_input[at] + of_state[at]), f = sigmoid(of_input[at + hidden] + of_state[at + hidden]);
        const T g = tanh(of_input[at + 2 * hidden] + of_state[at + 2 * hidden]);
        const T o = sigmoid(of_input[at + 3 * hidden] + of_state[at + 3 * hidden]);
        const T c = f * cell[e] + i * g;
        next[e] = c;
        h[e] = o * tanh(c);
        kept[at] = i;
        kept[at + hidden] = f;
        kept[at + 2 * hidden] = g;
        kept[at + 3 * hidden] = o;
    }
}

// `of_next` is the gradient of c', `of_cell` that of c, which may be the same place.
template <typename T>
__device__ void lstm_back(unsigned n, unsigned hidden, const T *kept, const T *cell, const T *next, const T *dy, const T *later,
                          const T *of_next, T *of_cell, T *dsums) {
    FOR_ALL(e) {
        const size_t at = FIRST(e, 4);
        const T i = kept[at], f = kept[at + hidden], g = kept[at + 2 * hidden], o = kept[at + 3 * hidden];
        const T dh = dy[e] + (later ? later[e] : T(0));
        const T shown = tanh(next[e]), dc = dh * (o * (T(1) - shown * shown)) + of_next[e];
        dsums[at] = dc * g * (i * (T(1) - i));
        dsums[at + hidden] = dc * cell[e] * (f * (T(1) - f));
        dsums[at + 2 * hidden] = dc * i * (T(1) - g * g);
        dsums[at + 3 * hidden] = dh * shown * (o * (T(1) - o));
        of_cell[e] = dc * f;
    }
}

#define KERNELS(T, NAME)                                                                                                       \
    extern "C" __global__ void plain_step_##NAME(unsigned n, unsigned hidden, unsigned relu, const T *of_input,                \
                                                 const T *of_state, T *h) {                                                    \
        plain_step<T>(n, hidden, relu, of_input, of_state, h);                                                                 \
    }                                                                                                                          \
    extern "C" __global__ void plain_back_##NAME(unsigned n, unsigned hidden, unsigned relu, const T *h, const T *dy,          \
                                                 const T *later, T *dsums) {                                                   \
        plain_back<T>(n, hidden, relu, h, dy, later, dsums);                                                                   \
    }                                                                                                                          \
    extern "C" __global__ void gru_step_##NAME(unsigned n, unsigned hidden, const T *of_input, const T *of_state,              \
                                               const T *bias, const T *before, T *h, T *kept) {                                \
        gru_step<T>(n, hidden, of_input, of_state, bias, before, h, kept);                                                     \
    }                                                                                                                          \
    extern "C" __global__ void gru_back_##NAME(unsigned n, unsigned hidden, const T *kept, const T *before, const T *dy,       \
                                               const T *later, T *past, T *of_input, T *of_state) {                            \
        gru_back<T>(n, hidden, kept, before, dy, later, past, of_input, of_state);                                             \
    }                                                                                                                          \
    extern "C" __global__ void lstm_step_##NAME(unsigned n, unsigned hidden, const T *of_input, const T *of_state,             \
                                                const T *cell, T *h, T *next, T *kept) {                                       \
        lstm_step<T>(n, hidden, of_input, of_state, cell, h, next, kept);                                                      \
    }                                                                                                                          \
    extern "C" __global__ void lstm_back_##NAME(unsigned n, unsigned hidden, const T *kept, const T *cell, const T *next,      \
                                                const T *dy, const T *later, const T *of_next, T *of_cell, T *dsums) {         \
        lstm_back<T>(n, hidden, kept, cell, next, dy, later, of_next, of_cell, dsums);                                         \
    }

KERNELS(float, f32)
KERNELS(double, f64)
