//! Several instances that share an inbox in PostgreSQL, while instances and the database die.

mod bury;
mod chaos;
mod cuts;
mod deploys;
mod failover;
mod fleet;
mod frozen;
mod lanes;
mod outage;
mod pinned;
mod pool;
mod tried;
