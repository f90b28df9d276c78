//! The inbox of a program: what it stores, runs and lists.

mod exactly_once;
mod file;
mod moving;
mod operating;
mod postgres;
mod stored;
mod unkeepable;
