//! Repeats one step of an event's way, so that `.ci/instructions` can count what the step costs: the difference between
//! many repetitions and few, divided by their number.
//!
//! `instructions STEP TIMES`; without arguments it lists the steps.

mod by_hand;
mod steps;

use std::hint::black_box;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let step = arguments.next();
    let times = arguments.next().and_then(|times| times.parse().ok());
    let found = steps::STEPS.iter().find(|(name, _)| Some(*name) == step.as_deref());
    match (found, times) {
        (Some((_, repeat)), Some(times)) => repeat(black_box(times)),
        (None, _) if step.is_none() => steps::STEPS.iter().for_each(|(name, _)| println!("{name}")),
        _ => {
            eprintln!("usage: instructions STEP TIMES");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
