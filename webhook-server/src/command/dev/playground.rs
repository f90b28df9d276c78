//! Sending what a person has made up on the page *Playground*: through the network, as Stripe would.

use std::net::SocketAddr;

use webhook_core::Secret;

use super::url;
use crate::command::{Failure, send, unix_now};
use crate::endpoint::ServedEndpoint;
use crate::future::BoxFuture;
use crate::report::format::chain;
use crate::server::playground::{Playground, Signed};

/// Sends to the server that listens here.
pub(super) struct ToItself(pub(super) SocketAddr);

/// A secret that no endpoint has, since it is not random.
const OF_ANOTHER: &str = "whsec_not_the_secret_of_any_endpoint";

impl Playground for ToItself {
    fn send<'p>(
        &'p self,
        endpoint: &'p ServedEndpoint,
        body: Vec<u8>,
        signed: Signed,
    ) -> BoxFuture<'p, Result<u16, String>> {
        Box::pin(async move {
            let url = url(self.0, endpoint).map_err(|failure| match failure {
                Failure::Failed(reason) => reason,
                Failure::Misconfigured(_) => "the URL of the endpoint is not valid".to_owned(),
            })?;
            let current = endpoint.secrets.current();
            let another = [Secret::new(OF_ANOTHER).map_err(|error| chain(&error))?];
            let secrets = match signed {
                Signed::ByStripe => current.all(),
                Signed::ByAnother => &another,
            };
            let answer = send::send(body, secrets, (&url, None), unix_now()).await;
            Ok(answer.map_err(|error| chain(&error))?.status().as_u16())
        })
    }
}
