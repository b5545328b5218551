//! What one core of this machine can do at most: multiply-adds and bytes read.

use std::hint::black_box;
use std::time::Duration;

use serde_json::{Value, json};

use crate::clock::cpu_time;

/// Steps of the chains of one call, and calls between two looks at the clock: some
/// 10 and 100 microseconds.
const STEPS: usize = 4096;
const CALLS: usize = 10;

/// Multiply-adds a second with the widest instructions that the scorer's kernel uses,
/// in chains that do not wait for each other: `single` in f32, `double` in f64.
pub(crate) fn multiply_adds(milliseconds: u64) -> Value {
    let limit = Duration::from_millis(milliseconds);
    let (single, double) = chains();
    json!({ "single": rate(limit, single), "double": rate(limit, double) })
}

/// Multiply-adds of one call, and the call.
type Chains = (usize, fn());

fn rate(limit: Duration, (multiply_adds, chains): Chains) -> f64 {
    chains();
    let (start, mut calls) = (cpu_time(), 0);
    loop {
        (0..CALLS).for_each(|_| chains());
        calls += CALLS;
        let time = cpu_time() - start;
        if time >= limit {
            return (calls * multiply_adds) as f64 / time.as_secs_f64();
        }
    }
}

/// Sixteen chains hide a latency of 4 cycles behind up to 4 instructions a cycle.
const CHAINS: usize = 16;

#[cfg(target_arch = "x86_64")]
fn chains() -> (Chains, Chains) {
    use std::arch::is_x86_feature_detected as has;
    let kernel = set_similarity::InstructionSet::fastest().as_str();
    if kernel == "avx512" && has!("avx512f") {
        // SAFETY: the processor has AVX-512F.
        let (single, double): (fn(), fn()) =
            (|| unsafe { wide::single512() }, || unsafe { wide::double512() });
        ((STEPS * CHAINS * 16, single), (STEPS * CHAINS * 8, double))
    } else if kernel == "avx2" && has!("avx2") && has!("fma") {
        // SAFETY: the processor has AVX2 and FMA.
        let (single, double): (fn(), fn()) =
            (|| unsafe { wide::single256() }, || unsafe { wide::double256() });
        ((STEPS * CHAINS * 8, single), (STEPS * CHAINS * 4, double))
    } else {
        portable_chains()
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn chains() -> (Chains, Chains) {
    portable_chains()
}

/// A multiplication and an addition, as wide as the compiler makes them.
fn portable_chains() -> (Chains, Chains) {
    const LANES: usize = 64;
    fn single() {
        let (factor, term) = (black_box(0.999_f32), black_box(0.001_f32));
        let mut sums = [black_box(1.0_f32); LANES];
        for _ in 0..STEPS {
            sums.iter_mut().for_each(|sum| *sum = *sum * factor + term);
        }
        black_box(sums);
    }
    fn double() {
        let (factor, term) = (black_box(0.999_f64), black_box(0.001_f64));
        let mut sums = [black_box(1.0_f64); LANES];
        for _ in 0..STEPS {
            sums.iter_mut().for_each(|sum| *sum = *sum * factor + term);
        }
        black_box(sums);
    }
    ((STEPS * LANES, single), (STEPS * LANES, double))
}

#[cfg(target_arch = "x86_64")]
mod wide {
    use std::arch::x86_64::*;
    use std::hint::black_box;

    use super::{CHAINS, STEPS};

    macro_rules! chains {
        ($name:ident, $features:literal, $broadcast:ident, $multiply_add:ident) => {
            #[target_feature(enable = $features)]
            pub(super) fn $name() {
                let (factor, term) = ($broadcast(black_box(0.999)), $broadcast(black_box(0.001)));
                let mut sums = [$broadcast(black_box(1.0)); CHAINS];
                for _ in 0..STEPS {
                    for sum in &mut sums {
                        *sum = $multiply_add(*sum, factor, term);
                    }
                }
                black_box(sums);
            }
        };
    }

    chains!(single512, "avx512f", _mm512_set1_ps, _mm512_fmadd_ps);
    chains!(double512, "avx512f", _mm512_set1_pd, _mm512_fmadd_pd);
    chains!(single256, "avx2,fma", _mm256_set1_ps, _mm256_fmadd_ps);
    chains!(double256, "avx2,fma", _mm256_set1_pd, _mm256_fmadd_pd);
}

/// Bytes a second read from a buffer: `sequential`, and `blocks` in random order.
pub(crate) fn bandwidth(bytes: usize, block: usize, milliseconds: u64) -> Value {
    let buffer: Vec<u64> = (0..bytes as u64 / 8).collect();
    let limit = Duration::from_millis(milliseconds);
    let block = (block / 8).clamp(1, buffer.len().max(1));
    let blocks = (buffer.len() / block) as u64;
    let mut place = 0;
    let sequential = read(&buffer, block, limit, || {
        place = (place + 1) % blocks;
        place as usize
    });
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let random = read(&buffer, block, limit, || {
        // xorshift64: Marsaglia, "Xorshift RNGs", 2003.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % blocks) as usize
    });
    json!({ "sequential": sequential, "blocks": random })
}

/// Blocks between two looks at the clock.
const BLOCKS: usize = 64;

fn read(buffer: &[u64], block: usize, limit: Duration, mut next: impl FnMut() -> usize) -> f64 {
    let (start, mut blocks, mut sum) = (cpu_time(), 0, 0_u64);
    loop {
        for _ in 0..BLOCKS {
            let first = next() * block;
            sum = buffer[first..first + block].iter().fold(sum, |sum, word| sum.wrapping_add(*word));
        }
        blocks += BLOCKS;
        let time = cpu_time() - start;
        if time >= limit {
            black_box(sum);
            return (blocks * block * 8) as f64 / time.as_secs_f64();
        }
    }
}
