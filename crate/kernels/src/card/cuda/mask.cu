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
// elements, the low half before the high one.
template <typename T>
__device__ void mask(unsigned n, Key key, unsigned long long stream, unsigned long long counter, unsigned first, unsigned whole, T kept,
                     T *out) {
    const unsigned blocks = (first + (n + 1) / 2 + 15) / 16;
    for (unsigned b = blockIdx.x * blockDim.x + threadIdx.x; b < blocks; b += gridDim.x * blockDim.x) {
        unsigned words[16];
        chacha8(key, stream, counter + b, words);
        for (unsigned i = 0; i < 16; i++) {
            if (b == 0 && i < first) continue;
            const unsigned e = 2 * (b * 16 + i - first);
            if (e < n) out[e] = (words[i] & 0xffffu) < whole ? T(0) : kept;
            if (e + 1 < n) out[e + 1] = words[i] >> 16 < whole ? T(0) : kept;
        }
    }
}

#define KERNELS(T, NAME)                                                                                                         \
    extern "C" __global__ void mask_##NAME(unsigned n, unsigned k0, unsigned k1, unsigned k2, unsigned k3, unsigned k4,          \
                                           unsigned k5, unsigned k6, unsigned k7, unsigned long long stream,                     \
                                           unsigned long long counter, unsigned first, unsigned whole, T kept, T *out) {         \
        mask<T>(n, Key{{k0, k1, k2, k3, k4, k5, k6, k7}}, stream, counter, first, whole, kept, out);                             \
    }

KERNELS(float, f32)
KERNELS(double, f64)
