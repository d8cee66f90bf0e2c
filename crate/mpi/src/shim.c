/* What candlelight-mpi calls of MPI, behind functions of plain C types: what a handle is differs between MPIs, and is known
   to their headers only. Each returns MPI's code, MPI_SUCCESS or another; nothing here decides anything. */

#include <mpi.h>
#ifdef OPEN_MPI
#include <mpi-ext.h>
#endif
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A communicator of its own for each kind of number, so that numbers of another kind are never taken, and one for control. */
enum { F32, F64, CONTROL, CHANNELS };

static MPI_Comm channels[CHANNELS];
static int world_rank;
/* Between cl_mpi_start and the end of the work. */
static volatile int running;
/* Ranks have died, and the others went on. */
static int shrunk;

_Static_assert(sizeof(MPI_Request) <= sizeof(uint64_t), "a request is kept in 8 bytes");

static MPI_Datatype type_of(int channel) {
    switch (channel) {
        case F32: return MPI_FLOAT;
        case F64: return MPI_DOUBLE;
        default: return MPI_BYTE;
    }
}

static MPI_Request load(const uint64_t *slot) {
    MPI_Request request;
    memcpy(&request, slot, sizeof request);
    return request;
}

static void store(uint64_t *slot, MPI_Request request) {
    memcpy(slot, &request, sizeof request);
}

/* A rank that calls exit would leave the others waiting. */
static void at_exit(void) {
    if (running) {
        running = 0;
        fprintf(stderr, "rank %d: the process exited before its work was done\n", world_rank);
        MPI_Abort(MPI_COMM_WORLD, 1);
    }
}

/* here: ranks on this machine. */
int cl_mpi_start(int *rank, int *size, int *here, int *level) {
    int code = MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, level);
    if (code != MPI_SUCCESS) return code;
    if ((code = MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN)) != MPI_SUCCESS) return code;
    if ((code = MPI_Comm_set_errhandler(MPI_COMM_SELF, MPI_ERRORS_RETURN)) != MPI_SUCCESS) return code;
    MPI_Comm_rank(MPI_COMM_WORLD, rank);
    MPI_Comm_size(MPI_COMM_WORLD, size);
    for (int i = 0; i < CHANNELS; i++) {
        /* A copy has the error handler of its original. */
        if ((code = MPI_Comm_dup(MPI_COMM_WORLD, &channels[i])) != MPI_SUCCESS) return code;
    }
    MPI_Comm node;
    code = MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, *rank, MPI_INFO_NULL, &node);
    if (code != MPI_SUCCESS) return code;
    MPI_Comm_size(node, here);
    if ((code = MPI_Comm_free(&node)) != MPI_SUCCESS) return code;
    world_rank = *rank;
    running = 1;
    atexit(at_exit);
    return MPI_SUCCESS;
}

int cl_mpi_serialized(int level) {
    return level >= MPI_THREAD_SERIALIZED;
}

int cl_mpi_stop(void) {
    running = 0;
    /* MPI_Finalize of Open MPI 5.0.11 waits for the dead too. */
    if (shrunk) return MPI_SUCCESS;
    for (int i = 0; i < CHANNELS; i++) MPI_Comm_free(&channels[i]);
    return MPI_Finalize();
}

/* After a rank has died: communicators of those that are left. Known to MPIs with ULFM only; whoever still waits on the old ones
   gets an error, and comes here too. */
int cl_mpi_shrink(int *rank, int *size) {
#ifdef OMPI_HAVE_MPI_EXT_FTMPI
    for (int i = 0; i < CHANNELS; i++) MPIX_Comm_revoke(channels[i]);
    for (int i = 0; i < CHANNELS; i++) {
        MPI_Comm left;
        int code = MPIX_Comm_shrink(channels[i], &left);
        if (code != MPI_SUCCESS) return code;
        if ((code = MPI_Comm_set_errhandler(left, MPI_ERRORS_RETURN)) != MPI_SUCCESS) return code;
        MPI_Comm_free(&channels[i]);
        channels[i] = left;
    }
    MPI_Comm_rank(channels[CONTROL], rank);
    MPI_Comm_size(channels[CONTROL], size);
    shrunk = 1;
    return MPI_SUCCESS;
#else
    (void)rank;
    (void)size;
    return MPI_ERR_UNSUPPORTED_OPERATION;
#endif
}

void cl_mpi_abort(int code) {
    running = 0;
    MPI_Abort(MPI_COMM_WORLD, code);
    _Exit(code);
}

int cl_mpi_send(int channel, const void *data, int count, int to, int tag, uint64_t *slot) {
    MPI_Request request;
    int code = MPI_Isend(data, count, type_of(channel), to, tag, channels[channel], &request);
    store(slot, request);
    return code;
}

/* Starts to receive a message that cl_mpi_probe has found, and so knows the length of. */
int cl_mpi_receive(int channel, void *data, int count, int from, int tag, uint64_t *slot) {
    MPI_Request request;
    int code = MPI_Irecv(data, count, type_of(channel), from, tag, channels[channel], &request);
    store(slot, request);
    return code;
}

int cl_mpi_test(uint64_t *slot, int *done) {
    MPI_Request request = load(slot);
    int code = MPI_Test(&request, done, MPI_STATUS_IGNORE);
    store(slot, request);
    return code;
}

/* from: -1 for any rank. count: -1 if the message is no whole number of numbers. */
int cl_mpi_probe(int channel, int from, int tag, int *found, int *source, int *count) {
    MPI_Status status;
    int code = MPI_Iprobe(from < 0 ? MPI_ANY_SOURCE : from, tag, channels[channel], found, &status);
    if (code == MPI_SUCCESS && *found) {
        *source = status.MPI_SOURCE;
        if (MPI_Get_count(&status, type_of(channel), count) != MPI_SUCCESS || *count == MPI_UNDEFINED) *count = -1;
    }
    return code;
}

int cl_mpi_all_reduce(int channel, void *data, int count, int op) {
    MPI_Op ops[] = {MPI_SUM, MPI_MAX, MPI_MIN};
    return MPI_Allreduce(MPI_IN_PLACE, data, count, type_of(channel), ops[op], channels[channel]);
}

/* words: of cl_mpi_words_size() bytes. */
void cl_mpi_words(int code, char *words) {
    int length;
    words[0] = 0;
    MPI_Error_string(code, words, &length);
}

int cl_mpi_words_size(void) {
    return MPI_MAX_ERROR_STRING;
}

void cl_mpi_version(char *words) {
    char version[MPI_MAX_LIBRARY_VERSION_STRING];
    int length = 0;
    MPI_Get_library_version(version, &length);
    snprintf(words, 64, "%.63s", version);
}
