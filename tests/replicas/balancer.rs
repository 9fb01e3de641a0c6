//! What a Kubernetes Service does: each connection goes to the next replica that takes it.

use std::net::SocketAddr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

/// Balances over the replicas until the runtime ends. Returns the address of the balancer.
pub async fn start(replicas: Vec<SocketAddr>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut turn = 0;
        while let Ok((mut client, _)) = listener.accept().await {
            turn += 1;
            let mut order = replicas.clone();
            order.rotate_left(turn % replicas.len());
            tokio::spawn(async move {
                for replica in order {
                    if let Ok(mut server) = TcpStream::connect(replica).await {
                        // Who dies on either side ends both.
                        let _ended = copy_bidirectional(&mut client, &mut server).await;
                        return;
                    }
                }
            });
        }
    });
    address
}
