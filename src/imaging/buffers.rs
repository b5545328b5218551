//! Memory of one picture serves the next.

use std::cell::Cell;
use std::hint::black_box;

/// Just below 32 MiB, the longest block that glibc's thresholds follow
/// (`DEFAULT_MMAP_THRESHOLD_MAX` of its malloc.c, less a page for what it adds).
const BLOCK: usize = (32 << 20) - (64 << 10);

/// Called once at start by a program that prepares many pictures: the C library keeps
/// freed buffers of a picture, up to 64 MiB for each of its arenas, and takes them for the
/// next.
///
/// Else it would hand them back to the kernel after each picture of usual size and get them
/// page by page for the next, which takes longer than to resize it. glibc keeps as much
/// as twice the longest block that it has seen freed; here it sees one, untouched. Other C
/// libraries do what they did.
pub fn keep_freed_buffers() {
    drop(black_box(Vec::<u8>::with_capacity(BLOCK)));
}

/// Longest buffer of pixels that a thread keeps, in bytes: 5 megapixels.
const LONGEST_KEPT: usize = 16 << 20;

thread_local! {
    /// Of the last picture that this thread was done with.
    static KEPT: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// So many bytes of any value. To set the many bytes of a picture to zero first would
/// take as long as the resizing of its columns.
pub(super) fn any_bytes(length: usize) -> Vec<u8> {
    let mut bytes = KEPT.take();
    bytes.resize(length, 0);
    bytes
}

/// Keeps a buffer that is no longer needed for [`any_bytes`].
pub(super) fn keep(bytes: Vec<u8>) {
    if bytes.capacity() <= LONGEST_KEPT {
        KEPT.set(bytes);
    }
}
