// Cross-entropy between logits [N, C] and class indices, and its gradient. A warp takes a row; sums are taken in double.
//
// Labels are not looked at by the host. One that is no class makes the loss NaN, and no gradient comes from its row.
#include "common.cuh"

// The largest number of a row and the sum of exp(z - largest); NaN where one of the numbers is.
template <typename T> struct Row {
    T largest;
    double sum;

    __device__ Row(unsigned classes, const T *z) {
        const unsigned lane = threadIdx.x % 32;
        largest = z[0];
        for (unsigned c = lane; c < classes; c += 32) largest = z[c] > largest || z[c] != z[c] ? z[c] : largest;
        for (int offset = 16; offset > 0; offset >>= 1) {
            const T other = __shfl_xor_sync(0xffffffffu, largest, offset);
            largest = other > largest || other != other ? other : largest;
        }
        sum = 0.0;
        for (unsigned c = lane; c < classes; c += 32) sum += (double)exp(z[c] - largest);
        for (int offset = 16; offset > 0; offset >>= 1) sum += __shfl_xor_sync(0xffffffffu, sum, offset);
    }
};

template <typename L> __device__ __forceinline__ bool is_class(L label, unsigned classes) {
    return (unsigned long long)label < classes;
}

// scale · Σₙ (log Σ exp(zₙ) - zₙ[label]), by one block.
template <typename T, typename L> __device__ void forward(unsigned n, unsigned classes, const T *z, const L *labels, T scale, T *loss) {
    Pair sum = {0.0, 0.0};
    for (unsigned i = threadIdx.x / 32; i < n; i += blockDim.x / 32) {
        const Row<T> row(classes, z + (size_t)i * classes);
        if (threadIdx.x % 32 != 0) continue;
        const L label = labels[i];
        const double picked = is_class(label, classes) ? (double)z[(size_t)i * classes + label] : (double)NAN;
        sum.a += log(row.sum) - (picked - (double)row.largest);
    }
    sum = block_sum(sum);
    if (threadIdx.x == 0) *loss = (T)sum.a * scale;
}

// scale · g · (softmax(z) - one-hot)
template <typename T, typename L>
__device__ void backward(unsigned n, unsigned classes, const T *z, const L *labels, T scale, const T *g, T *dz) {
    const unsigned i = blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32;
    if (i >= n) return;
    const Row<T> row(classes, z + (size_t)i * classes);
    const L label = labels[i];
    const T upstream = scale * *g;
    for (unsigned c = threadIdx.x % 32; c < classes; c += 32) {
        const size_t at = (size_t)i * classes + c;
        const T p = (T)((double)exp(z[at] - row.largest) / row.sum);
        dz[at] = is_class(label, classes) ? upstream * (p - ((unsigned long long)label == c ? T(1) : T(0))) : T(0);
    }
}

#define KERNELS(T, NAME, L, LABELS)                                                                                            \
    extern "C" __global__ void cross_entropy_##NAME##_##LABELS(unsigned n, unsigned classes, const T *z, const L *labels,      \
                                                               T scale, T *loss) {                                             \
        forward<T, L>(n, classes, z, labels, scale, loss);                                                                     \
    }                                                                                                                          \
    extern "C" __global__ void cross_entropy_backward_##NAME##_##LABELS(unsigned n, unsigned classes, const T *z,              \
                                                                        const L *labels, T scale, const T *g, T *dz) {         \
        backward<T, L>(n, classes, z, labels, scale, g, dz);                                                                   \
    }

KERNELS(float, f32, unsigned char, u8)
KERNELS(float, f32, unsigned, u32)
KERNELS(float, f32, long long, i64)
KERNELS(double, f64, unsigned char, u8)
KERNELS(double, f64, unsigned, u32)
KERNELS(double, f64, long long, i64)
