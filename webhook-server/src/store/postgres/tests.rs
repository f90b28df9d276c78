//! What only this store does, on a real server.

mod figures;
mod operators;
mod pairs;
mod protocol;
mod standby;
