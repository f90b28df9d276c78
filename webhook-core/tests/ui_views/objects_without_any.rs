#![allow(dead_code)]
use webhook_core::*;

objects! {
    pub mod stripe {}
}

fn main() {}
