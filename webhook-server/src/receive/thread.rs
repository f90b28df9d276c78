//! The runtime that receives events: one thread, on which no handler runs.

use std::future::Future;
use std::io;

use tokio::sync::oneshot;

/// Runs a future to its end on a thread of its own. The caller's runtime stays free for handlers.
///
/// # Errors
///
/// Fails if the system has no thread, or the future panics.
pub(crate) async fn run<T: Send + 'static>(
    future: impl Future<Output = T> + Send + 'static,
) -> io::Result<T> {
    let (done, result) = oneshot::channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("webhook-ingest".to_owned()).spawn(move || {
        let result = runtime.block_on(future);
        // With what was left running goes the last hold on the inbox, which is then closed. What watches over a handler
        // that cannot be cancelled is not waited for.
        runtime.shutdown_background();
        let _ = done.send(result);
    })?;
    result.await.map_err(|_| io::Error::other("the server panicked"))
}
