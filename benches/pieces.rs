//! Runs one piece of the hot path so many times and nothing else, so that `benches/budget` can count its instructions; and
//! fills a store, so that a long queue can be had in seconds.
//!
//! `pieces NAME ROUNDS [STORE]`, or `pieces fill KEYS STORE`, where the store is a file or an address of PostgreSQL. By
//! itself, as `cargo bench` calls it, it does nothing.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on should say where")]

mod paths;

use std::hint::black_box;
use std::path::Path;

use escalator::store::Store;
use tokio::runtime::{Builder, Runtime};

use paths::{NOW, Paths, claim_and_put_last, fill, mark, receive_plain};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => {}
        [name, rounds] => pure(name, rounds.parse().unwrap()),
        [name, rounds, store] => stored(name, rounds.parse().unwrap(), store),
        _ => panic!("expected a piece, how often, and perhaps a store"),
    }
}

fn pure(name: &str, rounds: u64) {
    let paths = Paths::new();
    for _ in 0..rounds {
        match name {
            "prove" => drop(black_box(paths.prove())),
            "read-not-mattering" => drop(black_box(paths.read_plain())),
            "read-mattering" => drop(black_box(paths.read_incident())),
            "assess" => drop(black_box(paths.assess())),
            _ => panic!("there is no piece {name}"),
        }
    }
}

fn stored(name: &str, rounds: u64, place: &str) {
    let runtime: Runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = match place.contains("://") {
            true => Store::connect(place).await.unwrap(),
            false => Store::open(Path::new(place), NOW).unwrap(),
        };
        match name {
            "fill" => fill(&store, rounds).await,
            "receive-not-mattering" => receive_plain(store, rounds).await,
            "mark" => {
                for iid in 1..=rounds {
                    mark(&store, iid..iid + 1).await;
                }
            }
            "mark-waiting" => {
                for _ in 0..rounds {
                    mark(&store, 1..2).await;
                }
            }
            "claim" => {
                for round in 0..rounds {
                    claim_and_put_last(&store, round).await;
                }
            }
            _ => panic!("there is no piece {name}"),
        }
    });
}
