//! What is measured of a loaded encoder.

use std::hint::black_box;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use lookalike::domain::embedding::ImageEmbedding;
use lookalike::encoder::Encoder;
use lookalike::imaging::{self, ImageLimits};
use lookalike::ports::{Embedder as _, Failed};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::Failure;
use crate::clock::cpu_time;
use crate::command::Part;

/// The pictures as they come from an object store.
pub(crate) type Files = Arc<[Vec<u8>]>;

/// Reads the files; at least one.
pub(crate) fn read(paths: &[PathBuf]) -> Result<Files, Failure> {
    let named = |path: &PathBuf| std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()));
    let files = paths.iter().map(named).collect::<Result<Files, _>>()?;
    if files.is_empty() { Err("no files".into()) } else { Ok(files) }
}

/// Pictures to vectors through the port, a task each as in the worker, and as there as many
/// of them decoded at a time as there are cores.
pub(crate) async fn run(
    encoder: &Encoder,
    files: &Files,
    images: usize,
    in_flight: usize,
) -> Result<Value, Failure> {
    let begun = Instant::now();
    let decodes = Arc::new(Semaphore::new(thread::available_parallelism()?.get()));
    let embedded = stream::iter(0..images)
        .map(|place| {
            let (encoder, files, decodes) = (encoder.clone(), Arc::clone(files), Arc::clone(&decodes));
            tokio::spawn(async move { embed(&encoder, &files[place % files.len()], &decodes).await })
        })
        .buffer_unordered(in_flight.max(1));
    let joined = embedded.map(|joined| -> Result<(), Failure> {
        joined??;
        Ok(())
    });
    joined.try_collect::<()>().await?;
    Ok(json!({"images": images, "seconds": begun.elapsed().as_secs_f64()}))
}

async fn embed(encoder: &Encoder, file: &[u8], decodes: &Semaphore) -> Result<ImageEmbedding, Failed> {
    let image = {
        // The semaphore is never closed.
        let _permit = decodes.acquire().await;
        encoder.prepare(file.to_vec()).await?
    };
    encoder.embed_image(image).await.map_err(Failed::new)
}

/// The vectors of the first `count` files, of unit length.
pub(crate) async fn vectors(encoder: &Encoder, files: &Files, count: usize) -> Result<Value, Failure> {
    let decodes = Semaphore::new(1);
    let mut found = Vec::with_capacity(count);
    for file in files.iter().take(count) {
        let vector = embed(encoder, file, &decodes).await?;
        found.push(json!(vector.own.as_slice()));
    }
    Ok(json!({ "vectors": found }))
}

/// One part of the work, on this thread alone.
pub(crate) fn one_core(
    encoder: &Encoder,
    files: &Files,
    part: Part,
    milliseconds: u64,
) -> Result<Value, Failure> {
    let limits = ImageLimits::default();
    let once = |bytes: &[u8]| -> Result<(), Failure> {
        match part {
            Part::Decode => drop(black_box(imaging::decode(bytes, &limits)?)),
            Part::All => drop(black_box(encoder.preprocess(bytes)?)),
        }
        Ok(())
    };
    once(&files[0])?;
    let (begun, limit) = (cpu_time(), Duration::from_millis(milliseconds));
    let mut images = 0;
    while cpu_time() - begun < limit {
        once(&files[images % files.len()])?;
        images += 1;
    }
    Ok(json!({"images": images, "seconds": (cpu_time() - begun).as_secs_f64()}))
}

/// Preparation alone, by many threads.
pub(crate) fn prepare(
    encoder: &Encoder,
    files: &Files,
    images: usize,
    threads: usize,
) -> Result<Value, Failure> {
    let next = AtomicUsize::new(0);
    let work = || -> Result<(), Failure> {
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            if place >= images {
                return Ok(());
            }
            drop(black_box(encoder.preprocess(&files[place % files.len()])?));
        }
    };
    let begun = Instant::now();
    thread::scope(|scope| {
        let threads: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(|_| Err("it panicked".into())))
    })?;
    Ok(json!({"images": images, "seconds": begun.elapsed().as_secs_f64()}))
}
