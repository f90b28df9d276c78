//! What only this store does, on a real server.

mod dead_rows;
mod figures;
mod missing_handlers;
mod operators;
mod pairs;
mod plans;
mod protocol;
mod standby;
mod twins;
