//! What the server says apart from its answers.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_postgres::AsyncMessage;
use tokio_postgres::error::{DbError, Severity};
use tracing::{debug, warn};

use crate::store::postgres::problem::{Cause, Problem};

/// What the server said apart from its answers.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Counts the warnings.
    pub(super) warnings: AtomicU64,
}

/// Moves the connection's messages until it ends. A warning is noted before the answer that follows it is passed on.
pub(super) async fn drive<S, T>(mut driver: tokio_postgres::Connection<S, T>, heard: Arc<Heard>)
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        match poll_fn(|context| driver.poll_message(context)).await {
            Some(Ok(AsyncMessage::Notice(notice))) if is_warning(&notice) => {
                heard.warnings.fetch_add(1, Ordering::AcqRel);
                warn!(message = %Cause::of_server(&notice), "the inbox's database warns");
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => {
                let problem = Problem::from(error);
                return debug!(%problem, "a connection to the inbox's database ended");
            }
            None => return,
        }
    }
}

/// Whether a notice says that something is wrong.
fn is_warning(notice: &DbError) -> bool {
    use Severity::{Debug, Info, Log, Notice};
    !matches!(notice.parsed_severity(), Some(Debug | Info | Log | Notice))
}
