//! What only this store does, on a real server.

mod operators;
mod protocol;
