//! What a service and systemd tell each other. Without the variables that systemd sets, nothing happens here.
//!
//! A message waits until systemd has read those before it, so a thread of its own sends them: the thread that receives
//! requests must not wait for a systemd that is frozen, or for another program that reads only the first message.
//!
//! <https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html>,
//! <https://www.freedesktop.org/software/systemd/man/latest/sd_listen_fds.html>

use std::net::TcpListener;
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use listenfd::ListenFd;
use sd_notify::NotifyState;
use socket2::SockRef;
use tracing::warn;

/// The most messages that wait to be sent. Those beyond are dropped: systemd has not read for a long time.
const MAX_WAITING: usize = 16;

/// What is told in one message.
type Message = Vec<NotifyState<'static>>;

/// Tells that the server is ready, or that it has read its secrets again.
pub(crate) fn ready() {
    tell(vec![NotifyState::Ready]);
}

/// Tells that the server is about to read its secrets again. [`ready`] must follow.
pub(crate) fn reloading() {
    let Ok(now) = NotifyState::monotonic_usec_now() else { return };
    tell(vec![NotifyState::Reloading, now]);
}

/// Tells that the server drains.
pub(crate) fn stopping() {
    tell(vec![NotifyState::Stopping]);
}

/// Tells again and again that the thread that calls this is at work, if systemd watches it. Never returns.
pub(crate) async fn keep_alive() {
    let Some(limit) = sd_notify::watchdog_enabled().filter(|limit| !limit.is_zero()) else {
        return std::future::pending().await;
    };
    // Twice in the time, as systemd's documentation recommends.
    let mut ticks = tokio::time::interval(limit / 2);
    loop {
        ticks.tick().await;
        tell(vec![NotifyState::Watchdog]);
    }
}

/// Sends a message after those before it. Does not wait.
fn tell(message: Message) {
    static SENDER: OnceLock<Option<SyncSender<Message>>> = OnceLock::new();
    if std::env::var_os("NOTIFY_SOCKET").is_none() {
        return;
    }
    let sender = SENDER.get_or_init(|| {
        let (sender, messages) = sync_channel(MAX_WAITING);
        let thread = std::thread::Builder::new().name("webhook-systemd".to_owned());
        let started = thread.spawn(move || send(&messages));
        started.inspect_err(|error| warn!(%error, "cannot notify systemd")).ok().map(|_| sender)
    });
    if let Some(sender) = sender {
        let _ = sender.try_send(message);
    }
}

/// Sends what comes, as long as the process lives.
fn send(messages: &Receiver<Message>) {
    for message in messages {
        if let Err(error) = sd_notify::notify(&message) {
            warn!(%error, "cannot notify systemd");
        }
    }
}

/// Takes the listening socket that systemd passes to this process, if it passes one. A second call finds none.
///
/// It removes the variables that announce the socket, so it is called at the start, when few threads read the environment.
///
/// # Errors
///
/// Says in a sentence why the server cannot listen on it.
pub(crate) fn passed_listener() -> Result<Option<TcpListener>, String> {
    let is_for_this_process = |pid: String| pid.parse() == Ok(std::process::id());
    if !std::env::var("LISTEN_PID").is_ok_and(is_for_this_process) {
        return Ok(None);
    }
    let mut passed = ListenFd::from_env();
    let unusable = |why: &str| format!("cannot listen on the socket that systemd passes: {why}");
    if passed.len() > 1 {
        return Err(unusable(&format!(
            "there are {}, and this server listens on one; `ListenStream=4242` takes IPv4 and IPv6",
            passed.len()
        )));
    }
    let Some(listener) = passed.take_tcp_listener(0).map_err(|error| unusable(&error.to_string()))? else {
        return Ok(None);
    };
    match SockRef::from(&listener).is_listener() {
        Ok(true) => {}
        _ => return Err(unusable("it is one connection; remove `Accept=yes` from the socket unit")),
    }
    listener.set_nonblocking(true).map_err(|error| unusable(&error.to_string()))?;
    Ok(Some(listener))
}
