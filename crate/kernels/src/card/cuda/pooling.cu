// Pooling of planes [planes, inputs] over windows that tables describe: for each window its places, and for each place its windows, both
// filled up to one length, where NONE stands for nothing. Without a table, row i has the numbers from i · length on.

#define NONE 0xffffffffu
#define FOR_ALL(e, n) for (unsigned e = blockIdx.x * blockDim.x + threadIdx.x; e < n; e += gridDim.x * blockDim.x)

__device__ __forceinline__ unsigned entry(const unsigned *table, unsigned at) { return table ? table[at] : at; }

// The greatest number of each window, the first of equal ones; the last NaN if there is one. And where it stands.
template <typename T>
__device__ void max(unsigned planes, unsigned inputs, unsigned windows, unsigned length, const unsigned *places, const T *x, T *y,
                    unsigned *taken) {
    FOR_ALL(e, planes * windows) {
        const T *plane = x + (size_t)(e / windows) * inputs;
        unsigned best = entry(places, e % windows * length);
        for (unsigned slot = 1; slot < length; slot++) {
            const unsigned place = entry(places, e % windows * length + slot);
            if (place == NONE) continue;
            const T value = plane[place];
            if (value != value || value > plane[best]) best = place;
        }
        y[e] = plane[best];
        taken[e] = best;
    }
}

// Each place gathers the gradients of the windows that have taken it.
template <typename T>
__device__ void max_backward(unsigned planes, unsigned inputs, unsigned windows, unsigned length, const unsigned *in,
                             const unsigned *taken, const T *dy, T *dx) {
    FOR_ALL(e, planes * inputs) {
        const unsigned plane = e / inputs * windows, place = e % inputs;
        T sum = T(0);
        for (unsigned slot = 0; slot < length; slot++) {
            const unsigned window = entry(in, place * length + slot);
            if (window != NONE && taken[plane + window] == place) sum += dy[plane + window];
        }
        dx[e] = sum;
    }
}

// The sum of each row of a table.
template <typename T>
__device__ void sums(unsigned planes, unsigned inputs, unsigned rows, unsigned length, const unsigned *table, const T *x, T *y) {
    FOR_ALL(e, planes * rows) {
        const T *plane = x + (size_t)(e / rows) * inputs;
        T sum = T(0);
        for (unsigned slot = 0; slot < length; slot++) {
            const unsigned place = entry(table, e % rows * length + slot);
            if (place != NONE) sum += plane[place];
        }
        y[e] = sum;
    }
}

#define KERNELS(T, NAME)                                                                                                          \
    extern "C" __global__ void max_pool_##NAME(unsigned planes, unsigned inputs, unsigned windows, unsigned length,               \
                                               const unsigned *places, const T *x, T *y, unsigned *taken) {                       \
        max<T>(planes, inputs, windows, length, places, x, y, taken);                                                             \
    }                                                                                                                             \
    extern "C" __global__ void max_pool_backward_##NAME(unsigned planes, unsigned inputs, unsigned windows, unsigned length,      \
                                                        const unsigned *in, const unsigned *taken, const T *dy, T *dx) {          \
        max_backward<T>(planes, inputs, windows, length, in, taken, dy, dx);                                                      \
    }                                                                                                                             \
    extern "C" __global__ void pool_sums_##NAME(unsigned planes, unsigned inputs, unsigned rows, unsigned length,                 \
                                                const unsigned *table, const T *x, T *y) {                                        \
        sums<T>(planes, inputs, rows, length, table, x, y);                                                                       \
    }

KERNELS(float, f32)
KERNELS(double, f64)
