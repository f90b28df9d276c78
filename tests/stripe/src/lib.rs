//! A fake of Stripe's API for tests: what a receiver of webhooks asks of it, with its rules and its faults.
//!
//! It keeps everything in memory. [`Fake::connect`] needs no socket, so that a test's clock may stand still;
//! [`Fake::listen`] listens on this machine; and the program `fake-stripe` is a process of its own, which tests tell the same
//! over HTTP (`control.rs`).
//!
//! Facts: <https://docs.stripe.com/api>. What is not documented is chosen so that a client which relies on it fails.

mod control;
mod deliver;
mod destinations;
mod endpoints;
mod events;
mod fault;
mod form;
mod list;
mod reply;
mod route;
mod serve;
mod state;

use std::fmt;
use std::net::SocketAddr;
use std::thread::JoinHandle;

use serde_json::Value;
use tokio::io::DuplexStream;
use tokio::sync::oneshot;

pub use fault::{Fault, What};
pub use form::decode_form;
use serve::{Shared, lock};
use state::Recorded;
pub use state::Request;

/// A fake of Stripe's API. Its clones are the same one.
#[derive(Clone, Default)]
pub struct Fake(Shared);

/// Leaves out what it was sent, such as keys.
impl fmt::Debug for Fake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fake")
    }
}

impl Fake {
    /// A fake that knows every key of the right form, and nothing else.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Connects to it without a socket. A task of the present runtime serves the connection.
    #[must_use]
    pub fn connect(&self) -> DuplexStream {
        let (theirs, ours) = tokio::io::duplex(64 * 1024);
        tokio::spawn(serve::serve(self.0.clone(), ours));
        theirs
    }

    /// Listens on a free port of this machine. It stops when the returned value is dropped.
    ///
    /// # Panics
    ///
    /// Panics if there is no free port.
    #[must_use]
    pub fn listen(&self) -> Listening {
        Listening::start(self.0.clone(), 0)
    }

    /// Listens on a port of this machine.
    ///
    /// # Panics
    ///
    /// Panics if the port is not free.
    #[must_use]
    pub fn listen_on(&self, port: u16) -> Listening {
        Listening::start(self.0.clone(), port)
    }

    /// Adds a snapshot event to an account (an empty text for the own one).
    pub fn add_event(&self, account: &str, event: Value, is_delivered: bool) {
        lock(&self.0).account(account).events.push(Recorded { event, is_delivered });
    }

    /// Adds a thin event to an account.
    pub fn add_thin_event(&self, account: &str, event: Value) {
        lock(&self.0).account(account).thin_events.push(event);
    }

    /// Puts an object of an account at a path, such as `/v1/customers/cus_1`.
    pub fn put_object(&self, account: &str, path: &str, object: Value) {
        lock(&self.0).account(account).objects.insert(path.to_owned(), object);
    }

    /// Removes an object, which is then not found any more.
    pub fn remove_object(&self, account: &str, path: &str) {
        lock(&self.0).account(account).objects.remove(path);
    }

    /// Adds a fault. Of several that are due in a call, the first is taken.
    pub fn fail(&self, fault: Fault) {
        lock(&self.0).faults.add(fault);
    }

    /// Knows this key only.
    pub fn only_key(&self, key: &str) {
        lock(&self.0).key = Some(key.to_owned());
    }

    /// Permits nothing but this, such as `rak_event_read`.
    pub fn permit(&self, permissions: &[&str]) {
        lock(&self.0).permissions = Some(permissions.iter().map(|name| (*name).to_owned()).collect());
    }

    /// Stops the clock at a time, in seconds since the Unix epoch.
    pub fn set_now(&self, now: u64) {
        lock(&self.0).now = Some(now);
    }

    /// All requests so far, the earliest first.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.0).requests.clone()
    }

    /// How many connections were made so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        lock(&self.0).connections
    }

    /// What an account has, with what Stripe does not show: `endpoints`, `destinations`, and the ids of `undelivered` events.
    #[must_use]
    pub fn state(&self, account: &str) -> Value {
        control::shown(&mut lock(&self.0), account)
    }
}

/// A fake that listens until this is dropped.
#[derive(Debug)]
pub struct Listening {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Listening {
    fn start(state: Shared, port: u16) -> Self {
        let listener = std::net::TcpListener::bind(("127.0.0.1", port)).expect("the port is free");
        listener.set_nonblocking(true).expect("the system can");
        let address = listener.local_addr().expect("it is bound");
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("the system has what it needs").block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).expect("it listens");
                tokio::select! {
                    never = serve::accept(state, listener) => match never {},
                    _ = stopped => {}
                }
            });
        });
        Self { address, stop: Some(stop), thread: Some(thread) }
    }

    /// The URL, such as `http://127.0.0.1:40000`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Waits until the process ends.
    pub fn wait(mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
