//! Comparing costs no allocation, counted by the allocator itself.

#![allow(clippy::unwrap_used, reason = "a test may panic, also in its helpers")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use set_similarity::*;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// Hands everything on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(work: impl FnOnce()) -> usize {
    let before = COUNT.with(Cell::get);
    work();
    COUNT.with(Cell::get) - before
}

/// Vectors in the plane, `step` degrees apart, some of them equal.
fn set(images: usize, step: usize) -> ImageSet {
    let vectors: Vec<[f32; 2]> =
        (0..images).map(|at| ((at / 2 * step) as f32).to_radians().sin_cos()).map(|(y, x)| [x, y]).collect();
    let slices: Vec<[&[f32]; 1]> = vectors.iter().map(|vector| [vector.as_slice()]).collect();
    ImageSet::new(2, slices.iter().map(|vectors| Image { id: "i", view: Some("front"), vectors })).unwrap()
}

#[test]
fn a_pair_is_scored_without_allocating() {
    let sets: Vec<ImageSet> = [1, 5, 16, 40, 64].iter().map(|images| set(*images, 7)).collect();
    let halves: Vec<ImageSet<f16>> = sets.iter().map(ImageSet::to_half).collect();
    for method in Method::ALL {
        let mut scorer = Scorer::new(Matching { method, ..Matching::default() }, 0.0);
        let mut score_all = || {
            for a in &sets {
                let article = |id, images| Article { id, images, text: None };
                let query = article("a", a);
                sets.iter().for_each(|b| assert!(scorer.score(query, article("b", b)).is_some()));
                for half in &halves {
                    assert!(scorer.score(query, Article { id: "b", images: half, text: None }).is_some());
                }
            }
        };
        assert!(allocations(&mut score_all) > 0, "the memory of a scorer grows, and that is counted");
        assert_eq!(allocations(&mut score_all), 0, "{}", method.as_str());
    }
}

#[test]
fn up_to_sixteen_images_are_assigned_without_the_heap() {
    for (rows, columns) in [(16, 16), (16, 9), (9, 16), (5, 5)] {
        // Rows in pairs are equal, so that ties are settled, too.
        let row =
            |row: usize| (0..columns).map(|column| ((row / 2 * 7 + column * 3) % 11) as f64 / 11.0).collect();
        let similarities = Similarities::from_rows(&(0..rows).map(row).collect::<Vec<Vec<f64>>>()).unwrap();
        let case = Case { similarities: &similarities, views: Views::default(), pooled: None };
        let matching = |method| Matching { method, ..Matching::default() };
        let mut workspace = Workspace::default();
        // The list of pairs is there already.
        case.score(&matching(Method::MaxSim), &mut workspace);
        let assign = || assert!(case.score(&matching(Method::Optimal), &mut workspace).is_some());
        assert_eq!(allocations(assign), 0, "{rows} x {columns}");
    }
}
