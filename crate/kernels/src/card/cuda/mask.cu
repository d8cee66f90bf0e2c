// Masks of dropout, from the random numbers of ChaCha with 8 rounds: the bits that the CPU draws. A block of 16 words of 32 bits is a
// function of key, stream and counter alone, so each thread computes blocks of its own.
//
// D. J. Bernstein, ChaCha, a variant of Salsa20 (2008); counter and stream of 64 bits each, as there.

struct Key {
    unsigned words[8];
};

__device__ __forceinline__ unsigned turned(unsigned x, int by) { return x << by | x >> (32 - by); }

__device__ __forceinline__ void quarter(unsigned &a, unsigned &b, unsigned &c, unsigned &d) {
    a += b, d = turned(d ^ a, 16);
    c += d, b = turned(b ^ c, 12);
    a += b, d = turned(d ^ a, 8);
    c += d, b = turned(b ^ c, 7);
}

__device__ void chacha8(const Key &key, unsigned long long stream, unsigned long long counter, unsigned *out) {
    unsigned start[16] = {0x61707865u, 0x3320646eu, 0x79622d32u, 0x6b206574u};
    for (int i = 0; i < 8; i++) start[4 + i] = key.words[i];
    start[12] = (unsigned)counter, start[13] = (unsigned)(counter >> 32);
    start[14] = (unsigned)stream, start[15] = (unsigned)(stream >> 32);
    for (int i = 0; i < 16; i++) out[i] = start[i];
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < 4; i++) quarter(out[i], out[4 + i], out[8 + i], out[12 + i]);
        for (int i = 0; i < 4; i++) quarter(out[i], out[4 + (i + 1) % 4], out[8 + (i + 2) % 4], out[12 + (i + 3) % 4]);
    }
    for (int i = 0; i < 16; i++) out[i] += start[i];
}

// Element e is 0 if its 16 bits are below `whole`, else `kept`. The numbers begin with word `first` of block `counter`, and one word is two
// elements, the low half before the high one. Where the bits equal `whole`, 53 bits more decide: word w of the stream, 16 a block, has the
// words 4 w and 4 w + 1 of the stream of all bits flipped for its low half, and the two after them for its high half.
template <typename T>
__device__ void mask(unsigned n, const Key &key, unsigned long long stream, unsigned long long counter, unsigned first, unsigned whole,
                     unsigned long long rest, T kept, T *out) {
    const unsigned blocks = (first + (n + 1) / 2 + 15) / 16;
    for (unsigned b = blockIdx.x * blockDim.x + threadIdx.x; b < blocks; b += gridDim.x * blockDim.x) {
        unsigned words[16], undecided = 0;
        chacha8(key, stream, counter + b, words);
        const unsigned before = 2 * (b * 16 - first); // the element of half 0, below zero in the first block
        for (unsigned half = 0; half < 32; half++) {
            const unsigned e = before + half, bits = words[half / 2] >> 16 * (half % 2) & 0xffffu;
            if ((b == 0 && half < 2 * first) || e >= n) continue;
            out[e] = bits < whole ? T(0) : kept;
            if (bits == whole) undecided |= 1u << half;
        }
        if (rest == 0) continue;
#pragma unroll 1
        for (unsigned half = 0; half < 32 && undecided >> half != 0; half++) {
            if ((undecided >> half & 1) == 0) continue;
            chacha8(key, ~stream, 4 * (counter + b) + half / 8, words);
            unsigned long long more = 0;
            for (unsigned i = 0; i < 16; i += 2)
                if (i == 2 * (half % 8)) more = (unsigned long long)words[i + 1] << 32 | words[i];
            if (more >> 11 < rest) out[before + half] = T(0);
        }
    }
}

#define KERNELS(T, NAME)                                                                                                         \
    extern "C" __global__ void mask_##NAME(unsigned n, unsigned k0, unsigned k1, unsigned k2, unsigned k3, unsigned k4,          \
                                           unsigned k5, unsigned k6, unsigned k7, unsigned long long stream,                     \
                                           unsigned long long counter, unsigned first, unsigned whole, unsigned long long rest,  \
                                           T kept, T *out) {                                                                     \
        mask<T>(n, Key{{k0, k1, k2, k3, k4, k5, k6, k7}}, stream, counter, first, whole, rest, kept, out);                       \
    }

KERNELS(float, f32)
KERNELS(double, f64)
