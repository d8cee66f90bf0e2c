// What lies under the kernel of a convolution, as the columns of a matrix, and back.
//
// x [N, C, inputs] and columns [C · taps, N · outputs]: the column n · outputs + l has the numbers under the kernel at output l of sample
// n, 0 where that is outside of x.

struct Axis {
    unsigned input, output, kernel, stride, padding, dilation;
};

#define FOR_ALL(i, n) for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x)

template <typename T> __device__ void gather(unsigned n, unsigned channels, Axis down, Axis across, const T *x, T *columns) {
    const unsigned taps = down.kernel * across.kernel, outputs = down.output * across.output;
    FOR_ALL(e, channels * taps * n * outputs) {
        const unsigned l = e % outputs, image = e / outputs % n, row = e / outputs / n;
        const unsigned k = row % taps, channel = row / taps;
        // Below 0 it is a large number, and so outside as well.
        const unsigned i = l / across.output * down.stride + k / across.kernel * down.dilation - down.padding;
        const unsigned j = l % across.output * across.stride + k % across.kernel * across.dilation - across.padding;
        const bool inside = i < down.input && j < across.input;
        columns[e] = inside ? x[(((size_t)image * channels + channel) * down.input + i) * across.input + j] : T(0);
    }
}

// The output that sees input i under place k of the kernel, or a large number.
__device__ __forceinline__ unsigned output(Axis axis, unsigned i, unsigned k) {
    const unsigned place = i + axis.padding - k * axis.dilation; // below 0 it is a large number
    if (place > axis.input + 2 * axis.padding || place % axis.stride != 0) return ~0u;
    return place / axis.stride;
}

// x[n, c, i, j] = bias[c] + Σ over all columns that hold this place
template <typename T>
__device__ void spread(unsigned n, unsigned channels, Axis down, Axis across, const T *columns, const T *bias, T *x) {
    const unsigned inputs = down.input * across.input, outputs = down.output * across.output;
    FOR_ALL(e, n * channels * inputs) {
        const unsigned place = e % inputs, channel = e / inputs % channels, image = e / inputs / channels;
        const unsigned i = place / across.input, j = place % across.input;
        T sum = bias ? bias[channel] : T(0);
        for (unsigned k = 0; k < down.kernel; k++) {
            const unsigned row = output(down, i, k);
            if (row >= down.output) continue;
            for (unsigned l = 0; l < across.kernel; l++) {
                const unsigned column = output(across, j, l);
                if (column >= across.output) continue;
                const size_t tap = ((size_t)channel * down.kernel + k) * across.kernel + l;
                sum += columns[(tap * n + image) * outputs + row * across.output + column];
            }
        }
        x[e] = sum;
    }
}

// x [a, b, c] as y [b, a, c], with a number for each of the first dimension of x added, if there are any.
template <typename T> __device__ void swap(unsigned a, unsigned b, unsigned c, const T *x, const T *add, T *y) {
    FOR_ALL(e, a * b * c) {
        const unsigned k = e % c, i = e / c % a, j = e / c / a;
        const T value = x[((size_t)i * b + j) * c + k];
        y[e] = add ? value + add[i] : value;
    }
}

#define KERNELS(T, NAME)                                                                                                        \
    extern "C" __global__ void gather_##NAME(unsigned n, unsigned channels, unsigned i0, unsigned o0, unsigned k0, unsigned s0, \
                                             unsigned p0, unsigned d0, unsigned i1, unsigned o1, unsigned k1, unsigned s1,      \
                                             unsigned p1, unsigned d1, const T *x, T *columns) {                                \
        gather<T>(n, channels, Axis{i0, o0, k0, s0, p0, d0}, Axis{i1, o1, k1, s1, p1, d1}, x, columns);                         \
    }                                                                                                                           \
    extern "C" __global__ void spread_##NAME(unsigned n, unsigned channels, unsigned i0, unsigned o0, unsigned k0, unsigned s0, \
                                             unsigned p0, unsigned d0, unsigned i1, unsigned o1, unsigned k1, unsigned s1,      \
                                             unsigned p1, unsigned d1, const T *columns, const T *bias, T *x) {                 \
        spread<T>(n, channels, Axis{i0, o0, k0, s0, p0, d0}, Axis{i1, o1, k1, s1, p1, d1}, columns, bias, x);                   \
    }                                                                                                                           \
    extern "C" __global__ void swap_##NAME(unsigned a, unsigned b, unsigned c, const T *x, const T *add, T *y) {                \
        swap<T>(a, b, c, x, add, y);                                                                                            \
    }

KERNELS(float, f32)
KERNELS(double, f64)
