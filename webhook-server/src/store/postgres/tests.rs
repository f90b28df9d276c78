//! What only this store does, on a real server.

mod figures;
mod operators;
mod pairs;
mod plans;
mod protocol;
mod standby;
