//! Several instances that share an inbox in PostgreSQL, while instances and the database die.

mod bury;
mod chaos;
mod deploys;
mod failover;
mod fleet;
mod frozen;
