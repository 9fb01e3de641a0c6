//! `escalator demo`, as far as its command line goes; what it shows is tested in a browser.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::program::Place;

#[test]
fn the_demo_prints_where_it_is_and_stops_when_asked_to() {
    for arguments in
        [&["demo", "--listen", "127.0.0.1:0"][..], &["demo", "--listen", "127.0.0.1:0", "--sandbox-only"]]
    {
        let place = Place::new();
        let mut command = place.command(arguments);
        let mut demo = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(demo.stdout.take().unwrap()).lines().map_while(Result::ok);
        let told: Vec<String> = lines.take_while(|line| !line.contains("Stop it with Ctrl-C.")).collect();
        assert!(told.join("\n").contains("http://127.0.0.1:"), "{told:?}");
        assert!(Command::new("kill").args(["-TERM", &demo.id().to_string()]).status().unwrap().success());
        assert_eq!(demo.wait().unwrap().code(), Some(0), "{arguments:?}");
        let left = std::fs::read_dir(place.path(".")).unwrap().count();
        assert_eq!(left, 0, "nothing is left where it was started");
    }
}

#[test]
fn the_demo_listens_on_loopback_only() {
    for address in
        ["0.0.0.0:7077", "192.0.2.1:7077", "[::]:7077", "127.0.0.2:0", "localhost:7077", "7077", ""]
    {
        let run = Place::new().run(&["demo", "--listen", address]);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{address}");
        assert!(run.err.contains("127.0.0.1"), "{}", run.err);
    }
}

#[test]
fn a_port_that_is_taken_is_said_with_a_way_out() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let run = Place::new().run(&["demo", "--listen", &address]);
    assert_eq!(run.code, 1);
    assert!(run.err.contains(&address) && run.err.contains("--listen 127.0.0.1:0"), "{}", run.err);
}
