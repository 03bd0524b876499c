//! A listener: accepts connections, as many as there may be, and lets them end when the host stops.

use super::connection;
use crate::sse;
use crate::task::Tasks;
use anyhow::Context;
use axum::Router;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// Connections that the kernel keeps for us until they are accepted.
const BACKLOG: u32 = 4_096;

/// The other end of a connection; each of its requests has it among its extensions.
#[derive(Clone, Debug)]
pub struct Peer {
    pub address: SocketAddr,
    /// Cancel it to tear the connection down, whatever is under way on it.
    pub torn_down: CancellationToken,
}

/// A bound socket.
pub struct Listener {
    /// For people.
    name: &'static str,
    socket: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Takes the address.
    pub fn bind(name: &'static str, address: SocketAddr) -> anyhow::Result<Self> {
        let bind = || {
            let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
            socket.set_reuseaddr(true)?;
            socket.bind(address)?;
            let socket = socket.listen(BACKLOG)?;
            let address = socket.local_addr()?;
            Ok::<_, std::io::Error>((socket, address))
        };
        let (socket, address) = bind().with_context(|| format!("the {name} listener cannot have {address}"))?;
        Ok(Self { name, socket, address })
    }

    /// The line that says where it is, for scripts and people.
    pub fn announcement(&self) -> String {
        format!("listening {} http://{}", self.name, self.address)
    }

    /// Serves until `tasks` are told to stop; the connections are among them.
    pub async fn serve(self, routes: Router, at_once: usize, tasks: Tasks) {
        let room = Arc::new(Semaphore::new(at_once.min(Semaphore::MAX_PERMITS)));
        let stop = tasks.stopping();
        loop {
            let next = async {
                let permit = room.clone().acquire_owned().await.ok();
                (permit, self.socket.accept().await)
            };
            let (permit, accepted) = tokio::select! {
                next = next => next,
                () = stop.cancelled() => return,
            };
            let (socket, address) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, mostly: one that closes makes room.
                    tracing::warn!(listener = self.name, %error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            let peer = Peer { address, torn_down: CancellationToken::new() };
            let (routes, stop, streams) = (routes.clone(), stop.clone(), tasks.clone());
            tasks.spawn_one_of_many(async move {
                // Boxed, so that a task of a connection and one of a stream each have the size that they need.
                if let Some((socket, stream)) = Box::pin(connection::serve(socket, peer, routes, stop)).await {
                    streams.spawn_one_of_many(async move {
                        sse::raw::run(socket, stream).await;
                        drop(permit);
                    });
                }
            });
        }
    }
}
