//! In place of the admin pages, in a program that was built without them.

use std::net::SocketAddr;
use std::sync::Arc;

use super::Server;
use super::address::{Reserved, Unavailable};
use super::playground::Playground;

impl Server {
    /// There are none.
    #[allow(clippy::unused_self, reason = "it stands for the method that starts them")]
    pub(crate) fn start_admin(
        &self,
        _: Option<Reserved>,
        _: Option<Arc<dyn Playground>>,
    ) -> Result<Option<SocketAddr>, Unavailable> {
        Ok(None)
    }
}
