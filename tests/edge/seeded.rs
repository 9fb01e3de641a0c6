//! Properties with a seed: printed when one fails, and given again in `PROPTEST_RNG_SEED`.

use std::fmt::Debug;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestRunner};

/// Tries a property with at least so many cases; `PROPTEST_CASES` may ask for more.
///
/// # Panics
/// With the seed and the smallest counterexample.
pub fn holds<S: Strategy>(cases: u32, strategy: &S, property: impl Fn(S::Value) -> Result<(), TestCaseError>)
where
    S::Value: Debug,
{
    // Reads the seed and the number of cases that somebody asks for.
    let asked = Config::default();
    let seed = match asked.rng_seed {
        RngSeed::Fixed(seed) => seed,
        RngSeed::Random => fastrand::u64(..),
    };
    let config = Config {
        cases: cases.max(asked.cases),
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        ..asked
    };
    if let Err(error) = TestRunner::new(config).run(strategy, property) {
        panic!("with PROPTEST_RNG_SEED={seed}: {error}");
    }
}
