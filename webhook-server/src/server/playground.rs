//! What `dev` gives its admin pages, so that they can send events to its own listener as Stripe would.

use crate::endpoint::ServedEndpoint;
use crate::future::BoxFuture;

/// Sends events to this server.
pub(crate) trait Playground: Send + Sync {
    /// Sends a body to an endpoint through the network, signed with its secret or with one that it does not know. Returns the
    /// answer's status, or why there is none.
    fn send<'p>(
        &'p self,
        endpoint: &'p ServedEndpoint,
        body: Vec<u8>,
        signed: Signed,
    ) -> BoxFuture<'p, Result<u16, String>>;
}

/// Whose signature a body has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signed {
    ByStripe,
    ByAnother,
}
