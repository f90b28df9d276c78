//! The admin pages of a server.

use std::net::SocketAddr;
use std::sync::Arc;

use tracing::warn;

use super::address::{Reserved, Unavailable};
use super::playground::Playground;
use super::{Parts, Server};
use crate::admin::listener::listen;
use crate::admin::{Admin, Live, Numbers, Reached, Subject};
use crate::future::spawn;
use crate::operate::tail;
use crate::settings::Settings;
use crate::store::InboxLocation;

impl Server {
    /// Starts the admin pages on their own address, which may be reserved already. Returns it; `None` if there are none: the
    /// settings say so, or another program has the usual address.
    ///
    /// # Errors
    ///
    /// Fails if an address that was chosen is not available.
    pub(crate) fn start_admin(
        &self,
        reserved: Option<Reserved>,
        playground: Option<Arc<dyn Playground>>,
    ) -> Result<Option<SocketAddr>, Unavailable> {
        let Some(address) = self.parts.settings.admin else { return Ok(None) };
        let reserved = reserved.map_or_else(|| Reserved::new(address, "admin"), Ok);
        let listener = match reserved.and_then(Reserved::listen) {
            Ok(listener) => listener.socket,
            Err(unavailable) if unavailable.is_in_use() && Settings::default().admin == Some(address) => {
                warn!(problem = %unavailable, "no admin pages");
                return Ok(None);
            }
            Err(unavailable) => return Err(unavailable),
        };
        let address = listener.local_addr().unwrap_or(address);
        spawn(listen(
            listener,
            Arc::new(Admin::new(Subject { playground, ..self.subject() }, Reached::Directly)),
        ));
        Ok(Some(address))
    }

    /// What the admin pages show.
    pub(crate) fn subject(&self) -> Subject {
        let Parts { registry, endpoints, settings, token, .. } = &self.parts;
        Subject {
            operations: self.operations(),
            registry: Arc::clone(registry),
            endpoints: endpoints.clone(),
            numbers: Numbers { metrics: Arc::clone(&self.parts.metrics), gauging: self.gauging() },
            phase: Arc::clone(&self.phase),
            token: token.clone(),
            url: settings.admin_url.clone(),
            is_read_only: settings.admin_read_only,
            live: Live::new(match settings.inbox {
                // Looking costs next to nothing, and a person is trying something.
                InboxLocation::Memory => tail::PAUSE / 4,
                _ => tail::PAUSE,
            }),
            playground: None,
        }
    }
}
