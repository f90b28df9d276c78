//! The client against a fake of Stripe's API.

mod calls;
mod canary;
mod connections;
mod pages;
mod reader;
mod repeated;

use fake_stripe::Fake;

use super::*;
use crate::secrets::Medium;

/// A key that nothing may show.
const KEY: &str = "rk_test_Do8Not9Show7This0123456789";

fn key() -> ApiKey {
    ApiKey::new(KEY, Medium::Variable).expect("it has the form of a key")
}

fn client(fake: &Fake) -> Client {
    client_with(fake, key())
}

/// A client that needs no socket, so that the clock may stand still.
fn client_with(fake: &Fake, key: ApiKey) -> Client {
    let mut connections = Connections::to(Uri::from_static(STRIPE));
    connections.fake = Some(fake.clone());
    Client(Arc::new(Shared { key, connections, pace: Pace::new(25, 16) }))
}
