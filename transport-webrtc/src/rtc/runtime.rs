//! The engine's runtime: Tokio, with the mends that the engine needs from outside.
//!
//! - **Flush.** The driver sends what its last round produced only when it wakes again, which can be 200 ms
//!   later: so every second sleep of the driver task ends at once, and the driver goes round once more.
//! - **Socket buffers.** Bursts of a data channel overflow the default buffers of the system.
//! - **Relays.** Why a TURN server gives no relay is told by nobody: its answers are looked at on their way.
//! - **Ownership.** All tasks of the engine belong to the connection; a driver that ends or panics unasked
//!   is reported.

use std::any::Any;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::Duration;

use futures::FutureExt;
use socket2::SockRef;
use tokio::task;
use webrtc::runtime::{
    AsyncInterval, AsyncTcpListener, AsyncTcpStream, AsyncUdpSocket, JoinHandle, Runtime, TokioRuntime,
};

use super::progress::Progress;
use super::tasks::Tasks;
use super::watched_socket::WatchedSocket;

/// How long a name of a STUN or TURN server may take to resolve: the driver waits for it, and with it the
/// whole connection.
const RESOLVE_DEADLINE: Duration = Duration::from_secs(2);

/// Called once, with the reason, if the driver stops.
pub(super) type DriverStopped = Box<dyn Fn(&str) + Send + Sync>;

/// One connection's runtime.
pub(super) struct EngineRuntime {
    tokio: TokioRuntime,
    tasks: Weak<Tasks>,
    socket_buffer_bytes: usize,
    watched: Option<Arc<Mutex<Progress>>>,
    driver: Arc<Driver>,
}

/// The first task the engine starts: it does all work of the connection.
struct Driver {
    task: OnceLock<task::Id>,
    slept: AtomicBool,
    stopped: DriverStopped,
}

impl EngineRuntime {
    /// * `watched`: where the talk with TURN servers is noted, if there are any.
    pub(super) fn new(
        tasks: &Arc<Tasks>,
        socket_buffer_bytes: usize,
        watched: Option<Arc<Mutex<Progress>>>,
        stopped: DriverStopped,
    ) -> Self {
        let driver = Driver { task: OnceLock::new(), slept: AtomicBool::new(false), stopped };
        Self {
            tokio: TokioRuntime,
            tasks: Arc::downgrade(tasks),
            socket_buffer_bytes,
            watched,
            driver: Arc::new(driver),
        }
    }

    /// Whether the caller is the driver and slept properly the last time.
    fn is_flush_due(&self) -> bool {
        self.driver.task.get() == task::try_id().as_ref()
            && self.driver.slept.fetch_xor(true, Ordering::Relaxed)
    }
}

impl Driver {
    async fn run(self: Arc<Self>, future: Pin<Box<dyn Future<Output = ()> + Send>>) {
        let is_driver = self.task.set(task::id()).is_ok();
        let outcome = AssertUnwindSafe(future).catch_unwind().await;
        match outcome {
            Err(panic) => (self.stopped)(&format!("the engine panicked: {}", panic_message(panic.as_ref()))),
            Ok(()) if is_driver => (self.stopped)("the engine stopped"),
            Ok(()) => (),
        }
    }
}

/// Returns what a panic said.
pub(super) fn panic_message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

impl Runtime for EngineRuntime {
    fn spawn(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) -> Box<dyn JoinHandle> {
        let handle = self.tasks.upgrade().map(|tasks| tasks.spawn(self.driver.clone().run(future)));
        Box::new(EngineTask(handle.map(|handle| handle.abort_handle())))
    }

    fn wrap_udp_socket(&self, socket: std::net::UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        let buffers = SockRef::from(&socket);
        // Best effort: the system caps both silently, and the connection works with less.
        buffers.set_recv_buffer_size(self.socket_buffer_bytes).ok();
        buffers.set_send_buffer_size(self.socket_buffer_bytes).ok();
        let socket = self.tokio.wrap_udp_socket(socket)?;
        Ok(match &self.watched {
            Some(progress) => Arc::new(WatchedSocket::new(socket, progress.clone())),
            None => socket,
        })
    }

    fn wrap_tcp_listener(&self, listener: std::net::TcpListener) -> io::Result<Arc<dyn AsyncTcpListener>> {
        self.tokio.wrap_tcp_listener(listener)
    }

    fn connect_tcp<'a>(
        &'a self,
        remote_addr: SocketAddr,
    ) -> Pin<Box<dyn Future<Output = io::Result<Arc<dyn AsyncTcpStream>>> + Send + 'a>> {
        self.tokio.connect_tcp(remote_addr)
    }

    fn resolve_host<'a>(
        &'a self,
        host: &'a str,
    ) -> Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'a>> {
        Box::pin(async move {
            tokio::time::timeout(RESOLVE_DEADLINE, self.tokio.resolve_host(host)).await.map_err(|_| {
                io::Error::new(io::ErrorKind::TimedOut, format!("{host} did not resolve in time"))
            })?
        })
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + 'static>> {
        match self.is_flush_due() {
            true => Box::pin(std::future::ready(())),
            false => self.tokio.sleep(duration),
        }
    }

    fn interval(&self, period: Duration) -> Box<dyn AsyncInterval> {
        self.tokio.interval(period)
    }

    fn block_on(&self, future: Pin<Box<dyn Future<Output = ()> + '_>>) {
        self.tokio.block_on(future);
    }

    fn yield_now(&self) -> Pin<Box<dyn Future<Output = ()> + Send + 'static>> {
        self.tokio.yield_now()
    }

    fn name(&self) -> &'static str {
        "remotemedia"
    }
}

impl std::fmt::Debug for EngineRuntime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EngineRuntime").field("socket_buffer_bytes", &self.socket_buffer_bytes).finish()
    }
}

/// A task of the engine, owned by the connection's [`Tasks`]. `None`: the connection was gone already.
struct EngineTask(Option<task::AbortHandle>);

impl JoinHandle for EngineTask {
    fn detach(&self) {}

    fn abort(&self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }

    fn is_finished(&self) -> bool {
        self.0.as_ref().is_none_or(task::AbortHandle::is_finished)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    fn runtime() -> (Arc<EngineRuntime>, Arc<Tasks>, Arc<Mutex<Vec<String>>>) {
        let tasks = Arc::new(Tasks::default());
        let reasons = Arc::new(Mutex::new(Vec::new()));
        let seen = reasons.clone();
        let stopped: DriverStopped =
            Box::new(move |reason| seen.lock().expect("unpoisoned").push(reason.into()));
        (Arc::new(EngineRuntime::new(&tasks, 2 << 20, None, stopped)), tasks, reasons)
    }

    #[tokio::test(start_paused = true)]
    async fn every_second_sleep_of_the_driver_alone_ends_at_once() {
        let (runtime, tasks, _) = runtime();
        let (report, reported) = tokio::sync::oneshot::channel();
        let sleeper = runtime.clone();
        runtime.spawn(Box::pin(async move {
            let mut slept = Vec::new();
            for _ in 0..4 {
                let start = Instant::now();
                sleeper.sleep(Duration::from_secs(1)).await;
                slept.push(start.elapsed().as_secs());
            }
            report.send(slept).expect("waited for");
        }));
        assert_eq!(reported.await.expect("reported"), [1, 0, 1, 0]);
        for _ in 0..2 {
            let start = Instant::now();
            runtime.sleep(Duration::from_secs(1)).await;
            assert_eq!(start.elapsed().as_secs(), 1);
        }
        tasks.join(Duration::from_secs(1)).await;
    }

    #[tokio::test]
    async fn a_driver_that_panics_is_reported_and_takes_nothing_down() {
        let (runtime, tasks, reasons) = runtime();
        runtime.spawn(Box::pin(async { panic!("index out of bounds") }));
        tasks.join(Duration::from_secs(5)).await;
        assert_eq!(*reasons.lock().expect("unpoisoned"), ["the engine panicked: index out of bounds"]);
    }

    #[tokio::test]
    async fn sockets_get_larger_buffers_than_the_default() {
        let (runtime, _tasks, _) = runtime();
        let before = std::net::UdpSocket::bind("127.0.0.1:0").expect("binds");
        let default = SockRef::from(&before).recv_buffer_size().expect("readable");
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("binds");
        let probe = socket.try_clone().expect("clones");
        let _wrapped = runtime.wrap_udp_socket(socket).expect("wraps");
        assert!(SockRef::from(&probe).recv_buffer_size().expect("readable") > default);
    }
}
