//! The clock of this thread.

use std::time::Duration;

/// Time that this thread ran on a processor, so that another process on the same core
/// does not count. Python's `time.thread_time_ns` is the same clock.
pub(crate) fn cpu_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call writes one timespec, which is there.
    let code = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    assert_eq!(code, 0, "every system with threads has this clock");
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
