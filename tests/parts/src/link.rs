//! The network between two parts: a port that leads to another, by a way that can be slow, or broken.

use crate::free_port;
use anyhow::Result;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{sleep, spawn};
use std::time::Duration;

/// A way to a port of 127.0.0.1. It lasts as long as the process.
#[derive(Clone, Debug)]
pub struct Link {
    port: u16,
    way: Arc<Way>,
}

/// How it is with all connections over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Well,
    /// Each piece takes so much longer, in either direction.
    Slow(Duration),
    /// Nothing arrives, and nobody is told.
    Broken,
}

#[derive(Debug)]
struct Way {
    state: Mutex<State>,
    changed: Condvar,
}

impl Link {
    /// Leads to this port from now on, whether somebody listens there or not.
    pub fn to(port: u16) -> Result<Self> {
        let here = free_port()?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, here))?;
        let way = Arc::new(Way { state: Mutex::new(State::Well), changed: Condvar::new() });
        let leads = way.clone();
        spawn(move || {
            for near in listener.incoming().flatten() {
                let way = leads.clone();
                spawn(move || way.connect(near, port));
            }
        });
        Ok(Self { port: here, way })
    }

    /// Where it begins, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Each piece takes so much longer.
    pub fn slow(&self, by: Duration) {
        self.way.set(State::Slow(by));
    }

    /// Nothing arrives, until [`Self::mend`].
    pub fn cut(&self) {
        self.way.set(State::Broken);
    }

    /// What was under way arrives.
    pub fn mend(&self) {
        self.way.set(State::Well);
    }
}

impl Way {
    fn set(&self, state: State) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
        self.changed.notify_all();
    }

    /// As long as a piece takes.
    fn pass(&self) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let state = self.changed.wait_while(state, |state| *state == State::Broken).unwrap_or_else(PoisonError::into_inner);
        if let State::Slow(by) = *state {
            drop(state);
            sleep(by);
        }
    }

    fn connect(self: Arc<Self>, near: TcpStream, port: u16) {
        self.pass();
        let Ok(far) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else { return };
        let both = [&near, &far].map(|socket| socket.set_nodelay(true).and_then(|()| socket.try_clone()));
        let [Ok(near_again), Ok(far_again)] = both else { return };
        let back = self.clone();
        spawn(move || back.carry(far_again, near_again));
        self.carry(near, far);
    }

    /// From one end to the other, until either is gone.
    fn carry(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut piece = vec![0; 64 << 10];
        while let Ok(length @ 1..) = from.read(&mut piece) {
            self.pass();
            let Some(read) = piece.get(..length) else { break };
            if to.write_all(read).is_err() {
                break;
            }
        }
        self.pass();
        drop(to.shutdown(Shutdown::Both));
        drop(from.shutdown(Shutdown::Both));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    /// Sends what it is sent back.
    fn echo() -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        spawn(move || {
            let (socket, _) = listener.accept().unwrap();
            let mut back = socket.try_clone().unwrap();
            std::io::copy(&mut &socket, &mut back).unwrap();
        });
        port
    }

    #[test]
    fn what_was_under_way_when_it_broke_arrives_when_it_is_mended() {
        let link = Link::to(echo()).unwrap();
        let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, link.port())).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        let mut said = [0; 2];
        socket.write_all(b"ab").unwrap();
        socket.read_exact(&mut said).unwrap();
        link.cut();
        socket.write_all(b"cd").unwrap();
        assert!(socket.read(&mut said).is_err(), "nothing comes");
        link.slow(Duration::from_millis(30));
        let begun = Instant::now();
        socket.write_all(b"ef").unwrap();
        socket.set_read_timeout(None).unwrap();
        let mut all = [0; 4];
        socket.read_exact(&mut all).unwrap();
        assert_eq!((&all, begun.elapsed() >= Duration::from_millis(30)), (b"cdef", true));
    }
}
