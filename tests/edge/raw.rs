//! A connection on which every byte is ours: requests that no HTTP client would send.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// Only keeps a test that would hang from hanging forever.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Connection(TcpStream);

impl Connection {
    pub fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self(stream)
    }

    /// The head of a delivery, with these lines after the usual ones.
    pub fn head(&mut self, lines: &[&str]) {
        let usual = "POST /webhooks/gitlab HTTP/1.1\r\nHost: escalator\r\n";
        self.send(format!("{usual}{}\r\n\r\n", lines.join("\r\n")).as_bytes());
    }

    /// Sends bytes; a receiver that has hung up meanwhile has its reasons, which the answer tells.
    pub fn send(&mut self, bytes: &[u8]) {
        let _hung_up = self.0.write_all(bytes);
    }

    /// One chunk of a chunked body; an empty one ends it.
    pub fn chunk(&mut self, bytes: &[u8]) {
        self.send(format!("{:x}\r\n", bytes.len()).as_bytes());
        self.send(bytes);
        self.send(b"\r\n");
    }

    /// Sends no more, but still listens.
    pub fn stop_sending(&self) {
        self.0.shutdown(Shutdown::Write).unwrap();
    }

    /// The status and the rest of the next answer: its head, which must announce an empty body.
    pub fn answer(&mut self) -> u16 {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            assert_eq!(
                self.0.read(&mut byte).unwrap(),
                1,
                "ended after {:?}",
                String::from_utf8_lossy(&head)
            );
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap().to_lowercase();
        assert!(head.contains("content-length: 0\r\n"), "{head}");
        head.split(' ').nth(1).unwrap().parse().unwrap()
    }

    /// Whether the other side has hung up: no more bytes come.
    pub fn is_over(&mut self) -> bool {
        let mut rest = Vec::new();
        match self.0.read_to_end(&mut rest) {
            Ok(_) => rest.is_empty(),
            Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }
}
