/* Preloaded into a service, makes its clock of the day wrong by as many seconds as WRONG_BY says; what
 * measures spans stays right. Of its own, because libfaketime needs memory before it can tell the time, and
 * an allocator that asks for the time then never starts. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static time_t wrong_by(void) {
    const char *seconds = getenv("WRONG_BY");
    return seconds ? atol(seconds) : 0;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int failed = (int)syscall(SYS_clock_gettime, clock, now);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        now->tv_sec += wrong_by();
    return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec at;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &at))
        return -1;
    now->tv_sec = at.tv_sec;
    now->tv_usec = at.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *now) {
    struct timespec at;
    if (clock_gettime(CLOCK_REALTIME, &at))
        return -1;
    if (now)
        *now = at.tv_sec;
    return at.tv_sec;
}

/* Whoever waits until a moment of the day took it from the wrong clock. A moment of a clock that began with
 * the machine is far smaller. */
int pthread_cond_timedwait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict until) {
    int is_of_day = until->tv_sec > 1000000000;
    struct timespec right = *until;
    if (is_of_day)
        right.tv_sec -= wrong_by();
    return pthread_cond_clockwait(cond, mutex, is_of_day ? CLOCK_REALTIME : CLOCK_MONOTONIC, &right);
}
