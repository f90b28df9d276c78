//! What senders send, and what they are told.

mod misbehaviour;
mod sdk;
mod status;
