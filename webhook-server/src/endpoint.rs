//! An endpoint: the path that requests are sent to, and what makes them authentic there.

use std::fmt;
use std::sync::Arc;

use webhook_core::{Secret, Tolerance};

/// An endpoint. It travels with each request that was sent to it.
pub(crate) struct Endpoint {
    /// The path of its URL.
    pub(crate) path: Arc<str>,
    /// A request is authentic if any of these has signed it. There are two while Stripe rolls a secret.
    pub(crate) secrets: Arc<[Secret]>,
    /// How far a signature's timestamp may be off.
    pub(crate) tolerance: Tolerance,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("path", &self.path)
            .field("secrets", &self.secrets.len())
            .field("tolerance", &self.tolerance)
            .finish()
    }
}
