//! Connections to Stripe's API, which are kept for the calls to come.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::Uri;
use tokio::time::Instant;

use crate::http_client::connection::Connection;
use crate::http_client::{SendError, Server, Trust};

/// How long a connection is kept that nobody needs. What is between here and there may have forgotten an older one.
const LONGEST_IDLE: Duration = Duration::from_secs(30);

/// The connections that are not at work, the latest last. There are no more than there were calls at once.
#[derive(Debug)]
pub(super) struct Connections {
    url: Uri,
    /// What stands for the URL in errors.
    shown: String,
    trust: Trust,
    idle: Mutex<Vec<(Connection, Instant)>>,
    /// Connected to in place of the URL.
    #[cfg(test)]
    pub(super) fake: Option<fake_stripe::Fake>,
}

impl Connections {
    pub(super) fn to(url: Uri) -> Self {
        Self {
            shown: url.to_string().trim_end_matches('/').to_owned(),
            url,
            trust: Trust::of_system(),
            idle: Mutex::default(),
            #[cfg(test)]
            fake: None,
        }
    }

    /// The server that they lead to.
    pub(super) fn server(&self) -> Server<'_> {
        Server { url: &self.url, shown: &self.shown, trust: &self.trust }
    }

    /// Takes a connection that was kept, or makes one.
    ///
    /// # Errors
    ///
    /// Fails if the server cannot be reached.
    pub(super) async fn take(&self) -> Result<Connection, SendError> {
        while let Some((mut connection, since)) = self.latest() {
            if since.elapsed() < LONGEST_IDLE && connection.is_usable().await {
                return Ok(connection);
            }
        }
        self.open().await
    }

    #[cfg(not(test))]
    async fn open(&self) -> Result<Connection, SendError> {
        Connection::open(self.server()).await
    }

    #[cfg(test)]
    async fn open(&self) -> Result<Connection, SendError> {
        match &self.fake {
            Some(fake) => Connection::over(fake.connect(), self.server()).await,
            None => Connection::open(self.server()).await,
        }
    }

    /// Keeps a connection, whose last answer was read whole.
    pub(super) fn keep(&self, connection: Connection) {
        self.kept().push((connection, Instant::now()));
    }

    fn latest(&self) -> Option<(Connection, Instant)> {
        self.kept().pop()
    }

    fn kept(&self) -> MutexGuard<'_, Vec<(Connection, Instant)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
