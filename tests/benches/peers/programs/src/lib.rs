//! What the measured programs share: the secret, the address to listen on, and what their handlers do.
//!
//! All do the same work with an event: they check its signature, read the nine fields of [`Paid`], compare them with what
//! was sent, and count the event. A line on standard input asks for the counts.

mod counted;
mod expert;
mod plain;
mod signature;

pub use counted::{Paid, count, tell_counts};
pub use expert::serve_expert;
pub use plain::serve;
pub use signature::{SECRET, is_signed};

/// The address to listen on.
pub fn address() -> std::net::SocketAddr {
    let text = std::env::var("WEBHOOK_LISTEN").expect("the benchmark says where to listen");
    text.parse().expect("it is an address")
}
