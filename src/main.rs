//! `escalator`: parses the command line and runs one command.

use std::process::ExitCode;

fn main() -> ExitCode {
    escalator::cli::run()
}
