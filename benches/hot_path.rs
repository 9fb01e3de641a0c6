//! How long the pieces of the hot path take: the signature, the payload, one assessment, and the queue.
//!
//! `cargo bench --bench hot_path`. The queue's file is in memory where the system has such a folder: what a disk does is
//! measured by `benches/peers/run`.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on should say where")]

mod paths;

use std::path::Path;
use std::time::Instant;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use escalator::store::Store;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use paths::{NOW, Paths, claim_and_put_last, fill, mark, receive_plain};

/// Marks under way at the same time, as many as the connections of the load tests.
const AT_ONCE: u64 = 64;

fn pure(criterion: &mut Criterion) {
    let paths = Paths::new();
    criterion.bench_function("prove the signature of 4 kB", |bencher| bencher.iter(|| paths.prove()));
    criterion
        .bench_function("read a body that does not matter", |bencher| bencher.iter(|| paths.read_plain()));
    criterion.bench_function("read a body that matters", |bencher| bencher.iter(|| paths.read_incident()));
    criterion.bench_function("assess, plan, render the comment", |bencher| bencher.iter(|| paths.assess()));
}

fn received(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let (_folder, store) = store();
    criterion.bench_function("sign a delivery that does not matter, and receive it", |bencher| {
        bencher.iter_custom(|rounds| {
            let started = Instant::now();
            runtime.block_on(receive_plain(store.clone(), rounds));
            started.elapsed()
        });
    });
}

fn marks(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let (_folder, store) = store();
    let mut next = 1;
    criterion.bench_function("mark an issue, 64 at once", |bencher| {
        bencher.iter_custom(|rounds| {
            let started = Instant::now();
            for _ in 0..rounds {
                runtime.block_on(mark(&store, next..next + AT_ONCE));
                next += AT_ONCE;
            }
            started.elapsed() / u32::try_from(AT_ONCE).unwrap()
        });
    });
    criterion.bench_function("mark an issue that waits already, 64 at once", |bencher| {
        bencher.iter_custom(|rounds| {
            let started = Instant::now();
            for _ in 0..rounds {
                runtime.block_on(mark(&store, 1..1 + AT_ONCE));
            }
            started.elapsed() / u32::try_from(AT_ONCE).unwrap()
        });
    });
}

fn claims(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let mut group = criterion.benchmark_group("claim an issue and put it last");
    for waiting in [1_000, 1_000_000] {
        let (_folder, store) = store();
        runtime.block_on(fill(&store, waiting));
        let mut round = 0;
        group.bench_function(BenchmarkId::new("waiting", waiting), |bencher| {
            bencher.iter(|| {
                runtime.block_on(claim_and_put_last(&store, round));
                round += 1;
            });
        });
    }
}

fn store() -> (TempDir, Store) {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
    let store = Store::open(&folder.path().join("escalator.db"), NOW).unwrap();
    (folder, store)
}

criterion_group!(benches, pure, received, marks, claims);
criterion_main!(benches);
