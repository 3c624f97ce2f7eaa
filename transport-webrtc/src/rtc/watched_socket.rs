//! A socket that looks at its talk with TURN servers.

use std::fmt;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use webrtc::runtime::{AsyncUdpSocket, RecvMeta, Transmit};

use super::progress::Progress;
use super::relays::Relays;

/// A socket that notes what it asks of TURN servers, and what they answer.
pub(super) struct WatchedSocket {
    socket: Arc<dyn AsyncUdpSocket>,
    progress: Arc<Mutex<Progress>>,
}

impl WatchedSocket {
    pub(super) fn new(socket: Arc<dyn AsyncUdpSocket>, progress: Arc<Mutex<Progress>>) -> Self {
        Self { socket, progress }
    }

    fn note<T>(&self, note: impl FnOnce(&mut Relays) -> T) -> T {
        note(&mut self.progress.lock().unwrap_or_else(PoisonError::into_inner).relays)
    }
}

impl AsyncUdpSocket for WatchedSocket {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    fn poll_send(&self, cx: &mut Context<'_>, transmit: &Transmit<'_>) -> Poll<io::Result<usize>> {
        if Relays::concerns(transmit.contents) {
            self.note(|relays| relays.sent(transmit.destination, transmit.contents));
        }
        self.socket.poll_send(cx, transmit)
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let received = self.socket.poll_recv(cx, bufs, meta);
        if let Poll::Ready(Ok(count)) = received {
            for (buffer, meta) in bufs.iter().zip(meta.iter()).take(count) {
                // Several datagrams of one sender may lie in a buffer, each `stride` long.
                let filled = &buffer[..meta.len.min(buffer.len())];
                for datagram in filled.chunks(meta.stride.max(1)).filter(|part| Relays::concerns(part)) {
                    if let Some(fault) = self.note(|relays| relays.received(meta.addr, datagram)) {
                        tracing::warn!(fault, "no relay");
                    }
                }
            }
        }
        received
    }

    fn max_gso_segments(&self) -> usize {
        self.socket.max_gso_segments()
    }

    fn max_gro_segments(&self) -> usize {
        self.socket.max_gro_segments()
    }
}

impl fmt::Debug for WatchedSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchedSocket").field("socket", &self.socket).finish_non_exhaustive()
    }
}
