//! A PostgreSQL that lets in late, and hosts that take a connection or not and say nothing.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use escalator::clock::Millis;
use escalator::store::Store;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_postgres::NoTls;

use super::postgres;

/// Longer than any call may take.
const SLOW: Duration = Duration::from_millis(2_500);
/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whom a gate lets in.
#[derive(Clone, Copy)]
enum Pass {
    AtOnce,
    After(Duration),
    /// Taken, and never heard of again.
    Nobody,
    /// In, but nothing is heard of it from the time on when it wants to listen.
    NobodyWhoListens,
}

/// The way to a PostgreSQL.
struct Gate {
    port: u16,
    open: Arc<Mutex<(Pass, usize)>>,
}

impl Gate {
    async fn before(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let open = Arc::new(Mutex::new((Pass::AtOnce, 0)));
        let gate = Self { port, open: Arc::clone(&open) };
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let (pass, came) = *open.lock().unwrap();
                open.lock().unwrap().1 = came + 1;
                tokio::spawn(async move {
                    match pass {
                        Pass::AtOnce | Pass::NobodyWhoListens => {}
                        Pass::After(wait) => tokio::time::sleep(wait).await,
                        Pass::Nobody => std::future::pending().await,
                    }
                    let mut server = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
                    let _ended = match pass {
                        Pass::NobodyWhoListens => let_nobody_listen(&mut client, &mut server).await,
                        Pass::AtOnce | Pass::After(_) | Pass::Nobody => {
                            copy_bidirectional(&mut client, &mut server).await.map(|_| ())
                        }
                    };
                });
            }
        });
        gate
    }

    /// From now on. Returns how many have come so far.
    fn let_in(&self, pass: Pass) -> usize {
        let mut open = self.open.lock().unwrap();
        open.0 = pass;
        open.1
    }

    fn came(&self) -> usize {
        self.open.lock().unwrap().1
    }
}

async fn let_nobody_listen(client: &mut TcpStream, server: &mut TcpStream) -> std::io::Result<()> {
    let mut said = [0; 8192];
    loop {
        let mut heard = [0; 8192];
        tokio::select! {
            length = client.read(&mut said) => {
                let said = &said[..length?];
                if said.is_empty() {
                    return Ok(());
                }
                if said.windows(6).any(|word| word == b"LISTEN") {
                    std::future::pending().await
                }
                server.write_all(said).await?;
            }
            length = server.read(&mut heard) => match &heard[..length?] {
                [] => return Ok(()),
                heard => client.write_all(heard).await?,
            },
        }
    }
}

/// A host whose backlog is full: it takes no connection and refuses none.
struct Mute {
    port: u16,
    _listener: TcpListener,
    _before: Vec<TcpStream>,
}

impl Mute {
    async fn start() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut before = Vec::new();
        let connect = || tokio::time::timeout(Duration::from_millis(300), TcpStream::connect(address));
        while let Ok(stream) = connect().await {
            before.push(stream.unwrap());
        }
        Self { port: address.port(), _listener: listener, _before: before }
    }
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !holds().await {
        assert!(started.elapsed() < PATIENCE, "never happened: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_lets_in_later_than_a_call_may_take_is_reached_by_a_later_call() {
    let server = postgres::shared();
    let gate = Gate::before(server.port()).await;
    let url = server.create_database().replace(&server.port().to_string(), &gate.port.to_string());
    let store = Store::connect(&url).await.unwrap();
    gate.let_in(Pass::After(SLOW));
    until("it is reached", async || store.beat(Millis(0)).await.is_ok()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_that_say_nothing_do_not_keep_anybody_from_the_one_that_answers() {
    let server = postgres::shared();
    let (first, second) = (Mute::start().await, Mute::start().await);
    let hosts = format!("127.0.0.1:{},127.0.0.1:{},127.0.0.1:", first.port, second.port);
    let url = server.create_database().replace("127.0.0.1:", &hosts);
    let store = Store::connect(&url).await.unwrap();
    until("it is reached", async || store.beat(Millis(0)).await.is_ok()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_takes_a_connection_and_says_nothing_keeps_nobody_from_the_next_one() {
    let server = postgres::shared();
    let gate = Gate::before(server.port()).await;
    gate.let_in(Pass::Nobody);
    let hosts = format!("127.0.0.1:{},127.0.0.1:", gate.port);
    let url = server.create_database().replace("127.0.0.1:", &hosts);
    let store = Store::connect(&url).await.unwrap();
    until("it is reached", async || store.beat(Millis(0)).await.is_ok()).await;
    assert!(gate.came() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_listens_for_marks_gives_up_a_connection_that_says_nothing() {
    let server = postgres::shared();
    let gate = Gate::before(server.port()).await;
    let straight = server.create_database();
    let (client, connection) = tokio_postgres::connect(&straight, NoTls).await.unwrap();
    tokio::spawn(connection);
    let listeners = "FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'";
    let listens = async || {
        let row = client.query_one(&format!("SELECT count(*) {listeners}"), &[]).await.unwrap();
        row.get::<_, i64>(0) > 0
    };
    let _store =
        Store::connect(&straight.replace(&server.port().to_string(), &gate.port.to_string())).await.unwrap();
    until("it listens", listens).await;

    for pass in [Pass::Nobody, Pass::NobodyWhoListens] {
        let before = gate.let_in(pass);
        let end = format!("SELECT pg_terminate_backend(pid) {listeners}");
        client.batch_execute(&end).await.unwrap();
        until("it tries to listen again", async || gate.came() > before).await;
        gate.let_in(Pass::AtOnce);
        until("it listens", listens).await;
    }
}
