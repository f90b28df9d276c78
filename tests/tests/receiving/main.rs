//! What senders send, and what they are told.

mod hostile;
mod misbehaviour;
mod mounted;
mod sdk;
mod status;
