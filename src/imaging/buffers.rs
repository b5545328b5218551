//! Memory of one picture serves the next.

use std::cell::Cell;

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
