//! A shop's handlers, by subject.

pub mod disputes;
pub mod orders;
