// Stands in for NVIDIA's driver where there is none: it says that there is no card, or fails with the number in CU_INIT.
#include <stdlib.h>

enum { NO_DEVICE = 100 };

int cuInit(unsigned flags) {
    (void)flags;
    const char *number = getenv("CU_INIT");
    return number ? atoi(number) : NO_DEVICE;
}

int cuGetErrorName(int error, const char **name) {
    *name = error == NO_DEVICE ? "CUDA_ERROR_NO_DEVICE" : "CUDA_ERROR_OF_THE_STAND_IN";
    return 0;
}

int cuGetErrorString(int error, const char **text) {
    *text = error == NO_DEVICE ? "no CUDA-capable device is detected" : "what the stand-in says";
    return 0;
}
