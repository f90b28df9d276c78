//! What the command line asks for.

use std::path::PathBuf;

use product_tests::target;

pub(crate) const USAGE: &str = "\
cargo bench -p product-tests --bench peers -- [PART…] [OPTION…]

Parts (all but soak by default):
  inline    CPU time and rate of each server, refusals, 1 and 1,000 handlers
  idle      memory with 1,000 idle and 64 active connections
  durable   acknowledged and handled beside a bare loop on SQLite
  growth    few and many stored events
  latency   at 200 events a second, beside the disk's own syncs
  postgres  one instance and three on PostgreSQL, beside pgbench
  soak      slopes of memory, descriptors, log and file over a long time

Options:
  --short           smaller numbers for everything below, to try it
  --rounds N        interleaved rounds (5)
  --requests N      requests of a server in a round (50000)
  --seconds N       length of each durable run, and of latency (60)
  --stored N        stored events of growth (1000000)
  --minutes N       length of soak (30)
  --folder PATH     for the inboxes and the report (target/peers)
  --programs PATH   a folder with the programs, which are then not built";

/// The parts that run unless some are named.
const USUAL: [&str; 6] = ["inline", "idle", "durable", "growth", "latency", "postgres"];

#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) parts: Vec<String>,
    pub(crate) rounds: u64,
    pub(crate) requests: u64,
    pub(crate) seconds: u64,
    pub(crate) stored: u64,
    pub(crate) minutes: u64,
    pub(crate) folder: PathBuf,
    pub(crate) programs: Option<PathBuf>,
    /// As it was written.
    pub(crate) line: String,
}

impl Options {
    /// Reads the command line. Returns what is wrong with it.
    pub(crate) fn read(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        // Cargo adds it.
        let arguments: Vec<_> = arguments.filter(|argument| argument != "--bench").collect();
        let is_short = arguments.iter().any(|argument| argument == "--short");
        let usual = |long: u64, short: u64| if is_short { short } else { long };
        let mut options = Self {
            parts: Vec::new(),
            rounds: usual(5, 3),
            requests: usual(50_000, 10_000),
            seconds: usual(60, 5),
            stored: usual(1_000_000, 50_000),
            minutes: usual(30, 1),
            folder: target().join("peers"),
            programs: None,
            line: arguments.join(" "),
        };
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            if !argument.starts_with('-') {
                options.parts.push(argument);
                continue;
            }
            let mut number = || {
                let text = arguments.next().ok_or_else(|| format!("{argument} needs a value"))?;
                text.parse::<u64>().map_err(|_| format!("{argument} needs a number, not {text}"))
            };
            match &*argument {
                "--short" => {}
                "--rounds" => options.rounds = number()?,
                "--requests" => options.requests = number()?,
                "--seconds" => options.seconds = number()?,
                "--stored" => options.stored = number()?,
                "--minutes" => options.minutes = number()?,
                "--folder" => options.folder = arguments.next().ok_or("--folder needs a value")?.into(),
                "--programs" => {
                    options.programs = Some(arguments.next().ok_or("--programs needs a value")?.into());
                }
                _ => return Err(format!("there is no option {argument}")),
            }
        }
        if let Some(unknown) = options.parts.iter().find(|part| !USUAL.contains(&&***part) && *part != "soak")
        {
            return Err(format!("there is no part {unknown}"));
        }
        if options.parts.is_empty() {
            options.parts = USUAL.map(str::to_owned).into();
        }
        Ok(options)
    }

    pub(crate) fn wants(&self, part: &str) -> bool {
        self.parts.iter().any(|wanted| wanted == part)
    }
}
