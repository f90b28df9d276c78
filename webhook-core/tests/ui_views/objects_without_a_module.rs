#![allow(dead_code)]
use webhook_core::*;

objects! { charge }

fn main() {}
