//! What senders send, and what they are told.

mod misbehaviour;
mod mounted;
mod sdk;
mod status;
