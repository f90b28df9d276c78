//! The server's own thread, on which no handler runs.
//!
//! Handlers run on the application's runtime. If one of them blocks all of its threads, the server still receives,
//! stores and answers.

use std::future::Future;
use std::io;

use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// Runs a future to its end on a thread and a runtime of its own. The caller's runtime remains free for handlers.
///
/// # Errors
///
/// Fails if the system cannot start a thread, or if the future panics.
pub(crate) async fn run<T: Send + 'static>(
    future: impl Future<Output = T> + Send + 'static,
) -> io::Result<T> {
    let (done, result) = oneshot::channel();
    start(future, move |result| {
        let _ = done.send(result);
    })?;
    result.await.map_err(|_| io::Error::other("the server panicked"))
}

/// Starts a future on a thread and a runtime of its own, and returns the handle of the runtime. `done` takes the result
/// when the runtime has ended; if the future panics, `done` is dropped.
///
/// # Errors
///
/// Fails if the system cannot start a thread.
pub(crate) fn start<T>(
    future: impl Future<Output = T> + Send + 'static,
    done: impl FnOnce(T) + Send + 'static,
) -> io::Result<Handle> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    std::thread::Builder::new().name("webhook-server".to_owned()).spawn(move || {
        let result = runtime.block_on(future);
        // The tasks that are left hold the inbox open; ending the runtime closes it. Watching a handler that cannot be
        // cancelled is not waited for.
        runtime.shutdown_background();
        done(result);
    })?;
    Ok(handle)
}
