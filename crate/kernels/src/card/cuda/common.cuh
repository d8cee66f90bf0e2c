// What the kernels share: sums over a block, and the activation after a normalization.
#pragma once

struct Pair {
    double a, b;
};

__device__ __forceinline__ Pair warp_sum(Pair p) {
    for (int offset = 16; offset > 0; offset >>= 1) {
        p.a += __shfl_down_sync(0xffffffffu, p.a, offset);
        p.b += __shfl_down_sync(0xffffffffu, p.b, offset);
    }
    return p;
}

// The sums of both numbers over all threads, whose number is a multiple of 32; every thread is given them. The order of the
// additions depends on the number of threads alone.
__device__ __forceinline__ Pair block_sum(Pair p) {
    __shared__ Pair of_warps[32];
    const unsigned lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = blockDim.x / 32;
    p = warp_sum(p);
    __syncthreads(); // the sums before may still be read
    if (lane == 0) of_warps[warp] = p;
    __syncthreads();
    if (warp == 0) {
        p = lane < warps ? of_warps[lane] : Pair{0.0, 0.0};
        p = warp_sum(p);
        if (lane == 0) of_warps[0] = p;
    }
    __syncthreads();
    return of_warps[0];
}

// What comes after a normalization: nothing, ReLU, or leaky ReLU with its slope below 0.
enum After { NOTHING = 0, RELU = 1, LEAKY = 2 };

template <typename T> __device__ __forceinline__ T after_value(T y, int after, T slope) {
    // This way round, NaN stays NaN.
    if (after == RELU) return y <= T(0) ? T(0) : y;
    if (after == LEAKY) return y > T(0) ? y : y * slope;
    return y;
}

// The gradient before it, where it was given y. A choice rather than a product: ∞ · 0 would be NaN.
template <typename T> __device__ __forceinline__ T after_before(T y, T g, int after, T slope) {
    if (after == RELU) return y > T(0) ? g : T(0);
    if (after == LEAKY) return y > T(0) ? g : g * slope;
    return g;
}
