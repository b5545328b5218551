//! How much memory a call takes, counted by the allocator itself.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// Bytes that a thread holds, and the most it has held, since `peak_of` began.
#[derive(Clone, Copy)]
struct Held {
    now: isize,
    most: isize,
}

thread_local! {
    static HELD: Cell<Option<Held>> = const { Cell::new(None) };
}

struct Counting;

/// Nothing outside `peak_of`. What another thread frees is not seen.
fn count(change: isize) {
    HELD.with(|cell| {
        if let Some(held) = cell.get() {
            let now = held.now + change;
            cell.set(Some(Held { now, most: held.most.max(now) }));
        }
    });
}

fn size(bytes: usize) -> isize {
    isize::try_from(bytes).expect("a layout fits in isize")
}

// Hands everything on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(size(layout.size()));
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(size(layout.size()));
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, new: usize) -> *mut u8 {
        // It may be moved: for a moment both are there.
        count(size(new));
        count(-size(layout.size()));
        unsafe { System.realloc(at, layout, new) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        count(-size(layout.size()));
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What the work gives, and the most bytes it held at a time, on this thread.
pub(crate) fn peak_of<T>(work: impl FnOnce() -> T) -> (T, usize) {
    HELD.set(Some(Held { now: 0, most: 0 }));
    let result = work();
    let held = HELD.replace(None).expect("set above");
    (result, held.most.unsigned_abs())
}
