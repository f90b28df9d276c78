//! Futures of one type, so that what takes them is compiled once.

use std::pin::Pin;

/// A future in a box.
///
/// A public `async fn` awaits one that a plain function made, because the compiler compiles the body of an `async fn` where
/// it is awaited: otherwise each program would compile the whole server, at each change.
pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Spawns a task that lasts longer than a request. The runtime's code is compiled for each type of future that it takes.
pub(crate) fn spawn(future: impl Future<Output = ()> + Send + 'static) {
    fn spawn(future: BoxFuture<'static, ()>) {
        tokio::spawn(future);
    }
    spawn(Box::pin(future));
}
