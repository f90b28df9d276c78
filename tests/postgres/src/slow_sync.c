/* Loaded into a server so that each of its syncs of the write-ahead log lasts a millisecond longer, as on a disk. */
#include <time.h>
#include <unistd.h>
#include <sys/syscall.h>

int fdatasync(int file) {
    struct timespec millisecond = {0, 1000000};
    nanosleep(&millisecond, 0);
    return (int)syscall(SYS_fdatasync, file);
}
