//! What senders send, and what they are told.

mod endpoints;
mod hostile;
mod misbehaviour;
mod mounted;
mod reload;
mod sdk;
mod status;
mod systemd;
mod thin;
mod tls;
