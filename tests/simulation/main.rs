//! Thousands of random short histories, each made again by its seed: people, deliveries, workers, a sick GitLab and
//! crashes, interleaved at every call to GitLab. However a history went, it must end right.
//!
//! A failure names its seed and tells the history step by step; `ESCALATOR_SIMULATION_SEED=<seed>` runs only that one.
//! `ESCALATOR_SIMULATION_HISTORIES=<count>` runs more or fewer than usual, from a random seed on.

#![expect(clippy::print_stderr, reason = "figures and seeds are part of what the test tells")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod acts;
mod history;
mod law;
mod scene;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use history::History;
use scene::Scene;

/// How many histories one run of the tests simulates.
const HISTORIES: u64 = 2500;
/// Of each of these there is one GitLab.
const THREADS: usize = 2;
/// Seeds of one run follow each other from the first.
const FIRST_SEED: u64 = 1;

#[test]
fn every_history_ends_with_the_right_labels_and_one_right_comment() {
    let (first, count) =
        match (setting("ESCALATOR_SIMULATION_SEED"), setting("ESCALATOR_SIMULATION_HISTORIES")) {
            (Some(seed), _) => (seed, 1),
            (None, Some(count)) => (u64::from(fastrand::u32(..)) << 16, count),
            (None, None) => (FIRST_SEED, HISTORIES),
        };
    let started = Instant::now();
    let next = AtomicU64::new(first);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(|| simulate(&next, first + count))).collect();
        for thread in threads {
            thread.join().unwrap();
        }
    });
    let seconds = started.elapsed().as_secs_f64();
    eprintln!(
        "{count} histories from seed {first} on in {seconds:.1} s: {:.0} per second",
        count as f64 / seconds
    );
}

fn simulate(next: &AtomicU64, end: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let scene = Scene::start().await;
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end {
                break;
            }
            let mut history = History::begin(&scene, seed).await;
            if let Err(violation) = history.live().await {
                // The others need not go on.
                next.store(end, Ordering::Relaxed);
                let steps = history.told.join("\n  ");
                panic!(
                    "{violation}\nThis was the history of ESCALATOR_SIMULATION_SEED={seed}:\n  {steps}\n{violation}"
                );
            }
        }
        scene.gitlab.stop().await;
    });
}

#[expect(clippy::disallowed_methods, reason = "a test has no configuration")]
fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}
