//! The program as a developer uses it: its commands, the compiler, the documentation.

mod admin;
mod alerts;
mod commands;
mod configuration;
mod docs;
mod explain;
mod handlers_lock;
mod house;
mod hygiene;
mod json;
mod live;
mod metrics;
mod own_project;
mod playground;
mod quickstart;
mod registry;
mod shop;
mod timestamps;
mod versions;
mod without_sqlite;
