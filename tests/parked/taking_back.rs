//! What is the same wherever `escalator undo` is run: waiting for it, and reading what it says.

use std::process::{Child, Command, Output, Stdio};

use escalator::clock::now;

/// Runs the command, while GitLab and whoever serves go on.
pub async fn run(command: Command) -> Output {
    ended(start(command)).await
}

pub fn start(mut command: Command) -> Child {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

pub async fn ended(child: Child) -> Output {
    tokio::task::spawn_blocking(|| child.wait_with_output().unwrap()).await.unwrap()
}

/// A moment, as it is given to `--since`, after everything so far and before everything from now on.
pub fn this_moment() -> String {
    let past = now();
    while now() <= past {
        std::hint::spin_loop();
    }
    jiff::Timestamp::from_millisecond(now().0).unwrap().to_string()
}

/// What it prints.
pub fn printed(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Its exit code, and all that it says.
pub fn said(output: &Output) -> (Option<i32>, String) {
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), printed(output) + &error)
}

/// The figure of a row of the table.
pub fn count(output: &Output, row: &str) -> usize {
    let out = printed(output);
    let line = out.lines().find(|line| line.trim().starts_with(row));
    line.unwrap_or_else(|| panic!("no {row} in {out}")).split_whitespace().last().unwrap().parse().unwrap()
}
