//! Processes and disks that fail at the worst moment: nothing that was acknowledged is lost.

mod ack_order;
mod disk;
mod endpoints;
mod failpoints;
mod io_faults;
mod kill;
mod rolling;
mod stopping;
